// Units of actions. Policies, replay buffers and trained datasets speak of -1 to 1; a machine or a task may have units of its own.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace warmstart {

/// Least and greatest value of each action coordinate in a task's own units, mapped linearly to -1 and 1. Immutable in use; copies are
/// cheap.
struct ActionBounds {
  std::vector<double> low, high;  ///< [A] each; both empty: the task's own units are -1 to 1

  /// The task's own units are -1 to 1 in every coordinate: nothing is to be mapped.
  bool unit() const;
  /// From -1..1 to the task's own units, in place; `action` is [A]. Values beyond -1..1 are clipped, and no result lies beyond
  /// the bounds.
  void from_unit(std::span<double> action) const;
  /// From the task's own units to -1..1, in place; `action` is [A]. Values beyond the bounds come out beyond -1..1.
  void to_unit(std::span<double> action) const;
  /// Throws Error(kUsage) naming `where` unless both are empty, or both hold `action_size` finite numbers, each low below its high.
  void check(int action_size, const std::string& where) const;

  bool operator==(const ActionBounds&) const = default;
};

}  // namespace warmstart
