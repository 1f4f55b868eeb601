// That the replay notices: disturbed numbers, draws that do not match, configuration keys that cannot be honoured.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/golden/replay.h"

namespace warmstart::golden {
namespace {

constexpr float kDisturbance = 1e-3f;

Case own_case(const std::string& name) { return read_case(fs::path(WARMSTART_GOLDEN) / "updates" / (name + ".safetensors")); }

/// Adds to the values [first, first + count) of one tensor.
void disturb(Case& c, const std::string& key, std::size_t first, std::size_t count) {
  Tensor& tensor = c.file.tensors.at(c.name + "/" + key);
  for (std::size_t i = first; i < first + count; ++i) {
    float value;
    std::memcpy(&value, tensor.bytes.data() + i * sizeof value, sizeof value);
    value += kDisturbance;
    std::memcpy(tensor.bytes.data() + i * sizeof value, &value, sizeof value);
  }
}

bool mentions(const Report& report, const std::string& word) { return report.text(1000).find(word) != std::string::npos; }

Report replay_on_reference(const Case& c) {
  const auto backend = make_reference_backend();
  return replay(c, *backend);
}

struct Disturbance {
  std::string name, key;
  bool single;  ///< one value in the middle, or the whole tensor (a mean over many rows hides one value of 1e-3)
};
void PrintTo(const Disturbance& d, std::ostream* out) { *out << d.name << " " << d.key; }

class Disturbed : public testing::TestWithParam<Disturbance> {};

TEST_P(Disturbed, IsNoticed) {
  const Disturbance& d = GetParam();
  Case c = own_case(d.name);
  const std::size_t n = c.at(d.key).count();
  d.single ? disturb(c, d.key, n / 2, 1) : disturb(c, d.key, 0, n);
  const Report report = replay_on_reference(c);
  EXPECT_FALSE(report.ok());
  EXPECT_GT(report.worst, 1.0);  // by its numbers, not for another reason
}

INSTANTIATE_TEST_SUITE_P(
    Golden, Disturbed,
    testing::Values(Disturbance{"sac_utd_exp", "0/params/modules_actor/network/Dense_1/kernel", true},
                    Disturbance{"sac_utd_exp", "0/params/modules_actor/Dense_1/bias", true},
                    Disturbance{"sac_utd_exp", "0/params/modules_critic/network/LayerNorm_1/scale", true},
                    Disturbance{"sac_utd_exp", "0/params/modules_critic/Dense_0/kernel", true},
                    Disturbance{"sac_utd_exp", "0/params/modules_temperature/lagrange", true},
                    Disturbance{"sac_utd_exp", "0/target_params/modules_critic/network/Dense_2/kernel", true},
                    Disturbance{"sac_utd_exp", "1/draws/u0/critic/next_action_noise", false},
                    Disturbance{"sac_utd_exp", "1/draws/u2/critic/next_action_noise", false},
                    Disturbance{"sac_utd_exp", "1/draws/u4/actor/action_noise", false},
                    Disturbance{"sac_utd_exp", "1/draws/u4/temperature/next_action_noise", false},
                    Disturbance{"sac_utd_exp", "1/batch/observations", true}, Disturbance{"sac_utd_exp", "1/batch/rewards", true},
                    Disturbance{"sac_utd_exp", "1/batch/masks", false},
                    Disturbance{"sac_utd_exp", "3/params/modules_actor/Dense_0/kernel", true},
                    Disturbance{"sac_utd_exp", "2/uinfo/u1/grad_norm", true}, Disturbance{"sac_utd_exp", "1/info/actor/actions", true},
                    Disturbance{"iql_awr_09", "1/info/value/uncentered_loss", true},
                    Disturbance{"cql_fixed", "0/params/modules_actor/Dense_0/bias", true},
                    Disturbance{"cql_fixed", "0/params/modules_critic/network/Dense_1/kernel", true},
                    Disturbance{"cql_fixed", "0/target_params/modules_critic/Dense_0/bias", true},
                    Disturbance{"cql_fixed", "1/draws/u0/critic/cql_random_actions", false},
                    Disturbance{"cql_fixed", "1/draws/u0/critic/cql_current_action_noise", false},
                    Disturbance{"cql_fixed", "1/draws/u0/critic/cql_next_action_noise", false},
                    Disturbance{"cql_fixed", "1/draws/u0/critic/next_action_noise", false},
                    Disturbance{"cql_fixed", "1/draws/u0/actor/action_noise", true}, Disturbance{"cql_fixed", "1/batch/rewards", true},
                    Disturbance{"cql_fixed", "1/batch/next_observations", true}, Disturbance{"cql_fixed", "1/batch/actions", false},
                    Disturbance{"cql_fixed", "2/target_params/modules_critic/Dense_0/kernel", true}));

TEST(GoldenHarness, RefusesWhatItCannotHonour) {
  const Case c = own_case("cql_fixed");
  const auto failing = [&](const std::string& section, const std::string& key, const Json& value) {
    Case changed = c;
    (section.empty() ? changed.sidecar : changed.sidecar["agent_kwargs"][section])[key] = value;
    return replay_on_reference(changed);
  };
  EXPECT_TRUE(mentions(failing("critic_optimizer_kwargs", "weight_decay", 0.1), "weight_decay"));
  EXPECT_TRUE(mentions(failing("actor_optimizer_kwargs", "clip_grad_norm", 1.0), "clip_grad_norm"));
  EXPECT_TRUE(mentions(failing("actor_optimizer_kwargs", "learning_rate", 0.5), "learning_rate"));
  EXPECT_TRUE(mentions(failing("policy_kwargs", "std_parameterization", "softplus"), "std_parameterization"));
  EXPECT_TRUE(mentions(failing("policy_kwargs", "std_max", 2.0), "std_max"));
  EXPECT_TRUE(mentions(failing("policy_network_kwargs", "dropout_rate", 0.1), "dropout_rate"));
  EXPECT_TRUE(mentions(failing("critic_network_kwargs", "novelty", 1), "novelty"));
  EXPECT_TRUE(mentions(failing("", "call", "update_twice"), "update_twice"));
  EXPECT_TRUE(failing("critic_network_kwargs", "novelty", nullptr).ok());
  EXPECT_TRUE(failing("actor_optimizer_kwargs", "weight_decay", nullptr).ok());

  Case changed = c;
  changed.sidecar["agent_config"]["novelty"] = true;
  EXPECT_TRUE(mentions(replay_on_reference(changed), "agent_config.novelty"));
  changed = c;
  changed.sidecar["agent_config"]["cql_action_sample_method"] = "sobol";
  EXPECT_TRUE(mentions(replay_on_reference(changed), "cql_action_sample_method"));
}

TEST(GoldenHarness, EveryRecordedDrawIsUsedOnce) {
  Case c = own_case("sac_utd_exp");
  const std::string key = c.name + "/1/draws/u1/critic/redq_subset_indices";
  Case extra = c;
  extra.file.tensors[c.name + "/1/draws/u1/critic/another"] = c.file.tensors.at(key);
  EXPECT_TRUE(mentions(replay_on_reference(extra), "not used: 1/draws/u1/critic/another"));
  c.file.tensors.erase(key);
  EXPECT_TRUE(mentions(replay_on_reference(c), "never recorded: 1/draws/u1/critic/redq_subset_indices"));
}

// What each slice of an update reports is recorded too; the learner reports its mean, which is compared.
TEST(GoldenHarness, EveryRecordedInfoIsCompared) {
  for (const auto& path : find_cases(fs::path(WARMSTART_GOLDEN) / "updates")) {
    const Case c = read_case(path);
    const Report report = replay_on_reference(c);
    for (const auto& key : c.under(""))
      if (key.find("/info/") != std::string::npos) EXPECT_TRUE(report.seen.contains(key)) << c.name << " " << key;
  }
}

TEST(GoldenHarness, EveryRecordedParameterIsCompared) {
  Case c = own_case("sac_utd_exp");
  c.file.tensors[c.name + "/1/params/modules_value/Dense_0/bias"] = c.at("1/params/modules_critic/Dense_0/bias");
  EXPECT_TRUE(mentions(replay_on_reference(c), "modules_value"));
}

TEST(GoldenHarness, ReadsPythonsNumbers) {
  const Json parsed = parse_json(R"({"a": -Infinity, "b": [Infinity, NaN, 1], "c": "NaN \" Infinity", "d": "x\\"})");
  EXPECT_EQ(parsed.at("a"), "-inf");
  EXPECT_EQ(parsed.at("b"), Json({"inf", "nan", 1}));
  EXPECT_EQ(parsed.at("c"), "NaN \" Infinity");
  EXPECT_EQ(parsed.at("d"), "x\\");
}

}  // namespace
}  // namespace warmstart::golden
