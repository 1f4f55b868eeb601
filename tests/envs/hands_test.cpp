// Adroit hands and kitchen: where episodes start, observation noise, playing on after success. Steps are parity_test's business.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "warmstart/core/files.h"
#include "warmstart/envs/adroit.h"
#include "warmstart/envs/kitchen.h"

namespace warmstart {
namespace {

nlohmann::json recorded(const std::string& id) {
  return nlohmann::json::parse(read_text(fs::path(WARMSTART_GOLDEN) / "envs" / (id + ".json")));
}

struct Range {
  double low, high;
};

// Ranges as the original documents them; the recorded starts of the original lie in them too.
TEST(Hands, TasksArePlacedInTheOriginalsRanges) {
  const std::map<std::string, std::vector<Range>> all = {
      {"AdroitHandDoor-v1", {{-0.3, -0.2}, {0.25, 0.35}, {0.252, 0.35}}},
      {"AdroitHandRelocate-v1", {{-0.15, 0.15}, {-0.15, 0.3}, {0.035, 0.035}, {-0.2, 0.2}, {-0.2, 0.2}, {0.15, 0.35}}},
      {"AdroitHandHammer-v1", {{0.05, 0.05}, {0, 0}, {0.1, 0.25}}},
  };
  Rng rng(1, "places");
  for (const auto& [id, ranges] : all) {
    const auto env = make_env({id});
    std::vector<Range> seen(ranges.size(), {1e9, -1e9});
    for (int k = 0; k < 300; ++k) {
      env->reset(rng);
      for (const double q : env->qpos()) ASSERT_EQ(q, 0) << id;
      ASSERT_EQ(env->goal().size(), ranges.size());
      for (std::size_t i = 0; i < ranges.size(); ++i)
        seen[i] = {std::min(seen[i].low, env->goal()[i]), std::max(seen[i].high, env->goal()[i])};
    }
    const auto segments = recorded(id)["segments"];
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const double slack = 0.03 * (ranges[i].high - ranges[i].low) + 1e-12;
      EXPECT_NEAR(seen[i].low, ranges[i].low, slack) << id << " " << i;
      EXPECT_NEAR(seen[i].high, ranges[i].high, slack) << id << " " << i;
      for (const std::size_t s : {0, 1, 3}) {  // the third is made up in part
        const double theirs = segments[s]["goal"][i];
        EXPECT_GE(theirs, ranges[i].low - 1e-12) << id << " " << i;
        EXPECT_LE(theirs, ranges[i].high + 1e-12) << id << " " << i;
      }
    }
  }
}

// Rotations about x and then y, up to 1 rad each: then w z = x y (with the original's sign) and the half angles can be read off.
TEST(Hands, ThePensTargetTurnsAboutTwoAxes) {
  double widest_x = 0, widest_y = 0;
  const auto check = [&](const std::vector<double>& q) {
    EXPECT_NEAR(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3], 1, 1e-12);
    EXPECT_NEAR(q[0] * q[3], q[1] * q[2], 1e-12);
    const double x = 2 * std::atan2(q[1], q[0]), y = 2 * std::atan2(q[2], q[0]);
    EXPECT_LE(std::abs(x), 1 + 1e-12);
    EXPECT_LE(std::abs(y), 1 + 1e-12);
    widest_x = std::max(widest_x, std::abs(x)), widest_y = std::max(widest_y, std::abs(y));
  };
  for (const auto& segment : recorded("AdroitHandPen-v1")["segments"]) check(segment["goal"].get<std::vector<double>>());
  const auto env = make_env({"AdroitHandPen-v1"});
  Rng rng(2, "pens");
  for (int k = 0; k < 200; ++k) env->reset(rng), check(env->goal());
  EXPECT_GT(widest_x, 0.97);
  EXPECT_GT(widest_y, 0.97);
}

TEST(Hands, BinaryTasksPlayOnWhenAsked) {
  Rng rng(3, "play on");
  const auto env = make_env({.id = "relocate-binary-v0", .max_episode_steps = 30});
  ASSERT_TRUE(play_on_after_success(*env, true));
  // the target is where the ball lies: success from the first step on
  env->reset(rng);
  std::vector<double> goal = env->goal();
  std::copy_n(goal.begin(), 3, goal.begin() + 3);
  env->set_state(env->qpos(), env->qvel(), goal);
  for (int t = 1; t <= 30; ++t) {
    const Step step = env->step(std::vector<double>(30, 0.0));
    EXPECT_TRUE(step.success);
    EXPECT_EQ(step.reward, 0);
    EXPECT_FALSE(step.terminated);
    EXPECT_EQ(step.truncated, t == 30);
  }
  ASSERT_TRUE(play_on_after_success(*env, false));
  env->set_state(env->qpos(), env->qvel(), goal);
  EXPECT_TRUE(env->step(std::vector<double>(30, 0.0)).terminated);
  EXPECT_FALSE(play_on_after_success(*make_env({"AdroitHandRelocate-v1"}), true));
}

TEST(Kitchen, NoiseIsOfTheOriginalsSizeAndFollowsTheSeed) {
  struct Case {
    const char* id;
    int objects;  ///< where the objects' positions begin in the observation
    double robot, microwave;
  };
  // amplitudes: robot 0.1, microwave's hinge 0.1; of them 0.01 and 0.0005, or 0.1 (the off by one gives the microwave its neighbour's 0.1)
  for (const Case& c : {Case{"FrankaKitchen-v1", 18, 1e-3, 5e-5}, Case{"kitchen-complete-v0", 9, 1e-2, 1e-2}}) {
    const auto env = make_env({c.id});
    Rng rng(4, "noise"), again(4, "noise");
    double robot = 0, microwave = 0;
    const int n = 400, hinge = 22;
    std::vector<double> first;
    for (int k = 0; k < n; ++k) {
      env->reset(rng);
      const auto obs = env->obs();
      const auto qpos = env->qpos();
      const double dr = obs[0] - qpos[0], dm = obs[c.objects + hinge - 9] - qpos[hinge];
      ASSERT_LE(std::abs(dr), c.robot);
      ASSERT_LE(std::abs(dm), c.microwave);
      robot += dr * dr / n, microwave += dm * dm / n;
      if (k == 0) first.assign(obs.begin(), obs.end());
    }
    EXPECT_NEAR(std::sqrt(3 * robot) / c.robot, 1, 0.1) << c.id;
    EXPECT_NEAR(std::sqrt(3 * microwave) / c.microwave, 1, 0.1) << c.id;
    env->reset(again);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), env->obs().begin())) << c.id;
  }
}

TEST(Kitchen, D4rlsIdsShareTheirTask) {
  EXPECT_EQ(env_spec("kitchen-partial-v0").same_as, "kitchen-complete-v0");
  for (const char* id : {"kitchen-complete-v0", "kitchen-partial-v0", "kitchen-mixed-v0"}) {
    EXPECT_EQ(env_spec(id).max_episode_steps, 280);
    EXPECT_EQ(normalized_score(env_spec(id), 123, 0.75), 75);
  }
  EXPECT_FALSE(feed_observation_noise(*make_env({"HalfCheetah-v4"}), {}));
}

}  // namespace
}  // namespace warmstart
