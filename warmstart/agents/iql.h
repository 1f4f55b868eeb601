// Implicit Q-learning (arXiv 2110.06169): offline RL that never asks the critic about actions outside the data.
//   V      = mean of |tau - 1(q < V(s))| (q - V(s))^2,   q = min over target critics of Q(s, a)
//   critic = mean over (N, B) of (Q(s,a) - (r + gamma * mask * V(s')))^2;  target = Polyak average after the step
//   actor, AWR      = -mean( min(exp(T * adv), w_max) * log pi(a|s) ),   adv = q - V(s)
//   actor, DDPG+BC  = mean( -q(s, a~pi) - w * log pi(a|s) )
// All three are taken at the old parameters.
#pragma once
#include "warmstart/agents/agent.h"

namespace warmstart {

/// The `iql` section of a recipe.
struct IqlConfig {
  double expectile = 0.9;
  std::string extraction = "awr";
  double temperature = 10, max_weight = 100;
  double bc_weight = 0.5;
  bool target_advantage = true;
  double actor_dropout = 0;

  Fields fields();
};

class Iql : public Agent {
 public:
  /// `start` needs a value network. `backend` must outlive the agent. Throws Error(kUsage) for settings that exclude each other.
  Iql(const AgentConfig& config, const IqlConfig& iql, ActorCritic start, Backend& backend);
  std::string name() const override { return "iql"; }

 private:
  /// Every slice is a whole update: V, critics and actor.
  UpdateStats learn(const Batch& batch, int utd, Noise& noise) override;
  void learn_critic(const Batch& batch, Noise& noise) override;
  void values(const Batch& batch, Noise& noise);
  void move_critics(const Batch& batch, UpdateStats& stats);
  void actor_gradient(const Batch& batch, Noise& noise, UpdateStats& stats);
  void awr(const Batch& batch, Noise& noise, UpdateStats& stats);
  void ddpg_bc(const Batch& batch, Noise& noise, UpdateStats& stats);
  const FloatVector& actor_critic_params() const { return iql_.target_advantage ? ac_.target_critic : ac_.critic.params; }

  IqlConfig iql_;
  std::unique_ptr<ActorTape> tape_;
  Column q_, v_, next_v_, target_, advantage_q_, log_prob_, weight_;
  Matrix mean_, log_std_, d_mean_, d_log_std_, noise_, action_, dq_da_;
  std::vector<int> members_;
};

}  // namespace warmstart
