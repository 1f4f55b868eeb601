// What a study measures of a run, and what it says of the seeds of an arm. J is the evaluation of the study's metric; steps are environment
// steps since the switch, warm-up counted. docs/studies/README.md states the same definitions for readers.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "warmstart/io/report_stats.h"

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

/// One number over seeds.
struct Summary {
  int count = 0;             ///< seeds that have the number
  double mean = 0, iqm = 0;  ///< meaningless when count is 0
  double low = 0, high = 0;  ///< of the bootstrap interval of the mean; NaN below two seeds
};

/// Interquartile mean: a quarter of the values, rounded down, is left out at either end (scipy.stats.trim_mean with 0.25).
double interquartile_mean(std::vector<double> values);
/// Linear between order statistics, as NumPy's default; share in [0, 1].
double quantile(std::vector<double> values, double share);
/// Percentile interval of the mean over given resamples, `count` indices each.
std::pair<double, double> percentile_interval(std::span<const double> values, std::span<const std::uint32_t> indices, double coverage);
/// With resamples drawn from the stream (0, "bootstrap"): the same values, the same interval.
Summary summarise(const std::vector<double>& values, double coverage, std::int64_t resamples);

}  // namespace warmstart
