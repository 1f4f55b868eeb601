// The last thing an action passes before the world: smoothing, a box, and a limit of change per step. The same in training,
// evaluation and export; what comes out is what was done, and what the replay buffer holds.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "warmstart/core/fields.h"
#include "warmstart/core/matrix.h"
#include "warmstart/core/state.h"

namespace warmstart {

/// Lists have one number for all action coordinates, or one for each; empty is off. Units: the policy's, whose box is [-1,1].
struct SafetyConfig {
  std::vector<double> action_low, action_high, max_action_change;
  double smoothing = 0;

  Fields fields();
  /// Throws Error(kUsage) for lists of another length than `action_size`, a box without inside, or a limit of 0.
  void validate(int action_size) const;
  bool bounded() const { return !action_low.empty() || !action_high.empty(); }
  /// True when an action depends on the one before it.
  bool has_memory() const { return smoothing > 0 || !max_action_change.empty(); }
  bool off() const { return !bounded() && !has_memory(); }
};

/// executed = within the limit of change of the previous one of  clip(smoothing * previous + (1 - smoothing) * wanted, low, high).
/// The previous action of an episode's first step is rest: 0, or the nearest to it inside the box.
class ActionFilter {
 public:
  /// Throws Error(kUsage) for settings that are not valid.
  ActionFilter(const SafetyConfig& config, int action_size);
  void begin_episode();
  /// action [A], in place; allocates nothing. Off, it leaves every bit alone. A NaN stays one, and is not what the next action is held to.
  /// Throws Error(kUsage) for another size.
  void apply(std::span<float> action);
  void apply(std::span<double> action);

  const FloatVector& low() const { return low_; }                ///< [A]
  const FloatVector& high() const { return high_; }              ///< [A]
  const FloatVector& max_change() const { return max_change_; }  ///< [A], infinite when off
  const FloatVector& rest() const { return rest_; }              ///< [A]
  float smoothing() const { return smoothing_; }

  /// The previous action; nothing when the filter is off.
  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  bool off_;
  float smoothing_;
  FloatVector low_, high_, max_change_, rest_, scratch_, previous_;
};

}  // namespace warmstart
