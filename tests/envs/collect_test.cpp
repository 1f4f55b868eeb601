// Collected datasets: what a file says happened is what the environment does.
#include "warmstart/phases/collect.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

std::vector<double> row(const DoubleTable& table, int t) {
  return {table.values.begin() + static_cast<std::ptrdiff_t>(t) * table.cols,
          table.values.begin() + static_cast<std::ptrdiff_t>(t + 1) * table.cols};
}

/// Replays every transition from its recorded state and compares.
void expect_transitions_are_real(const std::string& id, const D4rlFile& file) {
  const auto env = make_env({id});
  for (int t = 0; t < file.observations.rows(); t += 7) {
    env->set_state(row(file.infos.at("qpos"), t), row(file.infos.at("qvel"), t),
                   file.infos.count("goal") ? row(file.infos.at("goal"), t) : std::vector<double>{});
    std::vector<double> action(file.actions.row(t), file.actions.row(t) + file.actions.cols());
    for (int k = 0; k < file.observations.cols(); ++k) ASSERT_EQ(file.observations(t, k), static_cast<float>(env->obs()[k])) << "row " << t;
    const Step step = env->step(action);
    for (int k = 0; k < file.observations.cols(); ++k) ASSERT_NEAR(file.next_observations(t, k), env->obs()[k], 1e-4) << "row " << t;
    ASSERT_NEAR(file.rewards[t], step.reward, 1e-4) << "row " << t;
    ASSERT_EQ(file.terminals[t] != 0, step.terminated) << "row " << t;
  }
}

TEST(Collect, EpisodesEndAtTheGoalOrTheTimeLimit) {
  const CollectConfig config{.steps = 6000, .noise = 0.5, .random_share = 0.2, .detour = 0.3, .seed = 1};
  const auto [file, report] = collect_steps({"PointMaze_UMaze_Episodic-v3"}, config);
  expect_transitions_are_real("PointMaze_UMaze_Episodic-v3", file);
  int episodes = 0, hits = 0, length = 0;
  for (int t = 0; t < 6000; ++t) {
    ++length;
    const bool end = file.terminals[t] || file.timeouts[t];
    ASSERT_FALSE(file.terminals[t] && file.timeouts[t]);
    ASSERT_EQ(file.terminals[t] != 0, file.infos.at("success").values[t] == 1);
    ASSERT_EQ(file.rewards[t], file.terminals[t]);
    if (file.timeouts[t] && t + 1 < 6000) {
      ASSERT_EQ(length, 300);
    }
    if (!end) {
      ASSERT_EQ(file.next_observations(t, 0), file.observations(t + 1, 0));
      continue;
    }
    ++episodes, hits += file.terminals[t], length = 0;
  }
  EXPECT_TRUE(file.timeouts[5999] || file.terminals[5999]);
  EXPECT_EQ(report.episodes, episodes);
  EXPECT_NEAR(report.success_share, static_cast<double>(hits) / episodes, 1e-12);
  EXPECT_GT(report.success_share, 0.8);
}

TEST(Collect, KnobsMakeItWorse) {
  CollectConfig config{.steps = 20000, .noise = 0.2, .seed = 2};
  const EnvConfig env{"PointMaze_Medium_Episodic-v3"};
  const auto good = collect_steps(env, config).report;
  config.detour = 1;
  const auto roundabout = collect_steps(env, config).report;
  config.random_share = 0.8;
  const auto poor = collect_steps(env, config).report;
  EXPECT_GT(roundabout.mean_length, 1.2 * good.mean_length);
  EXPECT_GT(poor.mean_length, 1.2 * roundabout.mean_length);
}

TEST(Collect, Maze2dGoesOnFromGoalToGoal) {
  const CollectConfig config{.protocol = "maze2d", .steps = 5000, .noise = 0.3, .seed = 3};
  const auto [file, report] = collect_steps({"PointMaze_Medium-v3"}, config);
  expect_transitions_are_real("PointMaze_Medium-v3", file);
  int changes = 0;
  for (int t = 0; t + 1 < 5000; ++t) {
    ASSERT_FALSE(file.terminals[t]);
    // The ball never jumps; the goal changes exactly where an episode ends.
    ASSERT_EQ(file.next_observations(t, 0), file.observations(t + 1, 0));
    const bool changed = file.observations(t, 4) != file.observations(t + 1, 4);
    ASSERT_EQ(changed, file.timeouts[t] != 0);
    ASSERT_EQ(file.next_observations(t, 4), file.observations(t, 4));  // the transition belongs to the old goal
    changes += changed;
  }
  EXPECT_GT(changes, 10);
  EXPECT_GT(report.success_share, 0.9);
}

// The policy that comes along walks D4RL's ant to the goal of the task, and transitions are the simulator's.
TEST(Collect, AntWalksToTheGoalByWaypoints) {
  const CollectConfig config{.steps = 4000, .noise = 0.2, .seed = 1};
  const auto [file, report] = collect_steps({"antmaze-umaze-v2"}, config);
  expect_transitions_are_real("antmaze-umaze-v2", file);
  EXPECT_GT(report.episodes, 5);
  EXPECT_GT(report.success_share, 0.7);
  ASSERT_EQ(file.observations.cols(), 29);
  for (int t = 0; t + 1 < 4000; ++t) {
    const auto at = row(file.infos.at("qpos"), t), goal = row(file.infos.at("goal"), t), next = row(file.infos.at("qpos"), t + 1);
    ASSERT_EQ(file.observations(t, 0), static_cast<float>(at[0]));
    ASSERT_EQ(file.rewards[t], file.terminals[t]);
    if (file.terminals[t] || file.timeouts[t]) continue;
    ASSERT_EQ(goal, row(file.infos.at("goal"), t + 1));  // one goal in an episode, and it is not reached before the end
    ASSERT_GT(std::hypot(next[0] - goal[0], next[1] - goal[1]), 0.5);
  }
}

// D4RL's protocols: starts all over the maze, rewards by the task's goal though the ant walks to others.
TEST(Collect, AntDataStartAnywhereAndAreRewardedByTheTask) {
  for (const char* protocol : {"play", "diverse"}) {
    const CollectConfig config{.protocol = protocol, .steps = 4000, .noise = 0.2, .seed = 2};
    const auto [file, report] = collect_steps({.id = "antmaze-medium-play-v2", .max_episode_steps = 100}, config);
    EXPECT_GE(report.episodes, 40);
    int far = 0, walked = 0;
    for (int t = 0; t < 4000; t += 100) {
      ASSERT_TRUE(report.episodes > 40 || t == 0 || file.timeouts[t - 1]);
      const auto start = row(file.infos.at("qpos"), t), end = row(file.infos.at("qpos"), t + 99), goal = row(file.infos.at("goal"), t);
      far += std::hypot(start[0], start[1]) > 3;
      walked += std::hypot(end[0] - start[0], end[1] - start[1]) > 3;
      for (int k = 0; k < 2; ++k) ASSERT_NEAR(goal[k], 20.75, 0.75) << protocol;
    }
    EXPECT_GT(far, 25) << protocol;
    EXPECT_GT(walked, 20) << protocol;
  }
}

TEST(Collect, SameSeedSameData) {
  const CollectConfig config{.steps = 500, .noise = 0.5, .random_share = 0.3, .seed = 7};
  CollectConfig other = config;
  other.seed = 8;
  const EnvConfig env{"PointMaze_UMaze-v3"};
  const auto a = collect_steps(env, config).file, b = collect_steps(env, config).file, c = collect_steps(env, other).file;
  EXPECT_TRUE(std::equal(a.next_observations.data(), a.next_observations.data() + a.next_observations.size(), b.next_observations.data()));
  EXPECT_FALSE(std::equal(a.next_observations.data(), a.next_observations.data() + a.next_observations.size(), c.next_observations.data()));
}

TEST(Collect, RandomPolicyWorksAnywhereAndSurvivesTheFile) {
  const fs::path path = fs::temp_directory_path() / "warmstart_collect_test.hdf5";
  const auto report = collect({"Hopper-v4"}, {.policy = "random", .steps = 300}, path);
  const D4rlFile file = read_d4rl(path);
  fs::remove(path);
  EXPECT_EQ(report.steps, 300);
  EXPECT_GT(report.episodes, 3);  // it falls
  ASSERT_EQ(file.observations.rows(), 300);
  EXPECT_EQ(file.metadata.at("env"), "Hopper-v4");
  EXPECT_EQ(file.metadata.at("policy"), "random");
  EXPECT_EQ(file.infos.at("qpos").cols, 6);
  EXPECT_EQ(file.infos.count("goal"), 0u);
  expect_transitions_are_real("Hopper-v4", file);
}

TEST(Collect, RefusesWhatDoesNotFit) {
  const auto message = [](const EnvConfig& env, const CollectConfig& config) {
    try {
      collect_steps(env, config);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::kUsage);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message({"Hopper-v4"}, {}).find("needs a maze with a ball or D4RL's ant (Hopper-v4)"), std::string::npos);
  EXPECT_NE(message({"AntMaze_UMaze-v5"}, {}).find("D4RL's ant (AntMaze_UMaze-v5)"), std::string::npos);  // another ant: nobody walks it
  EXPECT_NE(message({"antmaze-umaze-v2"}, {.protocol = "maze2d"}).find("protocol \"maze2d\" needs a maze with a ball"), std::string::npos);
  EXPECT_NE(message({"antmaze-medium-v0"}, {.protocol = "play"}).find("needs D4RL's ant (antmaze-medium-v0)"), std::string::npos);
  EXPECT_NE(message({"PointMaze_UMaze-v3"}, {.policy = "waypont"}).find("did you mean \"waypoint\""), std::string::npos);
  EXPECT_NE(message({"PointMaze_UMaze-v3"}, {.protocol = "maze"}).find("did you mean \"maze2d\""), std::string::npos);
  EXPECT_NE(message({"PointMaze_UMaze-v3"}, {.steps = 0}).find("at least 1"), std::string::npos);
}

}  // namespace
}  // namespace warmstart
