// Does a run keep the control period of its task? Times between two commands of one episode, by the wall clock.
#pragma once
#include <algorithm>
#include <cstdint>

namespace warmstart {

/// Counts the steps that came later than the task's control period says. Decides nothing; a checkpoint carries it on.
struct ControlRate {
  static constexpr double kTolerance = 0.1;  ///< of a period: what timers and schedulers spread

  std::int64_t steps = 0;     ///< intervals seen: every step but the first of an episode
  std::int64_t late = 0;      ///< of them, those longer than a period and the tolerance
  double sum = 0, worst = 0;  ///< s

  /// One interval of `gap` seconds where the task asks for `period` seconds.
  void add(double gap, double period) {
    ++steps, late += gap > (1 + kTolerance) * period;
    sum += gap, worst = std::max(worst, gap);
  }
  double late_fraction() const { return steps > 0 ? static_cast<double>(late) / static_cast<double>(steps) : 0; }
  double mean() const { return steps > 0 ? sum / static_cast<double>(steps) : 0; }
};

}  // namespace warmstart
