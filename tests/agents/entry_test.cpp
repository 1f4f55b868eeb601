// What a program may get wrong when it drives learners and policies by itself: names, settings, sizes. Each is an Error, in builds without
// asserts too.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/agents/fixtures.h"
#include "tests/support.h"
#include "warmstart/agents/policy.h"

namespace warmstart::testing_agents {
namespace {

TEST(Registry, EveryListedAgentIsMadeAsItself) {
  const World w("exp");
  const auto backend = make_reference_backend();
  std::set<std::string> names;
  for (const AgentInfo& info : agent_infos()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " stands there twice";
    EXPECT_EQ(make_agent(info.name, {.cql = small_cql()}, w.start, *backend)->name(), info.name);
    EXPECT_EQ(agent_info(info.name).summary, info.summary);
  }
  EXPECT_GE(names.size(), 8u);
  expect_error(Exit::kUsage, {"unknown agent \"sacc\"", "did you mean \"sac\""}, [&] { make_agent("sacc", {}, w.start, *backend); });
}

TEST(Registry, IqlNeedsItsValueFunction) {
  const auto backend = make_reference_backend();
  Rng rng(1, "");
  NetworkConfig net;
  net.critic_hidden = net.actor_hidden = {8};
  expect_error(Exit::kUsage, {"value function", "iql", "add_networks"},
               [&] { make_agent("iql", {}, ActorCritic(net, kObs, kAct, 1, 1, rng), *backend); });
}

class EveryAgent : public testing::TestWithParam<std::string> {};

/// Batches whose one part has another size.
std::vector<std::pair<std::string, Batch>> wrong_batches(const World& w) {
  const Batch good = w.view();
  std::vector<std::pair<std::string, Batch>> out;
  const auto add = [&](const std::string& what, auto change) {
    Batch b = good;
    change(b);
    out.emplace_back(what, b);
  };
  add("no rows", [](Batch& b) { b = b.slice(0, 0); });
  add("obs columns", [](Batch& b) { b.obs.cols -= 1; });
  add("action columns", [](Batch& b) { b.action.cols -= 1; });
  add("action rows", [](Batch& b) { b.action.rows -= 1; });
  add("next_obs columns", [](Batch& b) { b.next_obs.cols -= 1; });
  add("next_obs rows", [](Batch& b) { b.next_obs.rows -= 1; });
  add("reward", [](Batch& b) { b.reward = b.reward.first(kRows - 1); });
  add("mask", [](Batch& b) { b.mask = b.mask.first(1); });
  add("mc_return", [](Batch& b) { b.mc_return = b.mc_return.first(kRows - 1); });
  add("next_action", [](Batch& b) { b.next_action.rows = 1; });
  return out;
}

TEST_P(EveryAgent, UpdateRefusesABatchOfOtherSizes) {
  const World w("exp");
  const auto backend = make_reference_backend();
  const auto agent = make_agent(GetParam(), {.cql = small_cql()}, w.start, *backend);
  NamedNoise noise;
  const auto before = agent->state().actor.params;
  for (const auto& [what, batch] : wrong_batches(w)) {
    SCOPED_TRACE(what);
    expect_error(Exit::kUsage, {"a batch of obs", "agent " + GetParam(), "4 observations and 2 actions"},
                 [&] { agent->update(batch, 1, noise); });
    if (agent_info(GetParam()).trains_critic) expect_error(Exit::kUsage, {"a batch of obs"}, [&] { agent->fit_critic(batch, noise); });
  }
  expect_error(Exit::kUsage, {"update ratio of 0"}, [&] { agent->update(w.view(), 0, noise); });
  EXPECT_EQ(agent->state().actor.params, before) << "nothing was learned";
  EXPECT_NO_THROW(agent->update(w.view(), 1, noise));
}

INSTANTIATE_TEST_SUITE_P(All, EveryAgent, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const AgentInfo& info : agent_infos()) names.push_back(info.name);
                           return names;
                         }()));

TEST(Entry, RebracNeedsNextActions) {
  const World w("exp");
  const auto backend = make_reference_backend();
  NamedNoise noise;
  Batch b = w.view();
  b.next_action = {};
  expect_error(Exit::kUsage, {"next actions", "rebrac"}, [&] { make_agent("rebrac", {}, w.start, *backend)->update(b, 1, noise); });
  EXPECT_NO_THROW(make_agent("td3bc", {}, w.start, *backend)->update(b, 1, noise));
}

// a recipe's values are checked when it is read; a program fills the structs itself
TEST(Entry, SettingsOfAProgramAreCheckedAsARecipesAre) {
  const World w("exp");
  const auto backend = make_reference_backend();
  const auto refused = [&](const char* agent, AgentSettings s, const std::vector<std::string>& words) {
    expect_error(Exit::kUsage, words, [&] { make_agent(agent, s, w.start, *backend); });
  };
  refused("sac", {.agent = {.actor_reduce = "meann"}}, {"unknown value \"meann\"", "agent.actor_reduce", "did you mean \"mean\""});
  refused("td3", {.agent = {.temperature_at = "next"}}, {"agent.temperature_at"});
  refused("bc", {.agent = {.tau = 2}}, {"out of range", "agent.tau"});
  refused("sac", {.agent = {.discount = std::nan("")}}, {"agent.discount"});
  refused("cql", {.cql = {.random_actions = "gaussian"}}, {"cql.random_actions"});
  refused("iql", {.iql = {.extraction = "ddpg"}}, {"iql.extraction"});
  refused("rebrac", {.td3 = {.exploration_noise = -1}}, {"td3.exploration_noise"});
  Rng rng(1, "");
  expect_error(Exit::kUsage, {"network.std_head"}, [&] { ActorCritic({.std_head = "uniforme"}, kObs, kAct, 1, 1, rng); });
  expect_error(Exit::kUsage, {"without layers"}, [&] { ActorCritic({.actor_hidden = {}}, kObs, kAct, 1, 1, rng); });
}

TEST(Entry, PolicyActsOnItsOwnSizesAlone) {
  const World w("exp");
  Policy policy(std::make_shared<Actor>(w.start.actor), Rng(0, ""));
  std::vector<float> obs(kObs), action(kAct), longer(kObs + 1), shorter(kAct - 1);
  EXPECT_NO_THROW(policy.act(obs, true, action));
  expect_error(Exit::kUsage, {"5 observations", "Policy::act", "give 4 and 2"}, [&] { policy.act(longer, true, action); });
  expect_error(Exit::kUsage, {"room for 1 actions"}, [&] { policy.act(obs, false, shorter); });
  Rng rng(2, "");
  NetworkConfig net;
  net.actor_hidden = {300}, net.critic_hidden = {8};
  expect_error(Exit::kUsage, {"other sizes", "set_actor"},
               [&] { policy.set_actor(std::make_shared<Actor>(ActorCritic(net, kObs, kAct + 1, 1, 1, rng).actor)); });
  expect_error(Exit::kUsage, {"set_actor"}, [&] { policy.set_actor(nullptr); });
  // a wider network needs larger buffers
  policy.set_actor(std::make_shared<Actor>(ActorCritic(net, kObs, kAct, 1, 1, rng).actor));
  policy.act(obs, true, action);
  EXPECT_TRUE(std::isfinite(action[0]));
}

TEST(Entry, BackendsRefuseOtherSizes) {
  const World w("exp");
  const Critic& c = w.start.critic;
  const Batch b = w.view();
  for (const auto& backend : {make_reference_backend(), make_cpu_backend(1)}) {
    SCOPED_TRACE(backend->name());
    Matrix q(1, kRows), dq(kRows, kAct), mean(kRows, kAct), log_std(kRows, kAct);
    Column column(kRows);
    const std::vector<int> first = {0}, outside = {kMembers};
    EXPECT_NO_THROW(backend->q_values(c, c.params, first, b.obs, b.action, 1, q));
    expect_error(Exit::kUsage, {"action is [16,2]", "[32,2]"}, [&] { backend->q_values(c, c.params, first, b.obs, b.action, 2, q); });
    expect_error(Exit::kUsage, {"no member 3"}, [&] { backend->q_values(c, c.params, outside, b.obs, b.action, 1, q); });
    expect_error(Exit::kUsage, {"parameters"}, [&] { backend->q_values(c, w.start.actor.params, first, b.obs, b.action, 1, q); });
    expect_error(Exit::kUsage, {"q is [1,16]"}, [&] { backend->q_values(c, c.params, std::vector<int>{0, 1}, b.obs, b.action, 1, q); });
    expect_error(Exit::kUsage, {"q is [15,1]"}, [&] {
      backend->q_action_gradient(c, c.params, first, b.obs, b.action, EnsembleReduce::kMin, std::span(column).first(kRows - 1), dq);
    });
    expect_error(Exit::kUsage, {"obs is [16,2]"}, [&] { backend->actor_forward(w.start.actor, b.action, mean, log_std, nullptr); });
    Critic moving = c;
    Adam adam;
    adam.resize(moving.params.size());
    const FloatVector before = moving.params;
    expect_error(Exit::kUsage, {"target is [3,1]"}, [&] {
      backend->critic_step(moving, adam, {}, {b.obs, b.action, std::span(column).first(3)}, nullptr, 0);
    });
    EXPECT_EQ(moving.params, before);
  }
}

}  // namespace
}  // namespace warmstart::testing_agents
