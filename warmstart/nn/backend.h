// The seam between agents and arithmetic: half a dozen calls, each a line of a paper with its backward fused, coarse enough
// for a CPU to go member by member and for a GPU to batch members behind it.
// Letters: B rows (states), n actions per state, N members, M members asked for, O, A, H as in network.h.
// Rows of several actions per state are state-major: row b * n + i is action i of state b.
#pragma once
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/nn/network.h"
#include "warmstart/nn/precision.h"

namespace warmstart {

/// The pessimism term of CQL at one batch; with `floor` it is Cal-QL's.
///   gap_ib = T * logsumexp_k(x_ibk / T) - Q_i(s_b, a_b),   x = max(Q_i(s_b, a_k), floor_b for k >= floored_from) - log_density
///   loss   = alpha * mean over (members, B) of clip(gap, clip_min, clip_max)
/// Without log densities Q_i(s_b, a_b) joins the set and T * log(n + 1) is subtracted.
struct CqlTerm {
  ConstMatrixView action;              ///< [B*n, A], evaluated at the batch's observations
  int actions_per_state = 0;           ///< n (the paper's 3 x 10)
  std::span<const float> log_density;  ///< [B*n] importance weights, or empty
  std::span<const float> floor;        ///< [B] Monte-Carlo returns, or empty for plain CQL
  int floored_from = 0;                ///< the first k that is floored
  std::span<const int> members;        ///< the M members of the term; a member may occur twice and then counts twice
  float alpha = 1, temperature = 1;
  float clip_min = -std::numeric_limits<float>::infinity(), clip_max = std::numeric_limits<float>::infinity();
};

/// What a critic step minimises: mean over (N, B) of w (Q_i(s,a) - target)^2, plus the CQL term when there is one.
///   w = 1, or with `expectile` tau > 0, as IQL's value function is fitted: tau where target > Q, 1 - tau elsewhere
struct CriticLoss {
  ConstMatrixView obs, action;    ///< [B,O], [B,A]; A = 0 for a value function V(s)
  std::span<const float> target;  ///< [B], or empty for no temporal-difference term
  const CqlTerm* cql = nullptr;   ///< excludes expectile
  float expectile = 0;

  /// w at Q - target = error
  float weight(float error) const { return expectile <= 0 ? 1.0f : error < 0 ? expectile : 1.0f - expectile; }
};

/// Means over what the step saw; cql fields are 0 without the term.
struct CriticStats {
  double td_loss = 0, q_mean = 0;
  double cql_gap = 0;     ///< mean gap before clipping
  double cql_loss = 0;    ///< mean clipped gap (alpha not applied)
  double cql_ood = 0;     ///< mean of the logsumexp part
  double bound_rate = 0;  ///< share of the M*B*n values that the floor lifted
};

enum class EnsembleReduce { kMin, kMean };

/// A backend's activations of one actor forward pass, kept for the backward pass.
struct ActorTape {
  virtual ~ActorTape() = default;
  /// Set by the caller before the forward pass, empty for none: per hidden layer the factors [B,H], 0 or 1 / (1 - rate), that
  /// dropout puts on the linear output, ahead of LayerNorm. They must stay as they are until the backward pass.
  std::vector<Matrix> dropout;
};

/// Observations are as networks see them: normalized already where the actor has a normalizer.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;

  /// mean [B,A] and raw log std [B,A] (before the clip of gaussian.h). `tape` may be null when no backward follows.
  virtual void actor_forward(const Actor& actor, ConstMatrixView obs, MatrixView mean, MatrixView log_std, ActorTape* tape) = 0;
  virtual std::unique_ptr<ActorTape> make_tape() const = 0;

  /// grad [params] = dL/dparams from dL/dmean and dL/dlog_std [B,A]; `tape` is that of the same obs.
  virtual void actor_backward(const Actor& actor, ConstMatrixView obs, const ActorTape& tape, ConstMatrixView d_mean,
                              ConstMatrixView d_log_std, FloatVector& grad) = 0;

  /// q [M, B*n] = Q_i(s_b, a) for the asked members only. `params` replaces critic.params (a target network), same layout.
  virtual void q_values(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                        ConstMatrixView action, int actions_per_state, MatrixView q) = 0;

  /// q [B] = min or mean over the asked members of Q_i(s,a), and dq_da [B,A]; for the min only the minimal member of each row
  /// is differentiated (the first one on ties). `params` as for q_values.
  virtual void q_action_gradient(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                                 ConstMatrixView action, EnsembleReduce reduce, std::span<float> q, MatrixView dq_da) = 0;

  /// One descent step: gradient of `loss` (left in adam.grad), Adam, and, when `target` is given,
  /// target = tau * critic + (1 - tau) * target.
  virtual CriticStats critic_step(Critic& critic, Adam& adam, const AdamConfig& config, const CriticLoss& loss, FloatVector* target,
                                  float tau) = 0;

  /// Adam with adam.grad, or with a zero gradient when `idle` (moments decay, the parameters drift on).
  virtual void adam_step(FloatVector& params, Adam& adam, const AdamConfig& config, bool idle) = 0;
};

/// What every backend asks of its arguments, in constant time: Error(kUsage) with both shapes where they do not fit. Views carry no
/// owner, and what lies behind a wrong one is somebody else's memory.
void check_actor_call(const Actor& actor, ConstMatrixView obs, ConstMatrixView mean, ConstMatrixView log_std);
void check_critic_call(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                       ConstMatrixView action, int actions_per_state);
void check_critic_loss(const Critic& critic, const CriticLoss& loss, const FloatVector* target);
/// rows x cols is what `what` must be.
void check_shape(const char* what, ConstMatrixView given, int rows, int cols);

/// Plain loops in double precision, one thread: what the others are checked against.
std::unique_ptr<Backend> make_reference_backend();

/// oneDNN products, fused vector kernels, `threads` >= 1; the same bits for any number of threads.
std::unique_ptr<Backend> make_cpu_backend(int threads, Precision precision = Precision::kFp32);

/// "cpu" or "reference", which knows double precision alone; throws Error(kUsage) naming the nearest otherwise.
std::unique_ptr<Backend> make_backend(const std::string& name, int threads, Precision precision = Precision::kFp32);

}  // namespace warmstart
