// TD3 (arXiv 1802.09477) and its two offline forms, TD3+BC (arXiv 2106.06860) and ReBRAC (arXiv 2305.09836), which add
// cloning terms to it. pi(s) = tanh(mean); the policy's log std plays no part.
//   a'     = clip(pi_target(s') + clip(eps, -c, c), -1, 1),   eps ~ N(0, sigma)
//   y      = r + gamma * mask * (min over M of the N target critics of Q(s', a') - beta2 * |a' - a'_data|^2)
//   critic = mean over (N, B) of (Q - y)^2
//   actor  = mean( -lambda * Q(s, pi(s)) + beta1 * |pi(s) - a|^2 ),  every agent.actor_delay critic steps; Q by
//            agent.actor_reduce (published: the first critic; ReBRAC the least)
//   targets of critics and actor: Polyak averages
//            lambda                  beta1       beta2
//   TD3      1                       0           0
//   TD3+BC   alpha / mean |Q|        1 / A       0
//   ReBRAC   1 / mean |Q|            actor_bc    critic_bc
#pragma once
#include "warmstart/agents/agent.h"

namespace warmstart {

/// The `td3` section of a recipe.
struct Td3Config {
  double exploration_noise = 0.1;
  double alpha = 2.5;
  double actor_bc = 0.01, critic_bc = 0.01;

  Fields fields();
};

class Td3 : public Agent {
 public:
  enum class Form { kPlain, kBc, kReBrac };
  /// `start` needs a target actor and a squashed policy: Error(kUsage) otherwise. `backend` must outlive the agent.
  Td3(Form form, const AgentConfig& config, const Td3Config& td3, ActorCritic start, Backend& backend);
  std::string name() const override;
  double exploration_noise() const override { return td3_.exploration_noise; }

 private:
  UpdateStats learn(const Batch& batch, int utd, Noise& noise) override;
  void learn_critic(const Batch& batch, Noise& noise) override;
  /// action [B,A] = pi(obs); with `tape` for a backward pass.
  void act(const Actor& actor, ConstMatrixView obs, ActorTape* tape, MatrixView action);
  std::span<const float> td_target(const Batch& batch, Noise& noise, UpdateStats& stats);
  void critic_step(const Batch& batch, Noise& noise, UpdateStats& stats);
  void actor_step(const Batch& batch, UpdateStats& stats);

  Form form_;
  Td3Config td3_;
  double beta1_ = 0, beta2_ = 0;
  std::unique_ptr<ActorTape> tape_;
  std::vector<int> climbed_;
  Actor target_actor_;
  Matrix mean_, log_std_, noise_, action_, dq_da_, d_log_std_;
  Column target_, next_q_, q_pi_;
};

}  // namespace warmstart
