// Batches that other people's data and machines make: actions at the bounds, rewards and observations of hostile size. A learner learns
// from them, or stops and names the cause.
#include <gtest/gtest.h>

#include <cmath>

#include "fixtures.h"
#include "tests/support.h"
#include "warmstart/agents/divergence.h"
#include "warmstart/agents/policy.h"

namespace warmstart::testing_agents {
namespace {

struct Learner {
  std::string name, form;
  AgentSettings settings;
};

std::vector<Learner> learners() {
  std::vector<Learner> all;
  for (const AgentInfo& info : agent_infos()) all.push_back({info.name, "", {.cql = small_cql()}});
  Learner cloning{"sac", "bc_weight", {}}, ddpg{"iql", "ddpg+bc", {}};
  cloning.settings.agent.bc_weight = 0.5, ddpg.settings.iql.extraction = "ddpg+bc";
  all.insert(all.end(), {cloning, ddpg});
  return all;
}

struct Machine {
  std::string name;
  std::unique_ptr<Backend> backend;
};

std::vector<Machine> machines() {
  std::vector<Machine> all;
  all.push_back({"reference", make_reference_backend()});
  all.push_back({"fp32", make_cpu_backend(1)});
  all.push_back({"bf16", make_cpu_backend(1, Precision::kBf16Emulated)});
  return all;
}

void expect_finite(ActorCritic& ac) {
  for (const auto& array : ac.arrays())
    for (const float x : array.values) ASSERT_TRUE(std::isfinite(x)) << array.name;
}

/// Actions of which a half lies at the bounds, and a rounding beyond.
World saturated() {
  World w("exp");
  const float bounds[] = {1.0f, -1.0f, 1.0f + 0x1p-23f, -1.0f - 0x1p-23f};
  for (Matrix* m : {&w.batch.action, &w.batch.next_action})
    for (std::size_t i = 0; i < m->size(); i += 2) m->data()[i] = bounds[i / 2 % 4];
  return w;
}

TEST(Saturated, EveryLearnerLearnsFromActionsAtTheBounds) {
  const World w = saturated();
  for (const Learner& l : learners())
    for (const Machine& m : machines()) {
      SCOPED_TRACE(l.name + " " + l.form + " " + m.name);
      const auto agent = make_agent(l.name, l.settings, w.start, *m.backend);
      NamedNoise noise;
      UpdateStats stats;
      for (int step = 0; step < 20; ++step) stats = agent->update(w.view(), 1, noise);
      stats.visit([&](const char* name, double value) { EXPECT_FALSE(std::isinf(value)) << name; });
      expect_finite(agent->state());
      EXPECT_NE(agent->state().actor.params, w.start.actor.params);
    }
}

// Cloning alone has no other way for an action to come in: its update is that of the clip, bit for bit.
TEST(Saturated, CloningABoundIsCloningTheClip) {
  const World at_bound = saturated();
  World clipped = saturated();
  for (std::size_t i = 0; i < clipped.batch.action.size(); ++i)
    if (float& a = clipped.batch.action.data()[i]; std::abs(a) >= 1) a = std::copysign(0x1.fffffep-1f, a);
  const Outcome one = run("bc", at_bound, {}, {}, at_bound.start), other = run("bc", clipped, {}, {}, clipped.start);
  EXPECT_EQ(one.stats.bc_loss, other.stats.bc_loss);
  EXPECT_EQ(one.after.actor.params, other.after.actor.params);
}

// A policy whose means are far in the squash: its samples are +-1 exactly.
TEST(Saturated, PoliciesBeyondTheBoundsStayFinite) {
  World w("exp");
  for (float& x : std::span(w.start.actor.params).subspan(w.start.actor.mean_bias, kAct)) x = 40;
  for (const Learner& l : learners())
    for (const Machine& m : machines()) {
      SCOPED_TRACE(l.name + " " + l.form + " " + m.name);
      const auto agent = make_agent(l.name, l.settings, w.start, *m.backend);
      NamedNoise noise;
      for (int step = 0; step < 5; ++step) agent->update(w.view(), 1, noise);
      expect_finite(agent->state());
    }
}

/// What the learner says when it diverges at last.
void expect_divergence(const Learner& l, const World& w, const AgentSettings& settings, std::vector<std::string> parts) {
  SCOPED_TRACE(l.name + " " + l.form);
  const auto backend = make_cpu_backend(1);
  const auto agent = make_agent(l.name, settings, w.start, *backend);
  NamedNoise noise;
  parts.insert(parts.begin(), {"diverged", "agent " + l.name});
  expect_error(Exit::kDiverged, parts, [&] {
    for (int step = 0; step < 50; ++step) agent->update(w.view(), 1, noise);
  });
}

TEST(Divergence, HostileRewardsAreNamed) {
  World w("exp");
  for (float& r : w.batch.reward) r = 1e20f;
  for (const Learner& l : learners())
    if (agent_info(l.name).trains_critic)
      expect_divergence(l, w, l.settings,
                        {"critic_loss is not finite in single precision, 1e+40", "rewards reach 1e+20",
                         "env.reward_scale multiplied by 1e-20", "first update"});
}

TEST(Divergence, HostileObservationsAreNamed) {
  World w("exp");
  for (int i = 0; i < kRows; ++i) w.batch.obs(i, 2) = 3e38f, w.batch.next_obs(i, 2) = -3e38f;
  const Learner sac{"sac", "", {}};
  expect_divergence(sac, w, sac.settings, {"observations reach 3e+38, in coordinate 2", "data.normalize"});
}

TEST(Divergence, LearningRatesAndRunawayValuesAreNamed) {
  const World w("exp");
  Learner fast{"sac", "", {}};
  fast.settings.agent.critic_lr = 1;
  const LastSeen seen{.name = "sac", .quantity = "critic_loss", .value = NAN, .before = {}};
  expect_error(Exit::kDiverged, {"critic_loss is not finite, NaN", "agent.critic_lr is 1", "agent.critic_lr = 0.0003"},
               [&] { throw divergence(seen, w.view(), fast.settings.agent, w.start); });

  // several causes are all told
  World large("exp");
  large.batch.reward[3] = -3e9f;
  expect_error(Exit::kDiverged, {"rewards reach 3e+09", "agent.critic_lr is 1", "multiplied by 1e-09", "and with agent.critic_lr"},
               [&] { throw divergence(seen, large.view(), fast.settings.agent, w.start); });

  LastSeen away = seen;
  away.before.q_mean = 1e9, away.before.critic_loss = 1e18;
  expect_error(Exit::kDiverged, {"Q had run away: 1e+09", "critic_loss 1e+18", "agent.tau"},
               [&] { throw divergence(away, w.view(), {}, w.start); });

  World endless("exp");
  std::fill(endless.batch.mask.begin(), endless.batch.mask.end(), 1.0f);
  AgentConfig undiscounted;
  undiscounted.discount = 1;
  expect_error(Exit::kDiverged, {"agent.discount is 1", "below 1"}, [&] { throw divergence(seen, endless.view(), undiscounted, w.start); });

  expect_error(Exit::kDiverged, {"action entries lie at the bounds", "agent.actor_lr"}, [&] {
    World all = saturated();
    for (std::size_t i = 0; i < all.batch.action.size(); ++i) all.batch.action.data()[i] = 1;
    throw divergence(seen, all.view(), {}, w.start);
  });
  expect_error(Exit::kDiverged, {"rewards of at most", "agent.critic_lr = 0.0003", "pretrain, step 7, agent sac"},
               [&] { throw divergence(seen, w.view(), {}, w.start).at("pretrain, step 7"); });
}

}  // namespace
}  // namespace warmstart::testing_agents
