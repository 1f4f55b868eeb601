// What a study measures of a run, and what it says of the seeds of an arm. J is the evaluation of the study's metric; steps are environment
// steps since the switch, warm-up counted. docs/studies/README.md states the same definitions for readers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "warmstart/io/report_stats.h"
#include "warmstart/io/seed_stats.h"

namespace warmstart {

/// Of one finished run. Absent: it has no meaning here (never reached, nothing to divide by, not measured).
struct RunMeasures {
  std::optional<double> before;              ///< J at the switch
  std::optional<double> lowest;              ///< smallest J after it
  std::optional<double> final;               ///< mean J of the last tenth of the steps, at least the last evaluation
  std::optional<double> best;                ///< largest J after the switch
  std::optional<double> area;                ///< area under J from the switch to the end by trapezoids, divided by its length
  std::optional<double> regret;              ///< mean distance to the reference level along the curve: reference - area
  std::optional<double> success;             ///< success rate over the same evaluations as `final`
  std::optional<double> drop;                ///< unlearning: max(0, (before - lowest) / |before|)
  std::optional<bool> forgotten;             ///< from the lowest on never back to 90% of `before`
  std::optional<double> steps_to_threshold;  ///< first evaluation with J at the threshold or above; 0 = at the switch
  std::optional<double> steps_to_recover;    ///< from the lowest on first evaluation at 90% of `before`; 0 = never below that
  std::optional<double> seconds;             ///< wall-clock of warm-up and fine-tuning
  std::optional<double> pretrain_seconds;    ///< of the pre-training, which other arms may share
  std::optional<double> steps_per_second;    ///< environment steps through `seconds`, evaluations included
};

/// Everything but `regret` and the clock. `threshold` NaN = none.
RunMeasures measure(const RunFiles& run, const std::string& metric, double threshold);

}  // namespace warmstart
