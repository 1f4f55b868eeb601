// The vocabulary between data and agents: a batch of transitions, and where batches come from.
// Depends on core alone, so that agents may include it without seeing files or buffers.
#pragma once
#include <span>

#include "warmstart/core/matrix.h"
#include "warmstart/core/random.h"

namespace warmstart {

/// Views of B transitions; they own nothing.
struct Batch {
  ConstMatrixView obs;               ///< [B,O]
  ConstMatrixView action;            ///< [B,A], in [-1,1]
  std::span<const float> reward;     ///< [B], scaled and shifted as the recipe says
  std::span<const float> mask;       ///< [B], 0 only at true terminals (not at time limits); n-step rows carry discount^(n-1)
  ConstMatrixView next_obs;          ///< [B,O]
  std::span<const float> mc_return;  ///< [B] discounted Monte-Carlo return; may be empty
  ConstMatrixView next_action;       ///< [B,A] action that followed at next_obs, NaN where none is known; may have no rows

  int rows() const { return obs.rows; }
  Batch slice(int first, int count) const {
    return {obs.slice(first, count),
            action.slice(first, count),
            reward.subspan(first, count),
            mask.subspan(first, count),
            next_obs.slice(first, count),
            mc_return.empty() ? mc_return : mc_return.subspan(first, count),
            next_action.rows ? next_action.slice(first, count) : next_action};
  }
};

/// Owns the arrays behind a Batch; reused from step to step, so sampling allocates nothing after the first.
struct BatchStorage {
  Matrix obs, action, next_obs, next_action;
  Column reward, mask, mc_return;

  void resize(int rows, int obs_size, int action_size) {
    obs.resize(rows, obs_size), action.resize(rows, action_size), next_obs.resize(rows, obs_size), next_action.resize(rows, action_size);
    reward.resize(rows), mask.resize(rows), mc_return.resize(rows);
  }
  /// `with_mc_return` false leaves Batch::mc_return empty.
  Batch view(bool with_mc_return) const {
    return {obs,        action, reward, mask, next_obs, with_mc_return ? std::span<const float>(mc_return) : std::span<const float>(),
            next_action};
  }
};

/// n-step returns: reward = sum of discount^k r over up to n steps, ending early at terminals and where the record breaks off;
/// mask and next observation are those of the last step, the mask times discount^(steps - 1).
struct NStep {
  int steps = 1;
  double discount = 0.99;
};

/// Anything transitions can be drawn from: an offline dataset, a replay buffer, a mixture.
class DataSource {
 public:
  virtual ~DataSource() = default;
  /// Number of transitions that can be drawn.
  virtual std::size_t size() const = 0;
  /// Draws rows [first, first + count) of `out` uniformly with replacement; `out` is already sized. Throws Error(kUsage) when nothing can
  /// be drawn, or when `out` has other sizes or fewer rows.
  virtual void sample(Rng& rng, BatchStorage& out, int first, int count) const = 0;
  /// True when every transition has a Monte-Carlo return.
  virtual bool has_mc_return() const = 0;
};

}  // namespace warmstart
