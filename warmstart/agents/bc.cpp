#include "warmstart/agents/bc.h"

#include <algorithm>

#include "warmstart/nn/gaussian.h"

namespace warmstart {

UpdateStats Bc::learn(const Batch& batch, int, Noise& noise) {
  noise.next_step();
  const int b = batch.rows(), a = ac_.actor.spec.action;
  const bool squash = ac_.actor.spec.squash;
  mean_.resize(b, a), log_std_.resize(b, a), d_mean_.resize(b, a), d_log_std_.resize(b, a);
  log_prob_.resize(b);
  backend_.actor_forward(ac_.actor, batch.obs, mean_, log_std_, tape_.get());
  log_prob_of(mean_, log_std_, batch.action, squash, log_prob_);

  std::fill_n(d_mean_.data(), d_mean_.size(), 0.0f);
  std::fill_n(d_log_std_.data(), d_log_std_.size(), 0.0f);
  d_log_prob_.assign(b, -1.0f / static_cast<float>(b));  // loss = -mean log pi
  log_prob_backward(mean_, log_std_, batch.action, squash, d_log_prob_, d_mean_, d_log_std_);
  backend_.actor_backward(ac_.actor, batch.obs, *tape_, d_mean_, d_log_std_, ac_.actor_adam.grad);
  backend_.adam_step(ac_.actor.params, ac_.actor_adam, {.learning_rate = config_.actor_lr}, false);

  UpdateStats stats;
  stats.actor_loss = stats.bc_loss = -mean_of(log_prob_);
  mode_actions(mean_, squash, mean_);
  stats.action_mse = squared_distance(mean_, batch.action) / b;
  check_finite(batch, {{"actor_loss", stats.actor_loss}}, stats);
  return stats;
}

}  // namespace warmstart
