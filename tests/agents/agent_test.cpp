// Losses, gradients, switches and the state of the learners, on the reference backend.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/agents/fixtures.h"

namespace warmstart::testing_agents {
namespace {

constexpr double kGradientTolerance = 3e-3;  // of the largest element; float32 losses and central differences
constexpr double kOneMinusB1 = 0.1;          // first moment after one step = 0.1 * gradient
// A long step may cross a kink of ReLU or of the minimum, a short one drowns in rounding: one of them must agree.
constexpr float kSteps[] = {4e-3f, 1e-3f, 2.5e-4f};

using Loss = std::function<double(ActorCritic)>;

/// The central difference of `loss` by one number inside the state, which `pick` finds, that is nearest to `gradient`.
double slope(const ActorCritic& at, const Loss& loss, const std::function<float&(ActorCritic&)>& pick, double gradient) {
  double best = std::numeric_limits<double>::infinity();
  for (float step : kSteps) {
    ActorCritic up = at, down = at;
    pick(up) += step, pick(down) -= step;
    const double width = static_cast<double>(pick(up)) - pick(down);
    const double difference = (loss(up) - loss(down)) / width;
    if (std::abs(difference - gradient) < std::abs(best - gradient)) best = difference;
  }
  return best;
}

void expect_actor_gradient(const ActorCritic& at, const Loss& loss, const FloatVector& gradient) {
  double largest = 0;
  for (float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  ASSERT_GT(largest, 1e-3);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double expected = slope(
        at, loss, [i](ActorCritic& ac) -> float& { return ac.actor.params[i]; }, gradient[i]);
    EXPECT_NEAR(gradient[i], expected, kGradientTolerance * largest) << "parameter " << i;
  }
}

class ByHead : public testing::TestWithParam<std::string> {};

TEST_P(ByHead, BcGradient) {
  const World w(GetParam());
  const auto loss = [&](ActorCritic ac) { return run("bc", w, {}, {}, std::move(ac)).stats.bc_loss; };
  expect_actor_gradient(w.start, loss, run("bc", w, {}, {}, w.start).after.actor_adam.grad);
}

TEST_P(ByHead, ActorGradient) {
  for (const char* reduce : {"mean", "min"})
    for (double bc : {0.0, 0.3}) {
      SCOPED_TRACE(std::string(reduce) + ", behaviour cloning " + std::to_string(bc));
      const World w(GetParam());
      AgentConfig c;
      c.actor_reduce = reduce, c.bc_weight = bc;
      const auto loss = [&](ActorCritic ac) { return run("sac", w, c, {}, std::move(ac)).stats.actor_loss; };
      expect_actor_gradient(w.start, loss, run("sac", w, c, {}, w.start).after.actor_adam.grad);
    }
}

INSTANTIATE_TEST_SUITE_P(Agents, ByHead, testing::Values("exp", "uniform"));

TEST(Gradients, Temperature) {
  const World w("exp");
  for (const char* where : {"next_obs", "obs"}) {
    AgentConfig c;
    c.temperature_at = where;
    const auto loss = [&](ActorCritic ac) { return run("sac", w, c, {}, std::move(ac)).stats.temperature_loss; };
    const Outcome out = run("sac", w, c, {}, w.start);
    const double gradient = out.after.temperature.m / kOneMinusB1;
    const double expected = slope(
        w.start, loss, [](ActorCritic& ac) -> float& { return ac.temperature.raw; }, gradient);
    EXPECT_NEAR(gradient, expected, kGradientTolerance * std::abs(expected)) << where;
    const double at_obs = out.stats.temperature * (out.stats.entropy + kAct);  // target entropy is -A
    if (std::string(where) == "obs") EXPECT_NEAR(out.stats.temperature_loss, at_obs, 1e-5 * std::abs(at_obs));
    else EXPECT_GT(std::abs(out.stats.temperature_loss - at_obs), 1e-3 * std::abs(at_obs));
  }
}

TEST(Gradients, CqlAlpha) {
  const World w("exp");
  for (bool fresh : {true, false}) {
    CqlConfig q;
    q.autotune_alpha = true, q.fresh_alpha_draws = fresh, q.actions = 3;
    const auto loss = [&](ActorCritic ac) { return run("cql", w, {}, q, std::move(ac)).stats.cql_alpha_loss; };
    const double gradient = run("cql", w, {}, q, w.start).after.cql_alpha.m / kOneMinusB1;
    const double expected = slope(
        w.start, loss, [](ActorCritic& ac) -> float& { return ac.cql_alpha.raw; }, gradient);
    EXPECT_NEAR(gradient, expected, kGradientTolerance * std::abs(expected));
  }
}

/// A switch and the networks whose first gradient it may change.
struct Switch {
  std::string name;
  std::function<void(AgentConfig&)> set;
  bool critic = false, actor = false, temperature = false;
};
void PrintTo(const Switch& s, std::ostream* out) { *out << s.name; }

class Switches : public testing::TestWithParam<Switch> {};

TEST_P(Switches, ChangeWhatTheySayAndNothingElse) {
  const World w("exp");
  const Switch& s = GetParam();
  AgentConfig c;
  const Outcome before = run("sac", w, c, {}, w.start);
  s.set(c);
  const Outcome after = run("sac", w, c, {}, w.start);
  EXPECT_EQ(before.after.critic_adam.m != after.after.critic_adam.m, s.critic);
  EXPECT_EQ(before.after.actor_adam.m != after.after.actor_adam.m, s.actor);
  EXPECT_EQ(before.after.temperature.m != after.after.temperature.m, s.temperature);
}

INSTANTIATE_TEST_SUITE_P(
    Agents, Switches,
    testing::Values(Switch{"none", [](AgentConfig&) {}}, Switch{"discount", [](AgentConfig& c) { c.discount = 0.5; }, true},
                    Switch{"num_min_qs", [](AgentConfig& c) { c.num_min_qs = 0; }, true},
                    Switch{"backup_entropy", [](AgentConfig& c) { c.backup_entropy = true; }, true},
                    Switch{"max_target_backup", [](AgentConfig& c) { c.max_target_backup = true; }, true, false, true},
                    Switch{"actor_reduce", [](AgentConfig& c) { c.actor_reduce = "mean"; }, false, true},
                    Switch{"bc_weight", [](AgentConfig& c) { c.bc_weight = 0.5; }, false, true},
                    Switch{"target_entropy", [](AgentConfig& c) { c.target_entropy = 1; }, false, false, true},
                    Switch{"temperature_at", [](AgentConfig& c) { c.temperature_at = "obs"; }, false, false, true},
                    Switch{"idle_adam_steps", [](AgentConfig& c) { c.idle_adam_steps = false; }}));  // nothing idles at utd 1

TEST(IdleSteps, CountOnlyWhenOn) {
  const World w("exp");
  CqlConfig q;
  q.autotune_alpha = true, q.actions = 2;
  AgentConfig c;
  constexpr int kUtd = 4;
  const auto counts = [&](const Outcome& o) {
    auto ac = o.after;
    std::vector<std::int64_t> out;
    for (const auto* n : ac.counts()) out.push_back(*n);
    return out;
  };
  const Outcome on = run("cql", w, c, q, w.start, kUtd);
  EXPECT_EQ(counts(on), (std::vector<std::int64_t>{5, 5, 5, 5, 0, 4}));
  c.idle_adam_steps = false;
  const Outcome off = run("cql", w, c, q, w.start, kUtd);
  EXPECT_EQ(counts(off), (std::vector<std::int64_t>{1, 4, 1, 1, 0, 4}));  // actor, critic, temperature, alpha, value, critic_steps
  EXPECT_NE(on.after.critic.params, off.after.critic.params);
  EXPECT_NE(on.after.actor.params, off.after.actor.params);
  // the idle step of the critic comes after its last target update
  EXPECT_EQ(on.after.target_critic, off.after.target_critic);
}

TEST(Subset, FollowsItsSwitches) {
  const World w("exp");
  AgentConfig c;
  c.num_min_qs = kMembers;
  NamedNoise asked;
  run("sac", w, c, {}, w.start, 1, asked);
  EXPECT_EQ(asked.subsets, (std::vector<std::string>{"critic/redq_subset_indices with replacement"}));

  c.subset_with_replacement = false;  // all members in some order
  NamedNoise whole;
  const Outcome drawn = run("sac", w, c, {}, w.start, 1, whole);
  EXPECT_EQ(whole.subsets, (std::vector<std::string>{"critic/redq_subset_indices without replacement"}));
  c.num_min_qs = 0;  // all members, none drawn
  NamedNoise none;
  const Outcome all = run("sac", w, c, {}, w.start, 1, none);
  EXPECT_TRUE(none.subsets.empty());
  EXPECT_EQ(drawn.after.critic.params, all.after.critic.params);
  EXPECT_EQ(drawn.stats.target_q_mean, all.stats.target_q_mean);
}

TEST(Subset, WithoutReplacementHasNoDuplicates) {
  Rng rng(3, "subset");
  RandomNoise noise(rng);
  bool duplicates = false;
  for (int i = 0; i < 200; ++i) {
    std::array<int, 4> without, with;
    noise.subset({"any", "subset"}, 5, false, without), noise.subset({"any", "subset"}, 5, true, with);
    EXPECT_EQ(std::set<int>(without.begin(), without.end()).size(), 4u);
    duplicates = duplicates || std::set<int>(with.begin(), with.end()).size() < 4;
  }
  EXPECT_TRUE(duplicates);
}

TEST(Calql, FloorCanOnlyRaiseTheGap) {
  const World w("exp");
  CqlConfig q;
  q.actions = 4;
  const Outcome plain = run("cql", w, {}, q, w.start), floored = run("calql", w, {}, q, w.start);
  EXPECT_GT(floored.stats.cql_gap, plain.stats.cql_gap);
  EXPECT_GT(floored.stats.calql_bound_rate, 0);
  EXPECT_LE(floored.stats.calql_bound_rate, 2.0 / 3);  // random actions are not floored
  EXPECT_TRUE(std::isnan(plain.stats.calql_bound_rate));
  EXPECT_EQ(plain.stats.td_loss, floored.stats.td_loss);
  q.floor_random_actions = true;
  EXPECT_GT(run("calql", w, {}, q, w.start).stats.calql_bound_rate, floored.stats.calql_bound_rate);
}

Exit code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("("), std::string::npos);
    return error.code();
  }
  return Exit::kDone;
}

TEST(Errors, DivergenceIsReported) {
  for (const char* name : {"sac", "cql", "calql"}) {
    World w("exp");
    w.batch.reward[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(code_of([&] { run(name, w, {}, {}, w.start); }), Exit::kDiverged) << name;
    EXPECT_EQ(code_of([&] { run(name, w, {}, {}, w.start, 4); }), Exit::kDiverged) << name;
  }
  // a NaN must get through the networks' ReLU to the losses
  World in_obs("exp");
  in_obs.batch.obs(2, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code_of([&] { run("sac", in_obs, {}, {}, in_obs.start); }), Exit::kDiverged);
  World in_critic("exp");
  in_critic.start.critic.params[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code_of([&] { run("sac", in_critic, {}, {}, in_critic.start); }), Exit::kDiverged);
  World w("exp");
  w.batch.action(0, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code_of([&] { run("bc", w, {}, {}, w.start); }), Exit::kDiverged);
}

TEST(Errors, SettingsThatExcludeEachOther) {
  const World w("exp");
  EXPECT_EQ(code_of([&] { run("sac", w, {}, {}, w.start, 3); }), Exit::kUsage) << "16 rows in 3 slices";
  AgentConfig c;
  c.num_min_qs = kMembers + 1;
  EXPECT_EQ(code_of([&] { run("sac", w, c, {}, w.start); }), Exit::kDone) << "a subset with replacement may be larger";
  c.subset_with_replacement = false;
  EXPECT_EQ(code_of([&] { run("sac", w, c, {}, w.start); }), Exit::kUsage);
  c = {};
  c.backup_entropy = true;
  EXPECT_EQ(code_of([&] { run("cql", w, c, {}, w.start); }), Exit::kUsage);
  World without("exp");
  without.with_mc_return = false;
  EXPECT_EQ(code_of([&] { run("calql", without, {}, {}, without.start); }), Exit::kUsage);
  EXPECT_EQ(code_of([&] { run("cql", without, {}, {}, without.start); }), Exit::kDone);
  EXPECT_EQ(code_of([&] { run("sacc", w, {}, {}, w.start); }), Exit::kUsage);
}

TEST(State, ReleaseCarriesEverything) {
  const World w("exp");
  const auto backend = make_reference_backend();
  auto agent = make_agent("cql", {.cql = small_cql()}, w.start, *backend);
  NamedNoise noise;
  agent->update(w.view(), 2, noise);
  ActorCritic kept = agent->state();
  ActorCritic released = agent->release();
  const auto a = kept.arrays(), b = released.arrays();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_TRUE(std::equal(a[i].values.begin(), a[i].values.end(), b[i].values.begin(), b[i].values.end())) << a[i].name;
  }
  const auto m = kept.counts(), n = released.counts();
  for (std::size_t i = 0; i < m.size(); ++i) EXPECT_EQ(*m[i], *n[i]);
  EXPECT_TRUE(agent->state().critic.params.empty());

  // and another learner goes on from it as if nothing had happened
  auto straight = make_agent("sac", {}, kept, *backend), moved = make_agent("sac", {}, std::move(released), *backend);
  NamedNoise one, two;
  straight->update(w.view(), 1, one), moved->update(w.view(), 1, two);
  EXPECT_EQ(straight->state().critic.params, moved->state().critic.params);
  EXPECT_EQ(straight->state().actor.params, moved->state().actor.params);
}

TEST(State, ArraysCoverEveryNumberOnce) {
  for (const char* head : {"exp", "uniform"})
    for (bool shared : {true, false}) {
      ActorCritic ac = World(head, shared).start;
      std::map<const float*, int> times;
      for (FloatVector* v : {&ac.actor.params, &ac.critic.params, &ac.target_critic, &ac.actor_adam.m, &ac.actor_adam.v, &ac.critic_adam.m,
                             &ac.critic_adam.v, &ac.value.params, &ac.value_adam.m, &ac.value_adam.v, &ac.target_actor})
        for (const float& x : *v) times[&x] = 0;
      for (PositiveScalar* s : {&ac.temperature, &ac.cql_alpha}) times[&s->raw] = times[&s->m] = times[&s->v] = 0;
      std::set<std::string> names;
      for (const auto& array : ac.arrays()) {
        EXPECT_TRUE(names.insert(array.name).second) << array.name << " twice";
        std::int64_t size = 1;
        for (auto n : array.shape) size *= n;
        EXPECT_EQ(static_cast<std::size_t>(size), array.values.size()) << array.name;
        for (const float& x : array.values) {
          ASSERT_TRUE(times.contains(&x)) << array.name;
          ++times[&x];
        }
      }
      for (const auto& [address, n] : times) EXPECT_EQ(n, 1);
      EXPECT_EQ(ac.counts().size(), 6u);
    }
}

}  // namespace
}  // namespace warmstart::testing_agents
