#include "warmstart/agents/td3.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/core/error.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

Fields Td3Config::fields() {
  Fields f("td3");
  f.add("exploration_noise", exploration_noise,
        {"std of the noise added to the policy's action while it collects", "share of the action range's half", "0.1 for TD3", 1e-6, 10});
  f.add("alpha", alpha, {"TD3+BC: weight of Q against cloning, over the mean |Q| of the batch", "", "lower clones more", 0, 1e6});
  f.add("actor_bc", actor_bc, {"ReBRAC's beta1: cloning in the actor's loss", "per squared action", "0.001 to 1, by dataset", 0, 1e6});
  f.add("critic_bc", critic_bc, {"ReBRAC's beta2: cloning in the critic's target", "per squared action", "0 to 0.5, by dataset", 0, 1e6});
  return f;
}

Td3::Td3(Form form, const AgentConfig& config, const Td3Config& td3, ActorCritic start, Backend& backend)
    : Agent(config, std::move(start), backend),
      form_(form),
      td3_(td3),
      tape_(backend.make_tape()),
      climbed_(climbed_members()),
      target_actor_(ac_.actor) {
  td3_.fields().check("Td3Config");
  if (!ac_.actor.spec.squash) throw usage_error(name() + " needs actions inside the box", "network.squash", "set network.squash = true");
  if (ac_.target_actor.size() != ac_.actor.params.size()) ac_.target_actor = ac_.actor.params;
  if (form_ == Form::kBc) beta1_ = 1.0 / ac_.actor.spec.action;
  if (form_ == Form::kReBrac) beta1_ = td3_.actor_bc, beta2_ = td3_.critic_bc;
}

std::string Td3::name() const { return form_ == Form::kPlain ? "td3" : form_ == Form::kBc ? "td3bc" : "rebrac"; }

UpdateStats Td3::learn(const Batch& batch, int utd, Noise& noise) {
  UpdateStats stats;
  const bool actor = actor_moves(utd);
  for (int slice = 0; slice < utd; ++slice) {
    UpdateStats of_slice;
    noise.next_step();
    critic_step(slice_of(batch, slice, utd), noise, of_slice);
    stats.average(of_slice, slice + 1);
  }
  if (actor) {
    if (utd > 1) noise.next_step();
    actor_step(batch, stats);
    check_finite(batch, {{"critic_loss", stats.critic_loss}, {"actor_loss", stats.actor_loss}}, stats);
  } else {
    check_finite(batch, {{"critic_loss", stats.critic_loss}}, stats);
  }
  return stats;
}

void Td3::learn_critic(const Batch& batch, Noise& noise) {
  UpdateStats stats;
  noise.next_step();
  critic_step(batch, noise, stats);
  check_finite(batch, {{"critic_loss", stats.critic_loss}}, stats);
}

void Td3::act(const Actor& actor, ConstMatrixView obs, ActorTape* tape, MatrixView action) {
  mean_.resize(obs.rows, action.cols), log_std_.resize(obs.rows, action.cols);
  backend_.actor_forward(actor, obs, mean_, log_std_, tape);
  mode_actions(mean_, true, action);
}

std::span<const float> Td3::td_target(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows(), a = ac_.actor.spec.action;
  action_.resize(b, a), target_.resize(b);
  target_actor_.params = ac_.target_actor;
  act(target_actor_, batch.next_obs, nullptr, action_);
  if (config_.target_noise > 0) {
    noise_.resize(b, a);
    noise.normal({"critic", "target_noise"}, 1, noise_);
    perturb(action_, noise_);
  }
  least_q(ac_.target_critic, batch.next_obs, action_, 1, {"critic", "redq_subset_indices"}, noise, next_q_);
  const bool cloning = beta2_ > 0;
  if (cloning && batch.next_action.rows != b)
    throw usage_error("a batch without next actions", "agent " + name(), "give Batch::next_action, NaN in the rows where none is known");
  for (int i = 0; i < b; ++i) {
    float q = next_q_[i];
    if (cloning && !std::isnan(batch.next_action(i, 0)))  // the last row of a trajectory has no successor
      q -= static_cast<float>(beta2_ * squared_distance(action_.view().slice(i, 1), batch.next_action.slice(i, 1)));
    target_[i] = batch.reward[i] + static_cast<float>(config_.discount) * batch.mask[i] * q;
  }
  stats.target_q_mean = mean_of(target_);
  return target_;
}

void Td3::critic_step(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const CriticLoss loss{batch.obs, batch.action, td_target(batch, noise, stats)};
  const CriticStats seen = backend_.critic_step(ac_.critic, ac_.critic_adam, {.learning_rate = config_.critic_lr}, loss, &ac_.target_critic,
                                                static_cast<float>(config_.tau));
  ++ac_.critic_steps;
  stats.critic_loss = stats.td_loss = seen.td_loss;
  stats.q_mean = seen.q_mean;
}

void Td3::actor_step(const Batch& batch, UpdateStats& stats) {
  const int b = batch.rows(), a = ac_.actor.spec.action;
  action_.resize(b, a), dq_da_.resize(b, a), q_pi_.resize(b), d_log_std_.resize(b, a);
  act(ac_.actor, batch.obs, tape_.get(), action_);
  backend_.q_action_gradient(ac_.critic, ac_.critic.params, climbed_, batch.obs, action_, config_.reduce(), q_pi_, dq_da_);

  double lambda = 1;
  if (form_ != Form::kPlain) {  // a constant of the batch: nothing is differentiated through it
    double magnitude = 0;
    for (const float q : q_pi_) magnitude += std::abs(q) / static_cast<double>(b);
    lambda = (form_ == Form::kBc ? td3_.alpha : 1.0) / std::max(magnitude, 1e-8);
  }
  const double distance = squared_distance(action_, batch.action) / b;
  stats.actor_loss = -lambda * mean_of(q_pi_) + beta1_ * distance;
  stats.action_mse = distance;
  if (beta1_ > 0) stats.bc_loss = distance;

  // through tanh; the log std has no gradient
  for (std::size_t i = 0; i < action_.size(); ++i) {
    const double act = action_.data()[i], d = (-lambda * dq_da_.data()[i] + 2 * beta1_ * (act - batch.action.data[i])) / b;
    mean_.data()[i] = static_cast<float>(d * (1 - act * act));
    d_log_std_.data()[i] = 0;
  }
  backend_.actor_backward(ac_.actor, batch.obs, *tape_, mean_, d_log_std_, ac_.actor_adam.grad);
  backend_.adam_step(ac_.actor.params, ac_.actor_adam, {.learning_rate = config_.actor_lr}, false);
  const auto tau = static_cast<float>(config_.tau);
  for (std::size_t i = 0; i < ac_.target_actor.size(); ++i)
    ac_.target_actor[i] = tau * ac_.actor.params[i] + (1 - tau) * ac_.target_actor[i];
}

}  // namespace warmstart
