// Conservative Q-learning (arXiv 2006.04779) and its calibrated form Cal-QL (arXiv 2303.05479), on top of SAC:
//   critic = TD + alpha * mean over (M members, B) of [ T * logsumexp_k(x_k / T) - Q(s, a_data) ]
// over 3n actions: n random, n from pi(s), n from pi(s'), all evaluated at s; x = Q - log density with importance sampling.
// Cal-QL floors Q at policy actions at the state's Monte-Carlo return.
#pragma once
#include "warmstart/agents/sac.h"

namespace warmstart {

/// The `cql` section of a recipe.
struct CqlConfig {
  bool calibrated = true;  ///< set by the agent's name: calql or cql
  bool use_loss = true, use_td_loss = true;
  double alpha = 5;
  double online_alpha = std::numeric_limits<double>::quiet_NaN();
  bool online_use_loss = true;
  bool autotune_alpha = false;
  double initial_alpha = 1, alpha_lr = 3e-4, target_gap = 0.8;
  bool fresh_alpha_draws = false;
  int actions = 10;
  std::string random_actions = "uniform";
  double temperature = 1;
  bool importance_sampling = true, max_target_backup = true;
  bool floor_random_actions = false;
  double clip_min = -std::numeric_limits<double>::infinity(), clip_max = std::numeric_limits<double>::infinity();

  Fields fields();
  /// The settings of the online phase.
  CqlConfig online() const;
};

class Cql : public Sac {
 public:
  Cql(const AgentConfig& config, const CqlConfig& cql, ActorCritic start, Backend& backend);
  std::string name() const override { return cql_.calibrated ? "calql" : "cql"; }

 protected:
  int target_actions() const override { return cql_.max_target_backup ? cql_.actions : 1; }
  bool subtracts_entropy() const override { return false; }
  bool needs_policy_at_obs_for_critic() const override { return cql_.use_loss; }
  void step_critic(const Batch& batch, Noise& noise, UpdateStats& stats) override;
  void multiplier_gradient(const Batch& batch, Networks moved, Noise& noise, UpdateStats& stats) override;
  void step_multiplier(Networks moved) override;

 private:
  /// Draws the actions and members of the term; `loss` is what the draws are for.
  CqlTerm draw_term(const Batch& batch, const char* loss, Noise& noise);
  double mean_gap(const Batch& batch, const CqlTerm& term);
  void set_alpha_gradient(double gap, UpdateStats& stats);

  CqlConfig cql_;
  std::vector<int> members_;
  Matrix random_, noise_, sampled_, actions_, with_data_, q_;
  Column density_, log_prob_;
  float alpha_gradient_ = 0;
};

}  // namespace warmstart
