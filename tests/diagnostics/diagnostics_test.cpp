// What the diagnostics say of two small agents is what PyTorch says of them (tests/oracle/record_diagnostics.py).
#include "warmstart/diagnostics/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/nn/dormant.h"

namespace warmstart {
namespace {

const std::string kFolder = std::string(WARMSTART_GOLDEN) + "/diagnostics/";
constexpr int kObs = 5, kAction = 2;

struct Golden {
  SafeTensors file = read_safetensors(kFolder + "agents.safetensors");
  nlohmann::json settings, expected;
  NetworkConfig network;
  AgentConfig agent;

  Golden() {
    const auto json = nlohmann::json::parse(std::ifstream(kFolder + "expected.json"));
    settings = json["settings"], expected = json["expected"];
    network.critic_hidden = network.actor_hidden = settings["hidden"].get<std::vector<std::int64_t>>();
    network.num_qs = settings["members"];
    agent.num_min_qs = settings["least"], agent.discount = settings["discount"];
    agent.actor_lr = settings["actor_lr"], agent.critic_lr = settings["critic_lr"];
  }

  // arrays that the file does not have keep what they were made with
  ActorCritic read(const std::string& which) const {
    Rng rng(1, "golden");
    ActorCritic ac(network, kObs, kAction, 1, 1, rng);
    int found = 0;
    for (const auto& array : ac.arrays())
      if (const auto at = file.tensors.find(which + "/" + array.name); at != file.tensors.end()) {
        EXPECT_EQ(at->second.shape, array.shape) << array.name;
        std::copy(at->second.f32().begin(), at->second.f32().end(), array.values.begin()), ++found;
      }
    EXPECT_GT(found, 20);
    ac.actor_adam.steps = ac.critic_adam.steps = settings["adam_steps"];
    return ac;
  }

  Diagnostics diagnostics(const ActorCritic& before) const {
    Diagnostics d({}, agent, 5);
    d.get(file, "agents.safetensors", before);
    d.remember(before.actor, before.critic, true);
    return d;
  }
};

TEST(Diagnostics, AreWhatPyTorchSays) {
  const Golden golden;
  const ActorCritic now = golden.read("now"), before = golden.read("before");
  for (const char* backend_name : {"reference", "cpu"}) {
    const auto backend = make_backend(backend_name, 1);
    std::map<std::string, double> measured;
    for (const auto& [name, value] : golden.diagnostics(before).measure(now, true, *backend, nullptr)) measured[name] = value;
    for (const auto& [name, value] : golden.expected.items()) {
      ASSERT_TRUE(measured.contains(name)) << name;
      // torch works in single precision here; the std of 1e-5 moves an action by as much, and the KL is divided by it
      EXPECT_NEAR(measured[name], value.get<double>(), 2e-5 * std::max(1.0, std::abs(value.get<double>()))) << name << ", " << backend_name;
      measured.erase(name);
    }
    const auto not_terminal = [&](const std::string& set) {
      const Tensor& mask = golden.file.at("diagnostics/" + set + "/mask", "agents.safetensors");
      return static_cast<double>(std::count_if(mask.f32().begin(), mask.f32().end(), [](float m) { return m > 0; }));
    };
    const std::map<std::string, double> rest = {{"saturation_warmup", 0.125},
                                                {"chatter_warmup", 0.5},
                                                {"not_terminal_offline", not_terminal("offline")},
                                                {"not_terminal_warmup", not_terminal("warmup")}};
    EXPECT_EQ(measured, rest);
  }
}

TEST(Diagnostics, ThePretrainedPolicyIsAtNoDistanceFromItself) {
  const Golden golden;
  const ActorCritic now = golden.read("now");
  const auto backend = make_backend("cpu", 1);
  const Diagnostics d = golden.diagnostics(now);
  for (const auto& [name, value] : d.measure(now, true, *backend, nullptr))
    if (name.starts_with("kl_") || name.starts_with("action_distance_")) EXPECT_EQ(value, 0) << name;
}

TEST(Diagnostics, WithoutACriticSpeakOfThePolicyAlone) {
  const Golden golden;
  const ActorCritic now = golden.read("now");
  const auto backend = make_backend("cpu", 1);
  for (const auto& [name, value] : golden.diagnostics(now).measure(now, false, *backend, nullptr)) {
    EXPECT_FALSE(name.starts_with("q_") || name.starts_with("td_") || name.starts_with("critic_") || name.starts_with("below_")) << name;
    EXPECT_TRUE(std::isfinite(value)) << name;
  }
}

TEST(Diagnostics, SurviveACheckpoint) {
  const Golden golden;
  const ActorCritic now = golden.read("now"), before = golden.read("before");
  const auto backend = make_backend("cpu", 1);
  const Diagnostics d = golden.diagnostics(before);
  SafeTensors file;
  d.put(file);
  Diagnostics again({}, golden.agent, 5);
  again.get(file, "checkpoint", now);
  EXPECT_EQ(d.measure(now, true, *backend, nullptr), again.measure(now, true, *backend, nullptr));

  file.tensors.at("diagnostics/offline/reward").shape = {3};
  file.tensors.at("diagnostics/offline/reward").bytes.resize(12);
  try {
    again.get(file, "checkpoint", now);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kData);
    EXPECT_NE(std::string(error.what()).find("diagnostics/offline/reward"), std::string::npos) << error.what();
  }
}

TEST(ActionStats, CountsBoundsAndSecondDifferencesWithinEpisodes) {
  ReplayBuffer buffer(100, 1, 2);
  const auto add = [&](float from, float to, float a, float b) {
    const float obs[] = {from}, next[] = {to}, action[] = {a, b};
    buffer.add(obs, action, 0, 1, next);
  };
  add(0, 1, 0.0f, 0.5f), add(1, 2, 0.5f, 0.5f), add(2, 3, 0.0f, 1.0f);  // |0 - 1 + 0| = 1, |1 - 1 + 0.5| = 0.5
  add(9, 10, -1.0f, 0.0f), add(10, 11, 1.0f, 0.0f);                     // another episode, too short for a second difference
  const ActionStats all = action_stats(buffer, 100);
  EXPECT_DOUBLE_EQ(all.chatter, 0.75);
  EXPECT_DOUBLE_EQ(all.saturation, 3.0 / 10);
  EXPECT_DOUBLE_EQ(action_stats(buffer, 2).saturation, 0.5);
  EXPECT_DOUBLE_EQ(action_stats(buffer, 2).chatter, 0);
}

TEST(Probes, AreSpreadOverTheBufferOrItsEnd) {
  ReplayBuffer buffer(100, 1, 1);
  for (int i = 0; i < 40; ++i) {
    const float obs[] = {static_cast<float>(i)}, next[] = {static_cast<float>(i + 1)}, action[] = {0};
    buffer.add(obs, action, static_cast<float>(10 * i), 1, next);
  }
  const Probe spread = spread_probe(buffer, 4), newest = newest_probe(buffer, 4);
  EXPECT_EQ(spread.rows.reward, (Column{50, 150, 250, 350}));
  EXPECT_EQ(newest.rows.reward, (Column{360, 370, 380, 390}));
  EXPECT_EQ(newest.rows.next_obs(3, 0), 40);
  EXPECT_EQ(spread_probe(buffer, 1000).count, 40);
}

}  // namespace
}  // namespace warmstart
