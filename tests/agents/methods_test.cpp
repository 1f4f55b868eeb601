// IQL, TD3, TD3+BC and ReBRAC where nothing is recorded: gradients against finite differences, targets by hand, and what each
// switch changes. IQL's updates are also replayed from recordings.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "fixtures.h"
#include "warmstart/agents/policy.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart::testing_agents {
namespace {

// A float loss of order 1 with this step is good for a thousandth of the largest slope; the better of two steps avoids kinks.
constexpr double kTolerance = 5e-3;
constexpr float kSteps[] = {1e-3f, 1e-2f};

using Loss = std::function<double(ActorCritic)>;

/// Every `stride`-th gradient entry against central differences of `loss` by the parameters that `of` picks.
void expect_gradient(const ActorCritic& at, const Loss& loss, const std::function<FloatVector&(ActorCritic&)>& of,
                     const FloatVector& gradient, std::size_t stride) {
  double largest = 0;
  for (float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  ASSERT_GT(largest, 1e-3);
  for (std::size_t i = 0; i < gradient.size(); i += stride) {
    double best = HUGE_VAL;
    for (const float h : kSteps) {
      ActorCritic up = at, down = at;
      of(up)[i] += h, of(down)[i] -= h;
      const double width = static_cast<double>(of(up)[i]) - of(down)[i];
      best = std::min(best, std::abs((loss(std::move(up)) - loss(std::move(down))) / width - gradient[i]));
    }
    EXPECT_LT(best, kTolerance * largest) << "parameter " << i << ", gradient " << gradient[i];
  }
}

FloatVector& actor_of(ActorCritic& ac) { return ac.actor.params; }
FloatVector& critic_of(ActorCritic& ac) { return ac.critic.params; }
FloatVector& value_of(ActorCritic& ac) { return ac.value.params; }

AgentSettings all_members() {
  AgentSettings s;
  s.agent.num_min_qs = 0;
  return s;
}

Outcome once(const std::string& name, const World& w, const AgentSettings& s, ActorCritic start) {
  NamedNoise noise;
  return run(name, w, s, std::move(start), 1, noise);
}

class Td3Family : public testing::TestWithParam<std::string> {};

TEST_P(Td3Family, CriticGradient) {
  const World w("exp");
  AgentSettings s = all_members();
  s.agent.target_noise = 0.2;
  const auto loss = [&](ActorCritic ac) { return once(GetParam(), w, s, std::move(ac)).stats.critic_loss; };
  expect_gradient(w.start, loss, critic_of, once(GetParam(), w, s, w.start).after.critic_adam.grad, 7);
}

// The actor's gradient is taken at the critic after its step, so the critic must stand still to be differentiated around; and lambda,
// a constant of the batch, must not be differentiated.
TEST_P(Td3Family, ActorGradient) {
  const World w("uniform");
  AgentSettings s = all_members();
  s.agent.critic_lr = 0;
  s.td3.actor_bc = 0.3, s.td3.alpha = 1.7;
  const auto reference = make_reference_backend();
  s.agent.actor_reduce = GetParam() == "td3" ? "first" : GetParam() == "td3bc" ? "mean" : "min";
  std::vector<int> members(GetParam() == "td3" ? 1 : kMembers);
  std::iota(members.begin(), members.end(), 0);
  const auto q_and_distance = [&](ActorCritic& ac) {
    Matrix mean(kRows, kAct), log_std(kRows, kAct), q(static_cast<int>(members.size()), kRows);
    reference->actor_forward(ac.actor, w.batch.obs, mean, log_std, nullptr);
    mode_actions(mean, true, mean);
    reference->q_values(ac.critic, ac.critic.params, members, w.batch.obs, mean, 1, q);
    double total = 0, magnitude = 0;
    for (int i = 0; i < kRows; ++i) {
      double least = q(0, i), sum = q(0, i);
      for (int m = 1; m < q.rows(); ++m) least = std::min<double>(least, q(m, i)), sum += q(m, i);
      const double climbed = s.agent.actor_reduce == "mean" ? sum / q.rows() : least;
      total += climbed / kRows, magnitude += std::abs(climbed) / kRows;
    }
    return std::array<double, 3>{total, magnitude, squared_distance(mean, w.batch.action) / kRows};
  };
  ActorCritic at = w.start;
  const double magnitude = q_and_distance(at)[1];
  const double lambda = GetParam() == "td3" ? 1 : (GetParam() == "td3bc" ? 1.7 : 1.0) / magnitude;
  const double beta = GetParam() == "td3" ? 0 : GetParam() == "td3bc" ? 1.0 / kAct : 0.3;
  const auto loss = [&](ActorCritic ac) {
    const auto [q, ignored, distance] = q_and_distance(ac);
    return -lambda * q + beta * distance;
  };
  const Outcome out = once(GetParam(), w, s, w.start);
  EXPECT_NEAR(out.stats.actor_loss, loss(w.start), 1e-4);
  expect_gradient(w.start, loss, actor_of, out.after.actor_adam.grad, 1);
}

// y by hand from networks evaluated one by one.
TEST_P(Td3Family, Target) {
  const World w("exp");
  AgentSettings s = all_members();
  s.agent.target_noise = 0.4, s.agent.target_noise_clip = 0.3, s.td3.critic_bc = 0.7;
  const auto reference = make_reference_backend();
  Actor target = w.start.actor;
  target.params = w.start.target_actor;
  Matrix mean(kRows, kAct), log_std(kRows, kAct), noise(kRows, kAct), q(kMembers, kRows);
  reference->actor_forward(target, w.batch.next_obs, mean, log_std, nullptr);
  mode_actions(mean, true, mean);
  NamedNoise draws;
  draws.next_step();
  draws.normal({"critic", "target_noise"}, 1, noise);
  bool clipped = false;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    clipped |= std::abs(0.4f * noise.data()[i]) > 0.3f;
    mean.data()[i] = std::clamp(mean.data()[i] + std::clamp(0.4f * noise.data()[i], -0.3f, 0.3f), -1.0f, 1.0f);
  }
  EXPECT_TRUE(clipped);
  reference->q_values(w.start.critic, w.start.target_critic, std::vector<int>{0, 1, 2}, w.batch.next_obs, mean, 1, q);
  double expected = 0;
  for (int i = 0; i < kRows; ++i) {
    double next = std::min({q(0, i), q(1, i), q(2, i)});
    if (GetParam() == "rebrac") next -= 0.7 * squared_distance(mean.view().slice(i, 1), w.batch.next_action.view().slice(i, 1));
    expected += (w.batch.reward[i] + s.agent.discount * w.batch.mask[i] * next) / kRows;
  }
  EXPECT_NEAR(once(GetParam(), w, s, w.start).stats.target_q_mean, expected, 1e-5);
}

TEST_P(Td3Family, TheActorWaitsItsTurnAndTargetsFollow) {
  const World w("exp");
  AgentSettings s = all_members();
  s.agent.actor_delay = 3;
  const auto backend = make_reference_backend();
  const auto agent = make_agent(GetParam(), s, w.start, *backend);
  NamedNoise noise;
  for (int update = 1; update <= 6; ++update) {
    const FloatVector actor = agent->state().actor.params, target = agent->state().target_actor;
    agent->update(w.view(), 1, noise);
    EXPECT_EQ(agent->state().actor.params != actor, update % 3 == 0) << update;
    if (update % 3) continue;
    for (std::size_t i = 0; i < target.size(); ++i)
      EXPECT_NEAR(agent->state().target_actor[i], 0.005 * agent->state().actor.params[i] + 0.995 * target[i], 1e-6);
  }
  EXPECT_GT(agent->exploration_noise(), 0);
}

INSTANTIATE_TEST_SUITE_P(Agents, Td3Family, testing::Values("td3", "td3bc", "rebrac"));

// A row that ends its trajectory has no next action; its target has no penalty.
TEST(ReBrac, RowsWithoutSuccessorAreNotPenalised) {
  World w("exp");
  AgentSettings s = all_members();
  s.td3.critic_bc = 0;
  const double plain = once("rebrac", w, s, w.start).stats.target_q_mean;
  s.td3.critic_bc = 5;
  EXPECT_LT(once("rebrac", w, s, w.start).stats.target_q_mean, plain - 0.1);
  std::fill_n(w.batch.next_action.data(), w.batch.next_action.size(), std::nanf(""));
  EXPECT_EQ(once("rebrac", w, s, w.start).stats.target_q_mean, plain);
}

TEST(Td3, RefusesAPolicyThatLeavesTheBox) {
  World w("exp");
  w.start.actor.spec.squash = false;
  EXPECT_THROW(once("td3", w, all_members(), w.start), Error);
}

TEST(Iql, ValueGradient) {
  const World w("uniform");
  for (double tau : {0.5, 0.9}) {
    AgentSettings s = all_members();
    s.iql.expectile = tau;
    const auto loss = [&](ActorCritic ac) { return once("iql", w, s, std::move(ac)).stats.value_loss; };
    expect_gradient(w.start, loss, value_of, once("iql", w, s, w.start).after.value_adam.grad, 3);
  }
}

TEST(Iql, ActorGradients) {
  const World w("exp");
  for (const char* extraction : {"awr", "ddpg+bc"})
    for (double dropout : {0.0, 0.25}) {
      SCOPED_TRACE(std::string(extraction) + ", dropout " + std::to_string(dropout));
      AgentSettings s = all_members();
      s.iql.extraction = extraction, s.iql.actor_dropout = dropout, s.iql.temperature = 1;
      const auto loss = [&](ActorCritic ac) { return once("iql", w, s, std::move(ac)).stats.actor_loss; };
      expect_gradient(w.start, loss, actor_of, once("iql", w, s, w.start).after.actor_adam.grad, 1);
    }
}

TEST(Iql, SwitchesChangeWhatTheySay) {
  const World w("exp");
  const AgentSettings plain = all_members();
  const Outcome before = once("iql", w, plain, w.start);
  struct Change {
    const char* name;
    std::function<void(AgentSettings&)> set;
    bool value, critic, actor;
  };
  for (const Change& c : {Change{"expectile", [](AgentSettings& s) { s.iql.expectile = 0.7; }, true, false, false},
                          Change{"temperature", [](AgentSettings& s) { s.iql.temperature = 1; }, false, false, true},
                          Change{"max_weight", [](AgentSettings& s) { s.iql.max_weight = 1e-3; }, false, false, true},
                          Change{"target_advantage", [](AgentSettings& s) { s.iql.target_advantage = false; }, false, false, true},
                          Change{"extraction", [](AgentSettings& s) { s.iql.extraction = "ddpg+bc"; }, false, false, true},
                          Change{"actor_dropout", [](AgentSettings& s) { s.iql.actor_dropout = 0.5; }, false, false, true},
                          Change{"discount", [](AgentSettings& s) { s.agent.discount = 0.5; }, false, true, false}}) {
    AgentSettings s = plain;
    c.set(s);
    const Outcome after = once("iql", w, s, w.start);
    EXPECT_EQ(before.after.value_adam.m != after.after.value_adam.m, c.value) << c.name;
    EXPECT_EQ(before.after.critic_adam.m != after.after.critic_adam.m, c.critic) << c.name;
    EXPECT_EQ(before.after.actor_adam.m != after.after.actor_adam.m, c.actor) << c.name;
  }
}

// SO2: the target's actions are perturbed, the actor's and the temperature's are not.
TEST(Sac, TargetNoiseChangesTheCriticAlone) {
  const World w("exp");
  AgentSettings s;
  const Outcome before = once("sac", w, s, w.start);
  s.agent.target_noise = 0.3;
  const Outcome after = once("sac", w, s, w.start);
  EXPECT_NE(before.after.critic_adam.m, after.after.critic_adam.m);
  EXPECT_EQ(before.after.actor_adam.m, after.after.actor_adam.m);
  EXPECT_EQ(before.after.temperature.m, after.after.temperature.m);
}

TEST(Sac, ActorDelayCountsCriticSteps) {
  const World w("exp");
  AgentSettings s;
  s.agent.actor_delay = 4, s.agent.idle_adam_steps = false;
  const auto backend = make_reference_backend();
  const auto agent = make_agent("sac", s, w.start, *backend);
  NamedNoise noise;
  for (int update = 1; update <= 4; ++update) {
    agent->update(w.view(), 2, noise);  // two critic steps each
    EXPECT_EQ(agent->state().actor_adam.steps, update / 2) << update;
  }
}

TEST(FitCritic, MovesTheCriticsAlone) {
  const World w("exp");
  for (const char* name : {"sac", "cql", "iql", "td3"}) {
    const auto backend = make_reference_backend();
    const auto agent = make_agent(name, {.cql = small_cql()}, w.start, *backend);
    NamedNoise noise;
    agent->fit_critic(w.view(), noise);
    EXPECT_NE(agent->state().critic.params, w.start.critic.params) << name;
    EXPECT_NE(agent->state().target_critic, w.start.target_critic) << name;
    EXPECT_EQ(agent->state().actor.params, w.start.actor.params) << name;
    EXPECT_EQ(agent->state().actor_adam.steps, 0) << name;
    EXPECT_EQ(agent->state().temperature.raw, w.start.temperature.raw) << name;
  }
  const auto backend = make_reference_backend();
  NamedNoise noise;
  EXPECT_THROW(make_agent("bc", {}, w.start, *backend)->fit_critic(w.view(), noise), Error);
}

TEST(Cql, OnlineSettings) {
  CqlConfig c;
  c.alpha = 5, c.autotune_alpha = true;
  EXPECT_TRUE(c.online().autotune_alpha && c.online().use_loss);
  c.online_alpha = 0.5, c.online_use_loss = false;
  EXPECT_EQ(c.online().alpha, 0.5);
  EXPECT_FALSE(c.online().autotune_alpha || c.online().use_loss);
}

TEST(Policy, ExplorationNoiseStaysInTheBox) {
  const World w("exp");
  const auto actor = std::make_shared<Actor>(w.start.actor);
  Policy sampled(actor, Rng(1, "p")), noisy(actor, Rng(1, "p"), 0.5);
  std::vector<float> mode(kAct), action(kAct);
  const std::vector<float> obs(kObs, 0.3f);
  noisy.act(obs, true, mode);
  double mean = 0;
  constexpr int kDraws = 2000;
  for (int i = 0; i < kDraws; ++i) {
    noisy.act(obs, false, action);
    for (float x : action) ASSERT_LE(std::abs(x), 1.0f);
    mean += (action[0] - mode[0]) / kDraws;
  }
  EXPECT_LT(std::abs(mean), 0.2);
  sampled.act(obs, false, action);
  EXPECT_NE(action, mode);
}

}  // namespace
}  // namespace warmstart::testing_agents
