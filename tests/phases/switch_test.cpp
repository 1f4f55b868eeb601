// From offline to online: what is carried over, what each switch changes, and that it changes nothing else.
#include "fixtures.h"

namespace warmstart {
namespace {

/// A learner in which no number is what a fresh one has.
ActorCritic trained(const Recipe& recipe) {
  ActorCritic agent = fresh_agent(recipe);
  float next = 0.25f;
  for (const auto& array : agent.arrays())
    for (float& x : array.values) x = next += 0.001f;
  std::int64_t count = 100;
  for (auto* c : agent.counts()) *c = ++count;
  return agent;
}

bool same_policy(ActorCritic& a, ActorCritic& b) {
  return a.actor.params == b.actor.params && a.actor_adam.m == b.actor_adam.m && a.actor_adam.v == b.actor_adam.v &&
         a.actor_adam.steps == b.actor_adam.steps && a.temperature.raw == b.temperature.raw && a.temperature.m == b.temperature.m &&
         a.temperature.steps == b.temperature.steps;
}
bool same_critic(ActorCritic& a, ActorCritic& b) {
  return a.critic.params == b.critic.params && a.target_critic == b.target_critic && a.critic_adam.m == b.critic_adam.m &&
         a.critic_adam.v == b.critic_adam.v && a.critic_adam.steps == b.critic_adam.steps;
}
bool is_fresh(const Adam& adam) {
  const auto zero = [](const FloatVector& v) { return std::all_of(v.begin(), v.end(), [](float x) { return x == 0; }); };
  return zero(adam.m) && zero(adam.v) && adam.steps == 0;
}

class Switch : public testing::Test {
 protected:
  ActorCritic go(const std::vector<Override>& overrides) {
    return start_online(tiny_recipe(folder, overrides), trained(tiny_recipe(folder)));
  }
  TemporaryFolder folder;
  ActorCritic before = trained(tiny_recipe(folder));
};

TEST_F(Switch, EverythingCarriesOver) {
  ActorCritic after = go({});
  EXPECT_EQ(numbers(after), numbers(before));
}

TEST_F(Switch, InitialisePolicyOnly) {
  ActorCritic after = go({{"finetune.initialise", "policy"}});
  EXPECT_TRUE(same_policy(after, before));
  EXPECT_NE(after.critic.params, before.critic.params);
  EXPECT_EQ(after.target_critic, after.critic.params) << "a fresh critic is its own target";
  EXPECT_TRUE(is_fresh(after.critic_adam));
  EXPECT_EQ(after.cql_alpha.raw, before.cql_alpha.raw);
}

TEST_F(Switch, InitialiseCriticOnly) {
  ActorCritic after = go({{"finetune.initialise", "critic"}});
  EXPECT_TRUE(same_critic(after, before));
  EXPECT_NE(after.actor.params, before.actor.params);
  EXPECT_TRUE(is_fresh(after.actor_adam));
  EXPECT_EQ(after.temperature.steps, 0);
  EXPECT_FLOAT_EQ(after.temperature.value(), 1.0f);
}

TEST_F(Switch, InitialiseNeither) {
  ActorCritic after = go({{"finetune.initialise", "neither"}});
  EXPECT_NE(after.actor.params, before.actor.params);
  EXPECT_NE(after.critic.params, before.critic.params);
  EXPECT_TRUE(is_fresh(after.actor_adam) && is_fresh(after.critic_adam));
  ActorCritic offline_start = fresh_agent(tiny_recipe(folder));
  EXPECT_NE(after.actor.params, offline_start.actor.params) << "fresh networks must not be the ones pre-training started from";
}

TEST_F(Switch, FreshNetworksDependOnTheSeedAlone) {
  ActorCritic a = go({{"finetune.initialise", "neither"}}), b = go({{"finetune.initialise", "neither"}});
  ActorCritic c = go({{"finetune.initialise", "neither"}, {"run.seed", "1"}});
  EXPECT_EQ(numbers(a), numbers(b));
  EXPECT_NE(a.actor.params, c.actor.params);
}

TEST_F(Switch, ResetOptimiserKeepsParameters) {
  ActorCritic after = go({{"finetune.reset_optimiser", "true"}});
  EXPECT_EQ(after.actor.params, before.actor.params);
  EXPECT_EQ(after.critic.params, before.critic.params);
  EXPECT_EQ(after.target_critic, before.target_critic);
  EXPECT_EQ(after.temperature.raw, before.temperature.raw);
  EXPECT_EQ(after.cql_alpha.raw, before.cql_alpha.raw);
  EXPECT_TRUE(is_fresh(after.actor_adam) && is_fresh(after.critic_adam));
  for (const PositiveScalar* s : {&after.temperature, &after.cql_alpha}) EXPECT_TRUE(s->m == 0 && s->v == 0 && s->steps == 0);
}

TEST_F(Switch, ACriticIsNotFitToNothing) {
  const Recipe recipe = tiny_recipe(folder, {{"finetune.agent", "calql"},
                                             {"finetune.initialise", "policy"},
                                             {"finetune.critic_fit_steps", "5"},
                                             {"warm_up.steps", "5"},
                                             {"finetune.min_buffer", "1"},
                                             {"finetune.steps", "5"}});
  warmstart::Run run(recipe, {.folder = folder / "run", .threads = 1});
  expect_error(Exit::kUsage, {"no finished episode", "finetune.critic_fit_steps", "warm_up.steps"}, [&] { train(run); });
}

}  // namespace
}  // namespace warmstart
