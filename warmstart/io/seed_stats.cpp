#include "warmstart/io/seed_stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "warmstart/core/random.h"

namespace warmstart {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// drawn from the stream (0, "bootstrap"): the same values, the same interval
std::vector<std::uint32_t> resample_indices(std::size_t count, std::int64_t resamples) {
  Rng rng(0, "bootstrap");
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(resamples) * count);
  for (std::uint32_t& i : indices) i = rng.below(static_cast<std::uint32_t>(count));
  return indices;
}

}  // namespace

double interquartile_mean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t cut = values.size() / 4;
  return mean_of(std::span(values).subspan(cut, values.size() - 2 * cut));
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(at));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

std::pair<double, double> percentile_interval(std::span<const double> values, std::span<const std::uint32_t> indices, double coverage) {
  std::vector<double> means;
  for (std::size_t at = 0; at + values.size() <= indices.size(); at += values.size()) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[indices[at + i]];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  const double tail = (1 - coverage) / 2;
  return {quantile(means, tail), quantile(means, 1 - tail)};
}

Summary summarise(const std::vector<double>& values, double coverage, std::int64_t resamples) {
  Summary s{.count = static_cast<int>(values.size()), .low = std::nan(""), .high = std::nan(""), .deviation = deviation_of(values)};
  if (values.empty()) return s;
  s.mean = mean_of(values), s.iqm = interquartile_mean(values);
  if (values.size() < 2) return s;
  const std::vector<std::uint32_t> indices = resample_indices(values.size(), resamples);
  std::tie(s.low, s.high) = percentile_interval(values, indices, coverage);
  return s;
}

double center_of(const std::vector<double>& values, Center center) {
  return center == Center::kMean ? mean_of(values) : interquartile_mean(values);
}

double deviation_of(const std::vector<double>& values) {
  if (values.size() < 2) return std::nan("");
  const double mean = mean_of(values);
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::pair<double, double> Bootstrap::interval(const std::vector<double>& values, Center center) {
  if (values.size() < 2) return {std::nan(""), std::nan("")};
  std::vector<std::uint32_t>& indices = indices_[values.size()];
  if (indices.empty()) indices = resample_indices(values.size(), resamples_);
  if (center == Center::kMean) return percentile_interval(values, indices, coverage_);
  std::vector<double> centers, sample(values.size());
  for (std::size_t at = 0; at + values.size() <= indices.size(); at += values.size()) {
    for (std::size_t i = 0; i < values.size(); ++i) sample[i] = values[indices[at + i]];
    centers.push_back(interquartile_mean(sample));
  }
  const double tail = (1 - coverage_) / 2;
  return {quantile(centers, tail), quantile(centers, 1 - tail)};
}

}  // namespace warmstart
