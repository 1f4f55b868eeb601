#include "warmstart/agents/iql.h"

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

Fields IqlConfig::fields() {
  Fields f("iql");
  f.add("expectile", expectile,
        {"tau of V's expectile regression; 0.5 is the mean, 1 the best action in the data", "", "0.9 on AntMaze, 0.7 elsewhere", 0.01,
         0.999});
  f.add("extraction", extraction,
        choice("the policy imitates the data weighted by advantage (awr), or climbs Q and clones the data (ddpg+bc)",
               "ddpg+bc when the data lack good actions", {"awr", "ddpg+bc"}));
  f.add("temperature", temperature,
        {"T: inverse temperature of the advantage weights exp(T * adv)", "", "10 on AntMaze, 3 on locomotion, 0.5 on Adroit and Kitchen", 0,
         1e6});
  f.add("max_weight", max_weight, {"largest advantage weight", "", "lower when single rows decide the policy", 1e-6, 1e9});
  f.add("bc_weight", bc_weight, {"weight of the cloning term of ddpg+bc", "", "higher stays closer to the data", 0, 1e6});
  f.add("target_advantage", target_advantage,
        {"the actor learns from the target critics, not the online ones", "", "off for faster changes"});
  f.add("actor_dropout", actor_dropout, {"share of the actor's hidden units dropped in training", "", "0.1 on Adroit and Kitchen", 0, 0.9});
  return f;
}

Iql::Iql(const AgentConfig& config, const IqlConfig& iql, ActorCritic start, Backend& backend)
    : Agent(config, std::move(start), backend), iql_(iql), tape_(backend.make_tape()) {
  iql_.fields().check("IqlConfig");
  if (!ac_.has_value())
    throw usage_error("networks without a value function", "agent iql",
                      "make them with agent_info(\"iql\").networks, or call ActorCritic::add_networks");
}

UpdateStats Iql::learn(const Batch& batch, int utd, Noise& noise) {
  UpdateStats stats;
  for (int slice = 0; slice < utd; ++slice) {
    const Batch rows = slice_of(batch, slice, utd);
    UpdateStats of_slice;
    noise.next_step();
    values(rows, noise);
    actor_gradient(rows, noise, of_slice);
    move_critics(rows, of_slice);
    backend_.adam_step(ac_.actor.params, ac_.actor_adam, {.learning_rate = config_.actor_lr}, false);
    stats.average(of_slice, slice + 1);
  }
  check_finite(batch, {{"critic_loss", stats.critic_loss}, {"value_loss", stats.value_loss}, {"actor_loss", stats.actor_loss}}, stats);
  return stats;
}

void Iql::learn_critic(const Batch& batch, Noise& noise) {
  UpdateStats stats;
  noise.next_step();
  values(batch, noise);
  move_critics(batch, stats);
  check_finite(batch, {{"critic_loss", stats.critic_loss}, {"value_loss", stats.value_loss}}, stats);
}

// q, V(s), V(s') at the old parameters
void Iql::values(const Batch& batch, Noise& noise) {
  const int b = batch.rows(), only = 0;
  least_q(ac_.target_critic, batch.obs, batch.action, 1, {"value", "redq_subset_indices"}, noise, q_);
  const auto value_at = [&](ConstMatrixView obs, Column& v) {
    v.resize(b);
    backend_.q_values(ac_.value, ac_.value.params, {&only, 1}, obs, {nullptr, b, 0}, 1, {v.data(), 1, b});
  };
  value_at(batch.obs, v_);
  value_at(batch.next_obs, next_v_);
}

void Iql::move_critics(const Batch& batch, UpdateStats& stats) {
  const int b = batch.rows();
  const AdamConfig adam{.learning_rate = config_.critic_lr};
  const CriticLoss value_loss{batch.obs, {nullptr, b, 0}, q_, nullptr, static_cast<float>(iql_.expectile)};
  const CriticStats value = backend_.critic_step(ac_.value, ac_.value_adam, adam, value_loss, nullptr, 0);

  target_.resize(b);
  for (int i = 0; i < b; ++i) target_[i] = batch.reward[i] + static_cast<float>(config_.discount) * batch.mask[i] * next_v_[i];
  const CriticLoss loss{batch.obs, batch.action, target_};
  const CriticStats seen =
      backend_.critic_step(ac_.critic, ac_.critic_adam, adam, loss, &ac_.target_critic, static_cast<float>(config_.tau));
  ++ac_.critic_steps;

  stats.value_loss = value.td_loss, stats.v_mean = value.q_mean;
  stats.critic_loss = stats.td_loss = seen.td_loss;
  stats.q_mean = seen.q_mean, stats.target_q_mean = mean_of(target_);
}

void Iql::actor_gradient(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows(), a = ac_.actor.spec.action;
  const auto& hidden = ac_.actor.spec.trunk.hidden;
  if (iql_.actor_dropout > 0) {
    const double share = 1 - iql_.actor_dropout;
    tape_->dropout.resize(hidden.size());
    for (std::size_t k = 0; k < hidden.size(); ++k) {
      Matrix& keep = tape_->dropout[k];
      keep.resize(b, hidden[k]);
      noise.keep({"actor", "dropout_keep", static_cast<int>(k)}, share, keep);
      for (std::size_t i = 0; i < keep.size(); ++i) keep.data()[i] /= static_cast<float>(share);
    }
  }
  mean_.resize(b, a), log_std_.resize(b, a), d_mean_.resize(b, a), d_log_std_.resize(b, a), log_prob_.resize(b);
  backend_.actor_forward(ac_.actor, batch.obs, mean_, log_std_, tape_.get());
  log_prob_of(mean_, log_std_, batch.action, ac_.actor.spec.squash, log_prob_);
  stats.data_log_prob = mean_of(log_prob_);
  std::fill_n(d_mean_.data(), d_mean_.size(), 0.0f);
  std::fill_n(d_log_std_.data(), d_log_std_.size(), 0.0f);
  iql_.extraction == "awr" ? awr(batch, noise, stats) : ddpg_bc(batch, noise, stats);
  log_prob_backward(mean_, log_std_, batch.action, ac_.actor.spec.squash, weight_, d_mean_, d_log_std_);
  backend_.actor_backward(ac_.actor, batch.obs, *tape_, d_mean_, d_log_std_, ac_.actor_adam.grad);

  mode_actions(mean_, ac_.actor.spec.squash, mean_);
  stats.action_mse = squared_distance(mean_, batch.action) / b;
}

// weight_ receives dL/d log pi of each row
void Iql::awr(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows();
  if (iql_.target_advantage && config_.num_min_qs == 0) advantage_q_ = q_;  // the same members of the same networks
  else least_q(actor_critic_params(), batch.obs, batch.action, 1, {"actor", "redq_subset_indices"}, noise, advantage_q_);
  weight_.resize(b);
  double loss = 0, total = 0, least = HUGE_VAL, most = -HUGE_VAL;
  for (int i = 0; i < b; ++i) {
    const double advantage = static_cast<double>(advantage_q_[i]) - v_[i];
    const double weight = std::min(std::exp(iql_.temperature * advantage), iql_.max_weight);
    loss -= weight * log_prob_[i] / b;
    total += advantage, least = std::min(least, advantage), most = std::max(most, advantage);
    weight_[i] = static_cast<float>(-weight / b);
  }
  stats.actor_loss = loss;
  stats.adv_mean = total / b, stats.adv_min = least, stats.adv_max = most;
}

void Iql::ddpg_bc(const Batch& batch, Noise& noise, UpdateStats& stats) {
  const int b = batch.rows(), a = ac_.actor.spec.action;
  const bool squash = ac_.actor.spec.squash;
  noise_.resize(b, a), action_.resize(b, a), dq_da_.resize(b, a), advantage_q_.resize(b);
  noise.normal({"actor", "action_noise"}, 1, noise_);
  sample_actions(mean_, log_std_, noise_, squash, action_, {});
  choose_members({"actor", "redq_subset_indices"}, noise, members_);
  if (config_.actor_reduce == "first") members_ = {0};
  backend_.q_action_gradient(ac_.critic, actor_critic_params(), members_, batch.obs, action_, config_.reduce(), advantage_q_, dq_da_);
  for (std::size_t i = 0; i < dq_da_.size(); ++i) dq_da_.data()[i] *= -1.0f / static_cast<float>(b);
  sample_backward(mean_, log_std_, noise_, squash, dq_da_, 0, d_mean_, d_log_std_);
  weight_.assign(b, static_cast<float>(-iql_.bc_weight / b));
  stats.bc_loss = -stats.data_log_prob;
  stats.actor_loss = -mean_of(advantage_q_) + iql_.bc_weight * stats.bc_loss;
}

}  // namespace warmstart
