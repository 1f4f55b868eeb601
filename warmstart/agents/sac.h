// Soft actor-critic with a critic ensemble: the online half of WSRL (arXiv 2412.07762), and of REDQ and RLPD by recipe.
//   y      = r + gamma * mask * min over M of the N target critics of Q(s', a'),  a' ~ pi(s')
//   critic = mean over (N, B) of (Q - y)^2;  target = tau * critic + (1 - tau) * target after each critic step
//   actor  = -mean(min over all N of Q(s, a)) + temperature * mean(log pi(a|s))
//   temperature = temperature * (entropy(s') - target entropy)
// All losses of one gradient step are taken at the old parameters.
#pragma once
#include "warmstart/agents/agent.h"

namespace warmstart {

class Sac : public Agent {
 public:
  /// `backend` must outlive the agent. Throws Error(kUsage) for settings that exclude each other.
  Sac(const AgentConfig& config, ActorCritic start, Backend& backend);
  std::string name() const override { return "sac"; }

 protected:
  UpdateStats learn(const Batch& batch, int utd, Noise& noise) override;
  void learn_critic(const Batch& batch, Noise& noise) override;

  /// Which networks a gradient step moves; the others idle.
  struct Networks {
    bool critic = false, actor = false;  // the temperature moves with the actor
  };
  /// mean and log std of pi at the batch's states
  struct Heads {
    Matrix mean, log_std;
  };

  void policy_at(ConstMatrixView obs, Heads& heads, ActorTape* tape);
  /// One gradient step; numbers of the moved networks are written to `stats`.
  void step(const Batch& batch, Networks moved, Noise& noise, UpdateStats& stats);

  // What learners override that are a diff of this one: CQL its critic, an advantage-weighted one its actor.
  virtual int target_actions() const { return config_.max_target_backup ? config_.backup_actions : 1; }
  virtual bool subtracts_entropy() const { return config_.backup_entropy; }
  virtual bool needs_policy_at_obs_for_critic() const { return false; }
  virtual void step_critic(const Batch& batch, Noise& noise, UpdateStats& stats);
  /// Called before anything moves; `moved` tells whether the critic does too.
  virtual void multiplier_gradient(const Batch&, Networks, Noise&, UpdateStats&) {}
  virtual void step_multiplier(Networks) {}

  /// Leaves dL/dparams in ac_.actor_adam.grad; at_obs_ and its tape are those of the batch.
  virtual void actor_gradient(const Batch& batch, Noise& noise, UpdateStats& stats);
  /// False for a learner whose actor has no entropy term: the temperature then stays as it is.
  virtual bool has_temperature() const { return true; }
  /// dL/d(raw temperature).
  float temperature_gradient(const Batch& batch, Noise& noise, UpdateStats& stats);

  std::span<const float> td_target(const Batch& batch, Noise& noise, UpdateStats& stats);
  AdamConfig critic_adam() const { return {.learning_rate = config_.critic_lr}; }

  Heads at_obs_, at_next_;           // policy at s and s', once per gradient step
  std::unique_ptr<ActorTape> tape_;  // of at_obs_
  Column target_;

 private:
  Matrix noise_, action_, dq_da_, d_mean_, d_log_std_;
  Column next_q_, log_prob_, q_min_, d_log_prob_;
  std::vector<int> climbed_;
  float entropy_at_obs_ = 0;
};

}  // namespace warmstart
