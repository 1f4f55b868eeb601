#include "tests/golden/infos.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/nn/gaussian.h"

namespace warmstart::golden {
namespace {

double squares(std::span<const float> values) {
  return std::transform_reduce(values.begin(), values.end(), 0.0, std::plus<>(), [](double v) { return v * v; });
}

/// Calls f(parameters, first moment) for every network that has parameters.
template <class F>
void visit_networks(const ActorCritic& ac, F&& f) {
  f(ac.actor.params, ac.actor_adam.m), f(ac.critic.params, ac.critic_adam.m);
  if (ac.has_value()) f(ac.value.params, ac.value_adam.m);
}

double floor_of(double recorded) { return kInfoTolerance * std::max(std::abs(recorded), kInfoFloor); }

}  // namespace

void Infos::see(const std::string& name, double ours, Report& report) const {
  const std::string key = prefix_ + name;
  if (!case_.has(key)) return;
  const double recorded = case_.at(key).f32()[0];
  report.see(key, ours, recorded, floor_of(recorded));
}

// Over all networks. The gradient comes back from Adam's first moment, m = 0.9 m + 0.1 g.
void Infos::norms(const std::string& prefix, const ActorCritic& now, Report& report) const {
  std::vector<std::pair<const FloatVector*, const FloatVector*>> was;
  visit_networks(before_, [&](const FloatVector& params, const FloatVector& m) { was.emplace_back(&params, &m); });
  double param = 0, update = 0, grad = 0;
  std::size_t k = 0;
  visit_networks(now, [&](const FloatVector& params, const FloatVector& m) {
    const auto& [old_params, old_m] = was[k++];
    param += squares(*old_params);
    for (std::size_t i = 0; i < params.size(); ++i) {
      update += std::pow(static_cast<double>(params[i]) - (*old_params)[i], 2);
      grad += std::pow((m[i] - 0.9 * (*old_m)[i]) / 0.1, 2);
    }
  });
  const auto scalar = [&](const auto& old_one, const auto& one) {
    param += std::pow(old_one.raw, 2), update += std::pow(one.raw - old_one.raw, 2), grad += std::pow((one.m - 0.9 * old_one.m) / 0.1, 2);
  };
  if (case_.has(prefix_ + "params/modules_temperature/lagrange")) scalar(before_.temperature, now.temperature);
  if (case_.has(prefix_ + "params/modules_cql_alpha_lagrange/lagrange")) scalar(before_.cql_alpha, now.cql_alpha);
  see(prefix + "param_norm", std::sqrt(param), report);
  see(prefix + "update_norm", std::sqrt(update), report);
  see(prefix + "grad_norm", std::sqrt(grad), report);
}

void Infos::step_done(int j, const ActorCritic& now, Report& report) {
  norms("uinfo/u" + std::to_string(j) + "/", now, report);
  before_ = now;
  step_ = j + 1;
}

void Infos::done(const ActorCritic& now, const UpdateStats& s, const Batch& batch, Backend& backend, Report& report) {
  const AgentConfig& a = setup_.settings.agent;
  const std::pair<const char*, double> infos[] = {
      {"critic/critic_loss", s.critic_loss},
      {"critic/td_loss", s.td_loss},
      {"critic/predicted_qs", s.q_mean},
      {"critic/target_qs", s.target_q_mean},
      {"critic/cql_loss", s.cql_loss},
      {"critic/cql_alpha", s.cql_alpha},
      {"critic/cql_diff", s.cql_gap},
      {"critic/cql_ood_values", s.cql_ood},
      {"critic/calql_bound_rate", s.calql_bound_rate},
      {"actor/actor_loss", s.actor_loss},
      {"actor/entropy", s.entropy},
      {"actor/temperature", s.temperature},
      {"actor/actions_mse", s.action_mse},
      {"actor/bc_loss", s.bc_loss},
      {"actor/actor_bc_loss_weight", a.bc_weight},
      {"temperature/temperature_loss", s.temperature_loss},
      {"cql_alpha_lagrange/cql_alpha_loss", s.cql_alpha_loss},
      {"cql_alpha_lagrange/cql_alpha_lagrange_multiplier", s.cql_alpha},
      // IQL's names
      {"critic/q", s.q_mean},
      {"critic/target_q", s.target_q_mean},
      {"value/value_loss", s.value_loss},
      {"value/v", s.v_mean},
      {"actor/adv_mean", s.adv_mean},
      {"actor/adv_min", s.adv_min},
      {"actor/adv_max", s.adv_max},
      {"actor/behavior_logprob", s.data_log_prob},
      {"actor/behavior_entropy", -s.data_log_prob},
      {"actor/behavior_mse", s.action_mse},
      {"actor/ddpg_objective", setup_.settings.iql.bc_weight * s.bc_loss - s.actor_loss},
      // learning rates
      {"actor_lr", a.actor_lr},
      {"critic_lr", a.critic_lr},
      {"value_lr", a.critic_lr},
      {"temperature_lr", a.temperature_lr},
      {"cql_alpha_lagrange_lr", setup_.settings.cql.alpha_lr},
  };
  for (const auto& [name, ours] : infos) see(std::string("info/") + name, ours, report);
  norms("info/", now, report);
  norms("uinfo/u" + std::to_string(step_) + "/", now, report);
  policy(batch, s, backend, report);
  if (before_.has_value()) value(batch, backend, report);
}

// The actor's loss is taken at the parameters before the last gradient step.
void Infos::policy(const Batch& batch, const UpdateStats& stats, Backend& backend, Report& report) const {
  const Actor& actor = before_.actor;
  const int b = batch.rows(), a = actor.spec.action;
  const auto tape = backend.make_tape();
  const auto& hidden = actor.spec.trunk.hidden;
  for (std::size_t k = 0; k < hidden.size(); ++k) {
    const std::string key = draws() + "actor/dropout_keep" + (k == 0 ? "" : "_" + std::to_string(k));
    if (!case_.has(key)) continue;
    tape->dropout.resize(hidden.size());
    tape->dropout[k].resize(b, hidden[k]);
    const auto keep = case_.at(key).u8();
    for (std::size_t i = 0; i < keep.size(); ++i)
      tape->dropout[k].data()[i] = keep[i] ? static_cast<float>(1 / (1 - setup_.settings.iql.actor_dropout)) : 0.0f;
  }
  Matrix mean(b, a), log_std(b, a), action(b, a);
  backend.actor_forward(actor, batch.obs, mean, log_std, tape.get());

  const auto rows = [&](const std::string& name, std::span<const float> ours) {
    const std::string key = prefix_ + "info/actor/" + name;
    if (!case_.has(key)) return;
    const auto recorded = case_.at(key).f32();
    if (recorded.size() != ours.size()) throw std::runtime_error("info of another size: " + key);
    for (std::size_t i = 0; i < ours.size(); ++i) report.see(key, ours[i], recorded[i], floor_of(std::max(1.0f, std::abs(recorded[i]))));
  };
  if (const std::string key = draws() + "actor/action_noise"; case_.has(key)) {
    Column log_prob(b);
    sample_actions(mean, log_std, {case_.at(key).f32().data(), b, a}, actor.spec.squash, action, log_prob);
    rows("actions", {action.data(), action.size()});
    rows("log_probs", log_prob);
    // the loss before a share of cloning is mixed in
    const double share = setup_.settings.agent.bc_weight;
    see("info/actor/actor_q_loss", (stats.actor_loss - share * stats.bc_loss) / (1 - share), report);
  }
  mode_actions(mean, actor.spec.squash, action);
  rows("predicted actions", {action.data(), action.size()});

  Column nll(b);
  for (std::size_t i = 0; i < action.size(); ++i) action.data()[i] = std::clamp(batch.action.data[i], -0.99f, 0.99f);
  log_prob_of(mean, log_std, action, actor.spec.squash, nll);
  see("info/actor/actor_nll", -mean_of(nll), report);
}

// mean (min Q_target(s, a) - V(s))^2
void Infos::value(const Batch& batch, Backend& backend, Report& report) const {
  const int b = batch.rows(), only = 0;
  std::vector<int> members(before_.critic.spec.members);
  std::iota(members.begin(), members.end(), 0);
  if (const std::string key = draws() + "value/redq_subset_indices"; case_.has(key)) {
    const auto drawn = case_.at(key).i32();
    members.assign(drawn.begin(), drawn.end());
  }
  Matrix q(static_cast<int>(members.size()), b), v(1, b);
  backend.q_values(before_.critic, before_.target_critic, members, batch.obs, batch.action, 1, q);
  backend.q_values(before_.value, before_.value.params, {&only, 1}, batch.obs, {nullptr, b, 0}, 1, v);
  double sum = 0;
  for (int i = 0; i < b; ++i) {
    float least = q(0, i);
    for (int m = 1; m < q.rows(); ++m) least = std::min(least, q(m, i));
    sum += std::pow(static_cast<double>(least) - v(0, i), 2);
  }
  see("info/value/uncentered_loss", sum / b, report);
}

}  // namespace warmstart::golden
