#include "warmstart/studies/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/core/random.h"

namespace warmstart {
namespace {

constexpr double kTail = 0.1;  // share of the steps that `final` is a mean of

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Of the evaluations in the last tenth of the steps after the switch.
std::optional<double> tail_mean(const Series& curve) {
  if (curve.empty() || curve.back().step == 0) return {};
  const double from = (1 - kTail) * static_cast<double>(curve.back().step);
  std::vector<double> values;
  for (const Point& p : curve)
    if (static_cast<double>(p.step) > from) values.push_back(p.value);
  return mean_of(values);
}

std::optional<double> normalised_area(const Series& curve) {
  if (curve.size() < 2) return {};
  double sum = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    sum += 0.5 * (curve[i].value + curve[i - 1].value) * static_cast<double>(curve[i].step - curve[i - 1].step);
  return sum / static_cast<double>(curve.back().step - curve.front().step);
}

}  // namespace

RunMeasures measure(const RunFiles& run, const std::string& metric, double threshold) {
  RunMeasures m;
  const Outcome o = outcome(run, metric);
  m.before = o.before, m.lowest = o.lowest, m.drop = o.drop, m.forgotten = o.forgotten;
  const Series curve = evaluations(run, Scope::kOnline, metric);
  m.final = tail_mean(curve);
  m.success = tail_mean(evaluations(run, Scope::kOnline, "success_rate"));
  m.area = normalised_area(curve);
  for (const Point& p : curve) {
    if (p.step > 0 && (!m.best || p.value > *m.best)) m.best = p.value;
    if (!m.steps_to_threshold && !std::isnan(threshold) && p.value >= threshold) m.steps_to_threshold = static_cast<double>(p.step);
  }
  if (o.recovered_at) m.steps_to_recover = static_cast<double>(*o.recovered_at);
  return m;
}

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
  Summary s{.count = static_cast<int>(values.size()), .low = std::nan(""), .high = std::nan("")};
  if (values.empty()) return s;
  s.mean = mean_of(values), s.iqm = interquartile_mean(values);
  if (values.size() < 2) return s;
  Rng rng(0, "bootstrap");
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(resamples) * values.size());
  for (std::uint32_t& i : indices) i = rng.below(static_cast<std::uint32_t>(values.size()));
  std::tie(s.low, s.high) = percentile_interval(values, indices, coverage);
  return s;
}

}  // namespace warmstart
