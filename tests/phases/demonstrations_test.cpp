// Experts from files, and data collected by demonstration.
#include "warmstart/phases/demonstrations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "../support.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/driver.h"

namespace warmstart {
namespace {

const std::string kPolicies = WARMSTART_POLICIES;

CollectConfig door(std::int64_t demonstrations, std::int64_t trajectories, std::int64_t clone_steps) {
  return {.policy = "expert",
          .protocol = "demonstrations",
          .noise = 0.5,
          .expert = kPolicies + "/dapg_door.npz",
          .demonstrations = demonstrations,
          .trajectories = trajectories,
          .clone_steps = clone_steps};
}

std::vector<double> row(const D4rlFile& file, const char* name, int t) {
  const DoubleTable& table = file.infos.at(name);
  return {table.values.begin() + t * table.cols, table.values.begin() + (t + 1) * table.cols};
}

std::vector<double> doubles_of(const nlohmann::json& base64) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", text = base64;
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(alphabet.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<char>(bits >> (count -= 8)));
  }
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

// numpy's arithmetic on the same file, at the start of a recorded segment
TEST(Demonstrations, TheExpertActsAsItsFileSays) {
  for (const std::string task : {"Door", "Pen"}) {
    const std::string id = "AdroitHand" + task + "-v1";
    const auto segment = nlohmann::json::parse(read_text(fs::path(WARMSTART_GOLDEN) / "envs" / (id + ".json")))["segments"][2];
    const auto env = make_env({id});
    env->set_state(segment["qpos"].get<std::vector<double>>(), segment["qvel"].get<std::vector<double>>(),
                   segment["goal"].get<std::vector<double>>());
    CollectConfig config{.policy = "expert", .noise = 0, .expert = kPolicies + (task == "Door" ? "/dapg_door.npz" : "/dapg_pen.npz")};
    Rng rng(1, "expert");
    std::vector<double> action(env->spec().action_size);
    make_driver(*env, config)->act(*env, rng, action);
    const auto expected = doubles_of(segment["expert_at_start"]);
    ASSERT_EQ(action.size(), expected.size());
    for (std::size_t i = 0; i < action.size(); ++i) EXPECT_NEAR(action[i], expected[i], 1e-5) << id << " " << i;  // numpy adds in floats

    // the noise has the file's spread: action - mean = noise * exp(log_std) * N(0, 1)
    config.noise = 2;
    const auto noisy = make_driver(*env, config);
    double squares = 0;
    const int n = 4000;
    for (int k = 0; k < n; ++k) {
      noisy->act(*env, rng, action);
      squares += std::pow(action[0] - expected[0], 2) / n;
    }
    EXPECT_NEAR(std::sqrt(squares) / (2 * std::exp(task == "Door" ? -1.6901722 : -1.6877038)), 1, 0.05) << id;
  }
}

TEST(Demonstrations, TheExpertOpensTheDoor) {
  CollectConfig config{.policy = "expert", .steps = 1500, .noise = 0, .expert = kPolicies + "/dapg_door.npz"};
  const auto [file, report] = collect_steps({"door-binary-v0"}, config);
  EXPECT_GT(report.success_share, 0.9);  // the last episode may be cut short
  EXPECT_GT(report.episodes, 10);
  EXPECT_LT(report.mean_length, 120);
}

TEST(Demonstrations, AreSuccessesCutAfterTheLastOne) {
  const auto [file, report] = collect_steps({"door-binary-v0"}, door(3, 0, 1));
  const int steps = file.observations.rows();
  ASSERT_EQ(report.episodes, 3);
  ASSERT_EQ(report.steps, steps);
  EXPECT_EQ(file.infos.at("trajectory").values.back(), 2);
  int ends = 0, hits = 0, after_success = 0;
  for (int t = 0; t < steps; ++t) {
    const double success = file.infos.at("success").values[t];
    ASSERT_EQ(file.rewards[t], success - 1);
    ASSERT_EQ(file.terminals[t], success);
    ASSERT_EQ(file.timeouts[t], 0);
    hits += success == 1;
    const bool last = t + 1 == steps || file.infos.at("trajectory").values[t] != file.infos.at("trajectory").values[t + 1];
    if (last) {
      ASSERT_EQ(success, 1);
      ++ends;
    } else {
      after_success += success == 1;
      ASSERT_EQ(file.next_observations(t, 7), file.observations(t + 1, 7));
    }
  }
  EXPECT_EQ(ends, 3);
  EXPECT_GT(after_success, 30);  // the expert goes on and holds the door open
  // rows are transitions of the task itself
  const auto env = make_env({"door-binary-v0"});
  for (int t = 0; t < steps; t += 37) {
    env->set_state(row(file, "qpos", t), row(file, "qvel", t), row(file, "goal", t));
    // joints alone: places of palm and handle lag a simulator step, which a state put in does not have
    for (int k = 0; k < 29; ++k) ASSERT_EQ(file.observations(t, k), static_cast<float>(env->obs()[k])) << "row " << t;
    const Step step = env->step(std::vector<double>(file.actions.row(t), file.actions.row(t) + file.actions.cols()));
    ASSERT_EQ(step.reward, file.rewards[t]) << "row " << t;
  }
}

// Pens slip: some episodes fail, some lose the target again before they end.
TEST(Demonstrations, LeaveOutFailuresAndWhatComesAfterTheLastSuccess) {
  CollectConfig config = door(12, 0, 1);
  config.expert = kPolicies + "/dapg_pen.npz";
  config.noise = 1.5;
  const auto [file, report] = collect_steps({"pen-binary-v0"}, config);
  const auto& trajectory = file.infos.at("trajectory").values;
  std::vector<int> lengths(12, 0);
  for (std::size_t t = 0; t < trajectory.size(); ++t) {
    ++lengths[static_cast<std::size_t>(trajectory[t])];
    if (t + 1 == trajectory.size() || trajectory[t] != trajectory[t + 1]) {
      ASSERT_EQ(file.infos.at("success").values[t], 1) << t;
    }
  }
  EXPECT_GT(*std::min_element(lengths.begin(), lengths.end()), 0);
  EXPECT_LT(*std::min_element(lengths.begin(), lengths.end()), 100);  // else nothing was cut
  EXPECT_LE(*std::max_element(lengths.begin(), lengths.end()), 100);
  EXPECT_GT(std::stoi(file.metadata.at("demonstrations_played")), 12);  // else nothing failed
  EXPECT_LT(report.success_share, 1);
}

CollectConfig human() {
  return {.policy = "recorded",
          .protocol = "demonstrations",
          .expert = std::string(WARMSTART_GOLDEN) +
                    "/data/door-human.hdf5",  // two episodes of DAPG's people, as gymnasium-robotics replayed them
          .trajectories = 0};
}

TEST(Demonstrations, ReplaysWhatPeopleDid) {
  const auto [file, report] = collect_steps({"door-binary-v0"}, human());
  EXPECT_EQ(file.metadata.at("demonstrations_played"), "2");
  EXPECT_EQ(file.metadata.at("demonstrations_kept"), "1");  // the second; its 225 steps are more than the task's 200
  EXPECT_TRUE(file.metadata.at("expert").starts_with("door-human.hdf5, checksum ")) << file.metadata.at("expert");
  const D4rlFile recorded = read_d4rl(human().expert);
  constexpr int kFirst = 223;
  const auto& success = recorded.infos.at("success").values;
  const auto last = std::find(success.rbegin(), success.rend(), 1).base() - success.begin();
  ASSERT_EQ(file.observations.rows(), last - kFirst);
  for (int t = 0; t < file.observations.rows(); ++t) {
    ASSERT_EQ(file.infos.at("success").values[static_cast<std::size_t>(t)], success[static_cast<std::size_t>(kFirst + t)]) << t;
    for (int i = 0; i < 28; ++i) ASSERT_EQ(file.actions.row(t)[i], recorded.actions.row(kFirst + t)[i]) << t;
    for (int i = 0; i < 39; ++i)  // the start is rounded to float, and contacts amplify that
      ASSERT_NEAR(file.observations.row(t)[i], recorded.observations.row(kFirst + t)[i], 1e-3) << t << ' ' << i;
  }
}

TEST(Demonstrations, ARecordingCanBeUseless) {
  CollectConfig config = human();
  expect_error(Exit::kData, {"actions have size 28", "AdroitHandPen-v1 has 24"}, [&] { collect_steps({"AdroitHandPen-v1"}, config); });
  const TemporaryFolder folder;
  D4rlFile file = read_d4rl(config.expert);
  config.expert = (folder / "recording.hdf5").string();
  file.infos.erase("door_body_pos");
  write_d4rl(config.expert, file);
  expect_error(Exit::kData, {"no infos/goal", "recording.hdf5"}, [&] { collect_steps({"door-binary-v0"}, config); });
  file = read_d4rl(human().expert);
  std::fill_n(file.actions.row(223), 28 * 225, 0.0F);
  write_d4rl(config.expert, file);
  expect_error(Exit::kData, {"none of 2 episodes succeeds"}, [&] { collect_steps({"door-binary-v0"}, config); });
  config.expert = "";
  expect_error(Exit::kUsage, {"needs a file", "collect.expert"}, [&] { collect_steps({"door-binary-v0"}, config); });
  config.protocol = "episodes";
  expect_error(Exit::kUsage, {"recorded states alone"}, [&] { collect_steps({"door-binary-v0"}, config); });
}

TEST(Demonstrations, EverySettingMatters) {
  const auto print = [](const CollectConfig& config) {
    const Collected made = collect_steps({.id = "door-binary-v0"}, config);
    return join(made.report.notes) + std::to_string(made.report.steps);
  };
  const CollectConfig config = door(2, 3, 40);
  const std::string plain = print(config);
  EXPECT_EQ(print(config), plain);
  CollectConfig more = config, longer = config, others = config;
  more.demonstrations = 3, longer.clone_steps = 41, others.trajectories = 4;
  EXPECT_NE(print(more), plain);
  EXPECT_NE(print(longer), plain);
  EXPECT_NE(print(others), plain);
}

TEST(Demonstrations, SayHowTheyWereMade) {
  const Collected made = collect_steps({"door-binary-v0"}, door(1, 2, 20));
  EXPECT_EQ(made.file.metadata.at("protocol"), "demonstrations");
  EXPECT_EQ(made.file.metadata.at("demonstrations_kept"), "1");
  EXPECT_EQ(made.file.metadata.at("clone_played"), "2");
  EXPECT_EQ(made.file.metadata.at("seed"), "0");
  EXPECT_TRUE(made.file.metadata.at("expert").starts_with("dapg_door.npz, checksum ")) << made.file.metadata.at("expert");
  EXPECT_FALSE(made.file.metadata.contains("steps"));
}

TEST(Demonstrations, RefusesWhatDoesNotFit) {
  CollectConfig config = door(1, 0, 1);
  expect_error(Exit::kUsage, {"AdroitHandPen-v1 has 45 and 24", "choose the file of this task"},
               [&] { collect_steps({"AdroitHandPen-v1"}, config); });
  expect_error(Exit::kUsage, {"does not report", "Hopper-v4"}, [&] { collect_steps({"Hopper-v4"}, config); });
  config.expert = "";
  expect_error(Exit::kUsage, {"needs a file", "collect.expert"}, [&] { collect_steps({"door-binary-v0"}, config); });
  config.expert = "no/such.npz";
  expect_error(Exit::kData, {"no such file", "no/such.npz"}, [&] { collect_steps({"door-binary-v0"}, config); });
  TemporaryFolder folder;
  config.expert = folder.write("damaged.npz", read_text(kPolicies + "/dapg_door.npz").substr(0, 9000)).string();
  expect_error(Exit::kData, {"damaged.npz", "not a readable NPZ file"}, [&] { collect_steps({"door-binary-v0"}, config); });
  // a policy that never succeeds does not go on for ever
  config = door(1, 0, 1);
  config.policy = "random";
  expect_error(Exit::kData, {"only 0 of 20 episodes", "use a better policy"},
               [&] { collect_steps({.id = "door-binary-v0", .max_episode_steps = 5}, config); });
}

}  // namespace
}  // namespace warmstart
