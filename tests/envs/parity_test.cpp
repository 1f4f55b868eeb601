// Our tasks against transcripts of Gymnasium's own (tests/oracle/record_envs.py): same states, same actions, same numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "warmstart/core/files.h"
#include "warmstart/envs/env.h"
#include "warmstart/envs/kitchen.h"
#include "warmstart/envs/waypoint.h"

namespace warmstart {
namespace {

constexpr double kTolerance = 1e-9;  // same library, same operations; leaves room for another compiler's rounding

std::vector<std::uint8_t> decode_base64(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string::npos) break;  // padding
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) bytes.push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
  }
  return bytes;
}

std::vector<double> decode_doubles(const std::string& text) {
  const auto bytes = decode_base64(text);
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

void expect_row(std::span<const double> expected, std::span<const double> actual, const std::string& where) {
  ASSERT_EQ(expected.size(), actual.size()) << where;
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(expected[i], actual[i], kTolerance) << where << ", obs[" << i << "]";
}

class Parity : public testing::TestWithParam<std::string> {};

TEST_P(Parity, FollowsGymnasium) {
  const auto path = fs::path(WARMSTART_GOLDEN) / "envs" / (GetParam() + ".json");
  const auto record = nlohmann::json::parse(read_text(path));
  ASSERT_EQ(record["env"], GetParam());
  if (record.contains("walls") && !record["walls"].empty()) {
    const auto env = make_env({.id = GetParam()});
    const Maze& maze = *maze_of(*env);
    for (const Xy wall : record["walls"].get<std::vector<Xy>>()) {
      const Cell cell = maze.cell_at(wall);
      EXPECT_FALSE(maze.is_free(cell));
      EXPECT_EQ(maze.center(cell), wall);
    }
    EXPECT_EQ(maze.free_cells().size() + record["walls"].size(), static_cast<std::size_t>(maze.rows() * maze.cols()));
  }
  // a task that moves as another one does records only what differs; it may end sooner
  nlohmann::json motion;
  if (record.contains("motion_of"))
    motion = nlohmann::json::parse(read_text(fs::path(WARMSTART_GOLDEN) / "envs" / (record["motion_of"].get<std::string>() + ".json")));
  int total = 0, limit = -1;
  std::unique_ptr<Env> env;
  for (std::size_t s = 0; s < record["segments"].size(); ++s) {
    nlohmann::json segment = record["segments"][s];
    if (!motion.is_null())
      for (const char* key : {"qpos", "qvel", "goal", "obs0", "actions", "obs"}) segment[key] = motion["segments"][s][key];
    if (const int wanted = segment["time_limit"]; wanted != limit) env = make_env({.id = GetParam(), .max_episode_steps = limit = wanted});
    const std::size_t obs_size = env->spec().obs_size, action_size = env->spec().action_size;
    if (segment.contains("noise")) {
      ASSERT_TRUE(feed_observation_noise(*env, decode_doubles(segment["noise"].get<std::string>())));
    }
    env->set_state(segment["qpos"].get<std::vector<double>>(), segment["qvel"].get<std::vector<double>>(),
                   segment["goal"].get<std::vector<double>>());
    expect_row(decode_doubles(segment["obs0"]), env->obs(), "start of a segment");
    const auto actions = decode_doubles(segment["actions"]), obs = decode_doubles(segment["obs"]),
               reward = decode_doubles(segment["reward"]);
    const auto terminated = decode_base64(segment["terminated"]), truncated = decode_base64(segment["truncated"]);
    const std::size_t obs_every = segment.value("obs_every", 1);  // large observations are not all kept
    ASSERT_FALSE(reward.empty());
    if (motion.is_null()) {
      ASSERT_EQ((reward.size() + obs_every - 1) / obs_every * obs_size, obs.size());
      ASSERT_EQ(reward.size() * action_size, actions.size());
    } else {
      ASSERT_EQ(actions.size() / action_size, obs.size() / obs_size);
      ASSERT_LE(reward.size() * obs_size, obs.size());
      ASSERT_TRUE(reward.size() * obs_size == obs.size() || terminated.back() || truncated.back());
    }
    for (std::size_t t = 0; t < reward.size(); ++t) {
      const std::string where = GetParam() + ", step " + std::to_string(t) + " of the segment after " + std::to_string(total) + " steps";
      const Step step = env->step(std::span(actions).subspan(t * action_size, action_size));
      if (t % obs_every == 0) {
        ASSERT_NO_FATAL_FAILURE(expect_row(std::span(obs).subspan(t / obs_every * obs_size, obs_size), env->obs(), where));
      }
      ASSERT_NEAR(reward[t], step.reward, kTolerance) << where;
      ASSERT_EQ(terminated[t] != 0, step.terminated) << where;
      ASSERT_EQ(truncated[t] != 0, step.truncated) << where;
      if (segment.contains("success")) {
        ASSERT_EQ(decode_base64(segment["success"])[t] != 0, step.success) << where;
      }
      if (env->spec().sparse_reward) {
        ASSERT_EQ(step.success, step.reward == 1) << where;
      }
    }
    total += static_cast<int>(reward.size());
  }
  EXPECT_GE(total, 200);
}

std::vector<std::string> all_ids() {
  std::vector<std::string> ids;
  for (const EnvSpec& spec : env_specs())
    if (spec.same_as.empty()) ids.push_back(spec.id);
  return ids;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(AllIds, Parity, testing::ValuesIn(all_ids()), test_name);

}  // namespace
}  // namespace warmstart
