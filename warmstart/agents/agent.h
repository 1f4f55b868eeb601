// The interface of a learner: it updates from batches and hands over its state. Acting is Policy's business.
#pragma once
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "warmstart/agents/actor_critic.h"
#include "warmstart/agents/noise.h"
#include "warmstart/data/batch.h"
#include "warmstart/nn/backend.h"

namespace warmstart {

/// Settings shared by all actor-critic learners; the `agent` section of a recipe.
struct AgentConfig {
  double discount = 0.99, tau = 5e-3;
  double actor_lr = 1e-4, critic_lr = 3e-4, temperature_lr = 1e-4;
  int num_min_qs = 2;
  bool subset_with_replacement = true;
  int actor_delay = 1, n_step = 1;
  std::string actor_reduce = "min";
  bool backup_entropy = false, max_target_backup = false;
  int backup_actions = 10;
  double target_noise = 0, target_noise_clip = 0.6;
  double initial_temperature = 1.0;
  double target_entropy = std::numeric_limits<double>::quiet_NaN();
  std::string temperature_at = "next_obs";
  bool idle_adam_steps = true;
  double bc_weight = 0;

  Fields fields();
  EnsembleReduce reduce() const { return actor_reduce == "mean" ? EnsembleReduce::kMean : EnsembleReduce::kMin; }
};

/// Means over one update; NaN where the method has no such number.
struct UpdateStats {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double critic_loss = kNone, td_loss = kNone, q_mean = kNone, target_q_mean = kNone;
  double actor_loss = kNone, entropy = kNone, temperature = kNone, temperature_loss = kNone, bc_loss = kNone, action_mse = kNone;
  double value_loss = kNone, v_mean = kNone, adv_mean = kNone, adv_min = kNone, adv_max = kNone, data_log_prob = kNone;
  double cql_gap = kNone, cql_loss = kNone, cql_alpha = kNone, cql_alpha_loss = kNone, cql_ood = kNone, calql_bound_rate = kNone;

  static constexpr std::size_t kCount = 22;

  /// Calls f(name, value&) for every number, in a fixed order.
  template <class F>
  void visit(F&& f) {
    f("critic_loss", critic_loss), f("td_loss", td_loss), f("q_mean", q_mean), f("target_q_mean", target_q_mean);
    f("actor_loss", actor_loss), f("entropy", entropy), f("temperature", temperature), f("temperature_loss", temperature_loss);
    f("bc_loss", bc_loss), f("action_mse", action_mse);
    f("value_loss", value_loss), f("v_mean", v_mean), f("adv_mean", adv_mean), f("adv_min", adv_min), f("adv_max", adv_max);
    f("data_log_prob", data_log_prob);
    f("cql_gap", cql_gap), f("cql_loss", cql_loss), f("cql_alpha", cql_alpha), f("cql_alpha_loss", cql_alpha_loss);
    f("cql_ood", cql_ood), f("calql_bound_rate", calql_bound_rate);
  }

  /// Makes every number the mean over `count` updates, `last` being the newest.
  void average(UpdateStats last, int count);
};

class Agent {
 public:
  virtual ~Agent() = default;
  virtual std::string name() const = 0;

  /// Learns from a batch of B rows, observations as the networks see them (normalized where the actor has a normalizer). With `utd` > 1 the
  /// batch is cut into that many slices, one critic step each, then one step of everything else on the whole (B must be a multiple). Throws
  /// Error(kDiverged) when a loss is not finite, Error(kUsage) for a batch of other sizes than the networks', or without the Monte-Carlo
  /// returns that the method needs.
  UpdateStats update(const Batch& batch, int utd, Noise& noise);
  /// One step of the critics alone, the policy standing still. Throws Error(kUsage) for a learner without critics, and as update.
  void fit_critic(const Batch& batch, Noise& noise);
  /// Who acts while it learns: 0 samples from the policy; otherwise its mode plus Gaussian noise of this std, clipped to the box.
  virtual double exploration_noise() const { return 0; }

  const ActorCritic& state() const { return ac_; }
  ActorCritic& state() { return ac_; }
  /// Hands the whole state over; the agent is empty afterwards.
  ActorCritic release() { return std::move(ac_); }

 protected:
  /// What update and fit_critic do with a batch that fits. The default of the second is that of a learner without critics.
  virtual UpdateStats learn(const Batch& batch, int utd, Noise& noise) = 0;
  virtual void learn_critic(const Batch& batch, Noise& noise);
  /// True when update reads Batch::mc_return.
  virtual bool reads_mc_return() const { return false; }

  /// `backend` must outlive the agent. Throws Error(kUsage) for a subset larger than the ensemble and for settings out of range.
  Agent(const AgentConfig& config, ActorCritic ac, Backend& backend);
  /// Slice i of `slices`; throws Error(kUsage) when they do not come out even.
  static Batch slice_of(const Batch& batch, int i, int slices);
  /// The M members of a minimum or a mean: drawn, or all N when num_min_qs is 0.
  void choose_members(Draw draw, Noise& noise, std::vector<int>& members) const;
  /// q [B * n] = min over the chosen members, under `params`, of Q(obs_i, action_ik); obs [B,O], action [B * n, A].
  void least_q(const FloatVector& params, ConstMatrixView obs, ConstMatrixView action, int n, Draw draw, Noise& noise, Column& q);
  /// The critics whose min or mean the actor climbs (agent.actor_reduce).
  std::vector<int> climbed_members() const;
  /// action += clip(target_noise * noise, +-target_noise_clip), kept inside the box; `noise` is standard normal, same shape.
  void perturb(MatrixView action, ConstMatrixView noise) const;
  /// True when the actor's turn comes within the next `critic_steps` critic steps (agent.actor_delay).
  bool actor_moves(int critic_steps) const;
  using Losses = std::initializer_list<std::pair<const char*, double>>;
  /// Throws Diverged (divergence.h) naming the first of `losses` that is NaN, infinite or beyond a float; else remembers `stats`.
  void check_finite(const Batch& batch, Losses losses, const UpdateStats& stats);

  AgentConfig config_;
  ActorCritic ac_;
  Backend& backend_;

 private:
  void check(const Batch& batch) const;

  std::vector<int> chosen_;
  Matrix member_q_;
  UpdateStats before_;  // of the last finite update
};

double mean_of(std::span<const float> values);
/// Sum of squared differences of two matrices of one shape.
double squared_distance(ConstMatrixView a, ConstMatrixView b);

}  // namespace warmstart
