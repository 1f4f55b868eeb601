#include "warmstart/agents/sac.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/core/error.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

Sac::Sac(const AgentConfig& config, ActorCritic start, Backend& backend)
    : Agent(config, std::move(start), backend), tape_(backend.make_tape()), climbed_(climbed_members()) {
  if (std::isnan(config_.target_entropy)) config_.target_entropy = -ac_.actor.spec.action;
}

UpdateStats Sac::learn(const Batch& batch, int utd, Noise& noise) {
  UpdateStats stats;
  const bool actor = actor_moves(utd);
  if (utd == 1) {
    noise.next_step();
    step(batch, {.critic = true, .actor = actor}, noise, stats);
  } else {
    for (int slice = 0; slice < utd; ++slice) {
      UpdateStats of_slice;
      noise.next_step();
      step(slice_of(batch, slice, utd), {.critic = true}, noise, of_slice);
      stats.average(of_slice, slice + 1);
    }
    if (actor) {
      noise.next_step();
      step(batch, {.actor = true}, noise, stats);
    }
  }
  if (!actor) check_finite(batch, {{"critic_loss", stats.critic_loss}}, stats);
  else if (!has_temperature()) check_finite(batch, {{"critic_loss", stats.critic_loss}, {"actor_loss", stats.actor_loss}}, stats);
  else
    check_finite(
        batch, {{"critic_loss", stats.critic_loss}, {"actor_loss", stats.actor_loss}, {"temperature_loss", stats.temperature_loss}}, stats);
  return stats;
}

void Sac::learn_critic(const Batch& batch, Noise& noise) {
  UpdateStats stats;
  noise.next_step();
  policy_at(batch.next_obs, at_next_, nullptr);
  if (needs_policy_at_obs_for_critic()) policy_at(batch.obs, at_obs_, nullptr);
  step_critic(batch, noise, stats);
  check_finite(batch, {{"critic_loss", stats.critic_loss}}, stats);
}

void Sac::policy_at(ConstMatrixView obs, Heads& heads, ActorTape* tape) {
  const int a = ac_.actor.spec.action;
  heads.mean.resize(obs.rows, a), heads.log_std.resize(obs.rows, a);
  backend_.actor_forward(ac_.actor, obs, heads.mean, heads.log_std, tape);
}

void Sac::step(const Batch& batch, Networks moved, Noise& noise, UpdateStats& stats) {
  policy_at(batch.next_obs, at_next_, nullptr);
  if (moved.actor || needs_policy_at_obs_for_critic()) policy_at(batch.obs, at_obs_, moved.actor ? tape_.get() : nullptr);

  // gradients at the old parameters ...
  float d_temperature = 0;
  if (moved.actor) {
    actor_gradient(batch, noise, stats);
    if (has_temperature()) d_temperature = temperature_gradient(batch, noise, stats);
  }
  multiplier_gradient(batch, moved, noise, stats);

  // ... then every network moves; one that was not asked makes an idle step in the reference's reading
  if (moved.critic) step_critic(batch, noise, stats);
  else if (config_.idle_adam_steps) backend_.adam_step(ac_.critic.params, ac_.critic_adam, critic_adam(), true);
  if (moved.actor || config_.idle_adam_steps) {
    backend_.adam_step(ac_.actor.params, ac_.actor_adam, {.learning_rate = config_.actor_lr}, !moved.actor);
    if (has_temperature()) ac_.temperature.step({.learning_rate = config_.temperature_lr}, d_temperature);
  }
  step_multiplier(moved);
}

std::span<const float> Sac::td_target(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows(), n = target_actions();
  noise_.resize(b * n, ac_.actor.spec.action), action_.resize(b * n, ac_.actor.spec.action);
  log_prob_.resize(static_cast<std::size_t>(b) * n);
  noise.normal({"critic", "next_action_noise"}, n, noise_);
  sample_actions(at_next_.mean, at_next_.log_std, noise_, ac_.actor.spec.squash, action_, log_prob_);
  if (config_.target_noise > 0) {  // SO2: the target hears of a neighbourhood of the policy's action
    noise.normal({"critic", "target_noise"}, n, noise_);
    perturb(action_, noise_);
  }

  // REDQ: the M of N are evaluated alone
  least_q(ac_.target_critic, batch.next_obs, action_, n, {"critic", "redq_subset_indices"}, noise, next_q_);

  target_.resize(b);
  const float temperature = ac_.temperature.value();
  for (int i = 0; i < b; ++i) {
    float best = -std::numeric_limits<float>::infinity();
    for (int k = i * n; k < (i + 1) * n; ++k) {
      float q = next_q_[k];
      if (subtracts_entropy()) q -= temperature * log_prob_[k];
      best = q > best ? q : std::isnan(q) ? q : best;
    }
    target_[i] = batch.reward[i] + static_cast<float>(config_.discount) * batch.mask[i] * best;
  }
  stats.target_q_mean = mean_of(target_);
  return target_;
}

void Sac::step_critic(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const CriticLoss loss{batch.obs, batch.action, td_target(batch, noise, stats), nullptr};
  const CriticStats seen =
      backend_.critic_step(ac_.critic, ac_.critic_adam, critic_adam(), loss, &ac_.target_critic, static_cast<float>(config_.tau));
  ++ac_.critic_steps;
  stats.critic_loss = stats.td_loss = seen.td_loss;
  stats.q_mean = seen.q_mean;
}

void Sac::actor_gradient(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows(), a = ac_.actor.spec.action;
  const bool squash = ac_.actor.spec.squash;
  noise_.resize(b, a), action_.resize(b, a), dq_da_.resize(b, a);
  log_prob_.resize(b), q_min_.resize(b);
  noise.normal({"actor", "action_noise"}, 1, noise_);
  sample_actions(at_obs_.mean, at_obs_.log_std, noise_, squash, action_, log_prob_);
  backend_.q_action_gradient(ac_.critic, ac_.critic.params, climbed_, batch.obs, action_, config_.reduce(), q_min_, dq_da_);

  // d(-mean q)/da and the weight of log pi; a behaviour-cloning share scales both
  const float temperature = ac_.temperature.value(), share = 1.0f - static_cast<float>(config_.bc_weight);
  for (std::size_t i = 0; i < dq_da_.size(); ++i) dq_da_.data()[i] *= -share / static_cast<float>(b);
  d_mean_.resize(b, a), d_log_std_.resize(b, a);
  std::fill_n(d_mean_.data(), d_mean_.size(), 0.0f);
  std::fill_n(d_log_std_.data(), d_log_std_.size(), 0.0f);
  sample_backward(at_obs_.mean, at_obs_.log_std, noise_, squash, dq_da_, share * temperature / static_cast<float>(b), d_mean_, d_log_std_);

  const double mean_log_prob = mean_of(log_prob_);
  stats.actor_loss = -mean_of(q_min_) + temperature * mean_log_prob;
  stats.entropy = -mean_log_prob;
  stats.temperature = temperature;
  entropy_at_obs_ = static_cast<float>(-mean_log_prob);
  stats.action_mse = squared_distance(action_, batch.action) / b;

  if (config_.bc_weight > 0) {
    log_prob_of(at_obs_.mean, at_obs_.log_std, batch.action, squash, log_prob_);
    stats.bc_loss = -mean_of(log_prob_);
    stats.actor_loss = share * stats.actor_loss + config_.bc_weight * stats.bc_loss;
    d_log_prob_.assign(b, static_cast<float>(-config_.bc_weight / b));
    log_prob_backward(at_obs_.mean, at_obs_.log_std, batch.action, squash, d_log_prob_, d_mean_, d_log_std_);
  }
  backend_.actor_backward(ac_.actor, batch.obs, *tape_, d_mean_, d_log_std_, ac_.actor_adam.grad);
}

float Sac::temperature_gradient(const Batch& batch, Noise& noise, UpdateStats& stats) {
  double entropy = entropy_at_obs_;
  if (config_.temperature_at == "next_obs") {
    const int n = target_actions();
    noise_.resize(batch.rows() * n, ac_.actor.spec.action), action_.resize(noise_.rows(), noise_.cols());
    log_prob_.resize(noise_.rows());
    noise.normal({"temperature", "next_action_noise"}, n, noise_);
    sample_actions(at_next_.mean, at_next_.log_std, noise_, ac_.actor.spec.squash, action_, log_prob_);
    entropy = -mean_of(log_prob_);
  }
  stats.temperature_loss = ac_.temperature.value() * (entropy - config_.target_entropy);
  return static_cast<float>(ac_.temperature.value_slope() * (entropy - config_.target_entropy));
}

}  // namespace warmstart
