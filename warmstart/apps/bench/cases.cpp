#include "warmstart/apps/bench/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

using Widths = std::vector<std::int64_t>;

BenchCase sized(const std::string& name, const std::string& summary, int obs, int action, Widths critic, Widths actor,
                const std::string& std_head) {
  BenchCase c{.name = name, .summary = summary, .obs = obs, .action = action};
  c.network.critic_hidden = std::move(critic), c.network.actor_hidden = std::move(actor);
  c.network.std_head = std_head;
  return c;
}

BenchCase antmaze(const std::string& name, const std::string& summary) {
  return sized(name, summary, 29, 8, {256, 256, 256, 256}, {256, 256}, "uniform");
}
BenchCase adroit(const std::string& name, const std::string& summary) {
  return sized(name, summary, 45, 24, {512, 512, 512}, {512, 512}, "exp");
}
BenchCase kitchen(const std::string& name, const std::string& summary) {
  return sized(name, summary, 60, 9, {512, 512, 512}, {512, 512, 512}, "exp");
}
BenchCase locomotion(const std::string& name, const std::string& summary) {
  return sized(name, summary, 17, 6, {256, 256}, {256, 256}, "exp");
}

BenchCase timed(BenchCase c, double pinned_ms, double newest_ms, double torch_ms) {
  c.reference_pinned_ms = pinned_ms, c.reference_newest_ms = newest_ms, c.torch_ms = torch_ms;
  return c;
}

BenchCase offline(BenchCase c, const std::string& agent) {
  c.agent = agent;
  c.utd = 1;
  return c;
}

BenchCase iql_antmaze() {
  BenchCase c = offline(
      sized("iql-antmaze", "one gradient step on 256 rows, 2 critics and V, no LayerNorm", 29, 8, {256, 256}, {256, 256}, "uniform"),
      "iql");
  c.network.num_qs = 2, c.network.critic_layer_norm = c.network.actor_layer_norm = c.network.squash = false;
  c.network.hidden_init = "fan_avg";
  c.settings.agent.num_min_qs = 0, c.settings.agent.actor_lr = 3e-4;
  return c;
}

std::vector<BenchCase> all_cases() {
  const std::string online = "one environment step of WSRL online: 4 critic steps on 256 rows, actor and temperature on 1024";
  const std::string offline_step = "one gradient step on 256 rows, 10 critics";
  BenchCase wsrl_antmaze = antmaze("wsrl-antmaze", online);
  wsrl_antmaze.settings.agent.max_target_backup = true;
  BenchCase calql_antmaze = offline(antmaze("calql-antmaze", offline_step), "calql");
  calql_antmaze.settings.cql.autotune_alpha = true;
  BenchCase calql_adroit = offline(adroit("calql-adroit", offline_step), "calql");
  calql_adroit.settings.cql.alpha = 1;
  BenchCase cql_kitchen = offline(kitchen("cql-kitchen", offline_step), "cql");
  cql_kitchen.settings.cql.importance_sampling = false;
  return {timed(wsrl_antmaze, 431, 383, 582),
          timed(adroit("wsrl-adroit", online), 587, 421, 668),
          timed(kitchen("wsrl-kitchen", online), 720, 0, 0),
          timed(locomotion("wsrl-locomotion", online), 118, 88, 133),
          timed(calql_antmaze, 2446, 1262, 2105),
          timed(calql_adroit, 2890, 2057, 2837),
          timed(cql_kitchen, 2910, 0, 0),
          timed(offline(locomotion("cql-locomotion", offline_step), "cql"), 846, 0, 0),
          timed(iql_antmaze(), 6.2, 3.0, 7.1)};
}

/// Multiply-adds per row of a network's parts.
struct Work {
  double obs = 0;     // the observation's share of the first layer
  double action = 0;  // the action's share of it
  double rest = 0;    // everything after the first layer, output included
  double forward() const { return obs + action + rest; }
};

Work work_of(int obs, int action, const Widths& hidden, int outputs) {
  Work w{.obs = static_cast<double>(obs) * hidden[0], .action = static_cast<double>(action) * hidden[0]};
  for (std::size_t i = 1; i < hidden.size(); ++i) w.rest += static_cast<double>(hidden[i - 1]) * hidden[i];
  w.rest += static_cast<double>(hidden.back()) * outputs;
  return w;
}

}  // namespace

const std::vector<BenchCase>& bench_cases() {
  static const std::vector<BenchCase> cases = all_cases();
  return cases;
}

const BenchCase& bench_case(const std::string& name) {
  std::vector<std::string> names;
  for (const BenchCase& c : bench_cases()) {
    if (c.name == name) return c;
    names.push_back(c.name);
  }
  throw usage_error("no bench case " + name, "option --case",
                    "did you mean " + nearest_name(name, names) + "? the cases are " + join(names));
}

BenchCase bench_case_of(const Recipe& r, const std::string& phase) {
  const EnvSpec& spec = env_spec(r.env);
  BenchCase c{.name = r.name + " " + phase, .summary = r.summary, .obs = spec.obs_size, .action = spec.action_size};
  c.network = r.network, c.settings = phase == "offline" ? static_cast<const AgentSettings&>(r) : r.online_settings();
  c.agent = phase == "offline" ? r.pretrain.agent : r.finetune.agent;
  c.batch = phase == "offline" ? r.pretrain.batch : r.finetune.batch;
  c.utd = phase == "offline" ? 1 : r.finetune.utd;
  c.precision = r.run.precision;
  return c;
}

// Only matrix products count, only those whose result some loss uses, and a multiply-add is 2.
//   Letters: B rows of a slice, U slices, N members, M members asked for (2), n sampled next actions, k = 3 x 10 actions of
//   CQL's term; C critic and P policy, per row: f forward, o/a the observation's/action's share of the first layer, r the rest.
//   forward of k actions at one state   o + k (a + r)      the observation's share once
//   weight gradients                    f per row
//   input gradients inside a network    r per row          none towards observations
//   critic, U times over B rows
//     P.f at s' (+ 2 P.f for CQL's actions at s and s')
//     targets     M (C.o + n (C.a + C.r))
//     TD          N (C.f + C.f + C.r)                      forward, weights, inputs
//     CQL term    M (C.o + k (C.a + C.r) + k (C.f + C.r))
//   rest, once over U B rows
//     actor       P.f + N C.f + (C.a + C.r) of the argmin member alone + P.f + P.r
//     temperature P.f at s', if its loss samples there
//     alpha       with fresh draws only: 2 P.f + M (C.o + (k+1) (C.a + C.r))
//   IQL, on B rows; V the value network
//     values      M C.f at the data's actions + V.f at s'
//     V           V.f + V.f + V.r
//     TD          N (C.f + C.f + C.r)
//     actor, AWR  P.f + P.f + P.r
double gflop_needed(const BenchCase& c) {
  const bool is_cql = (c.agent == "cql" || c.agent == "calql");
  const Work critic = work_of(c.obs, c.action, c.network.critic_hidden, 1);
  const Work policy = work_of(c.obs, 0, c.network.actor_hidden, c.network.std_head == "exp" ? 2 * c.action : c.action);
  const double rows = static_cast<double>(c.batch) * c.utd, members = c.network.num_qs;
  const double asked = c.settings.agent.num_min_qs == 0 ? members : c.settings.agent.num_min_qs;
  const auto actions_at_state = [&](double n) { return critic.obs + n * (critic.action + critic.rest); };
  const double policy_backward = policy.forward() + policy.rest;
  if (c.agent == "bc") return 2e-9 * rows * (policy.forward() + policy_backward);

  if (c.agent == "iql") {
    const Work value = work_of(c.obs, 0, c.network.critic_hidden, 1);
    return 2e-9 * rows *
           (asked * critic.forward() + 3 * value.forward() + value.rest + members * (2 * critic.forward() + critic.rest) +
            policy.forward() + policy_backward);
  }

  if (c.agent != "sac" && !is_cql)
    throw usage_error("no count of operations for agent \"" + c.agent + "\"", "bench", "write down what it computes beside the others'");
  double per_row = 0;
  const bool max_backup = is_cql ? c.settings.cql.max_target_backup : c.settings.agent.max_target_backup;
  const double next_actions = max_backup ? (is_cql ? c.settings.cql.actions : c.settings.agent.backup_actions) : 1;
  if (!is_cql || c.settings.cql.use_td_loss) per_row += policy.forward() + asked * actions_at_state(next_actions);
  per_row += members * (2 * critic.forward() + critic.rest);
  if (is_cql && c.settings.cql.use_loss) {
    const double k = 3.0 * c.settings.cql.actions;
    per_row += 2 * policy.forward() + asked * (actions_at_state(k) + k * (critic.forward() + critic.rest));
    if (c.settings.cql.autotune_alpha && (c.settings.cql.fresh_alpha_draws || c.utd > 1))
      per_row += 2 * policy.forward() + asked * actions_at_state(k + 1);
  }

  const double differentiated = c.settings.agent.reduce() == EnsembleReduce::kMin ? 1 : members;
  per_row += policy.forward() + members * critic.forward() + differentiated * (critic.action + critic.rest) + policy_backward;
  if (c.settings.agent.temperature_at == "next_obs") per_row += policy.forward();
  return 2e-9 * rows * per_row;
}

std::unique_ptr<Agent> make_bench_agent(const BenchCase& c, Backend& backend) {
  Rng rng(1, "bench networks");
  return make_agent(c.agent, c.settings,
                    ActorCritic(c.network, c.obs, c.action, c.settings.agent.initial_temperature, c.settings.cql.initial_alpha, rng,
                                agent_info(c.agent).networks),
                    backend);
}

void fill_synthetic(BatchStorage& batch, const BenchCase& c) {
  Rng rng(2, "bench data");
  batch.resize(c.batch * c.utd, c.obs, c.action);
  const auto fill = [&](float* data, std::size_t n) { rng.fill_normal({data, n}); };
  fill(batch.obs.data(), batch.obs.size());
  fill(batch.next_obs.data(), batch.next_obs.size());
  fill(batch.action.data(), batch.action.size());
  for (std::size_t i = 0; i < batch.action.size(); ++i) batch.action.data()[i] = std::clamp(batch.action.data()[i], -0.99999f, 0.99999f);
  fill(batch.reward.data(), batch.reward.size());
  fill(batch.mc_return.data(), batch.mc_return.size());
  std::fill(batch.mask.begin(), batch.mask.end(), 1.0f);
}

}  // namespace warmstart
