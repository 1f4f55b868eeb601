#include "warmstart/nn/normalizer.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace warmstart {

void ObsStatistics::add(std::span<const float> obs) {
  assert(obs.size() == mean.size());
  const double rows = static_cast<double>(++count);
  for (std::size_t j = 0; j < obs.size(); ++j) {
    const double gap = obs[j] - mean[j];
    mean[j] += gap / rows;
    deviation[j] += gap * (obs[j] - mean[j]);
  }
}

double ObsStatistics::std(std::size_t j) const { return count > 0 ? std::sqrt(deviation[j] / static_cast<double>(count)) : 0.0; }

ObsNormalizer::ObsNormalizer(int obs_size, double epsilon) : epsilon_(epsilon) {
  ObsStatistics none;
  none.resize(obs_size);
  set(none);
}

ObsNormalizer ObsNormalizer::fixed(std::vector<float> mean, std::vector<float> scale) {
  assert(mean.size() == scale.size());
  ObsNormalizer out;
  out.mean_ = std::move(mean), out.scale_ = std::move(scale);
  return out;
}

void ObsNormalizer::set(const ObsStatistics& statistics) {
  assert(statistics.mean.size() == statistics.deviation.size());
  constexpr double kLeast = std::numeric_limits<float>::min();  // a float cannot hold the inverse of less
  statistics_ = statistics;
  mean_.resize(statistics.mean.size()), scale_.resize(statistics.mean.size());
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const double std = statistics.std(j);
    mean_[j] = static_cast<float>(statistics.mean[j]);
    scale_[j] = std < kLeast ? 1.0f : static_cast<float>(1 / (std + epsilon_));
  }
}

void ObsNormalizer::apply(std::span<const float> from, std::span<float> to) const {
  assert(from.size() == mean_.size() && to.size() == mean_.size());
  for (std::size_t j = 0; j < mean_.size(); ++j) to[j] = (from[j] - mean_[j]) * scale_[j];
}

void ObsNormalizer::apply(MatrixView rows) const {
  const auto width = static_cast<std::size_t>(rows.cols);
  if (on())
    for (int i = 0; i < rows.rows; ++i) apply({rows.row(i), width}, {rows.row(i), width});
}

}  // namespace warmstart
