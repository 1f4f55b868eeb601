// One number over the seeds of a method: mean, interquartile mean, and a bootstrap interval.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace warmstart {

/// One number over seeds.
struct Summary {
  int count = 0;             ///< seeds that have the number
  double mean = 0, iqm = 0;  ///< meaningless when count is 0
  double low = 0, high = 0;  ///< of the bootstrap interval of the mean; NaN below two seeds
  double deviation = 0;      ///< sample standard deviation (n - 1); NaN below two seeds
};

/// Interquartile mean: a quarter of the values, rounded down, is left out at either end (scipy.stats.trim_mean with 0.25).
double interquartile_mean(std::vector<double> values);
/// Linear between order statistics, as NumPy's default; share in [0, 1].
double quantile(std::vector<double> values, double share);
/// Percentile interval of the mean over given resamples, `count` indices each.
std::pair<double, double> percentile_interval(std::span<const double> values, std::span<const std::uint32_t> indices, double coverage);
/// With resamples drawn from the stream (0, "bootstrap"): the same values, the same interval.
Summary summarise(const std::vector<double>& values, double coverage, std::int64_t resamples);

enum class Center { kMean, kIqm };
double center_of(const std::vector<double>& values, Center center);
/// Sample standard deviation (n - 1); NaN below two values.
double deviation_of(const std::vector<double>& values);

/// Intervals of many points with the same resamples as `summarise`, drawn once for each number of seeds.
class Bootstrap {
 public:
  Bootstrap(double coverage, std::int64_t resamples) : coverage_(coverage), resamples_(resamples) {}
  /// Of the center; NaN below two values.
  std::pair<double, double> interval(const std::vector<double>& values, Center center);

 private:
  double coverage_;
  std::int64_t resamples_;
  std::map<std::size_t, std::vector<std::uint32_t>> indices_;  // by number of values
};

}  // namespace warmstart
