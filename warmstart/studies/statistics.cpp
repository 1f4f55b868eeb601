#include "warmstart/studies/statistics.h"

#include <cmath>

namespace warmstart {
namespace {

constexpr double kTail = 0.1;  // share of the steps that `final` is a mean of

// Of the evaluations in the last tenth of the steps after the switch.
std::optional<double> tail_mean(const Series& curve) {
  if (curve.empty() || curve.back().step == 0) return {};
  const double from = (1 - kTail) * static_cast<double>(curve.back().step);
  std::vector<double> values;
  for (const Point& p : curve)
    if (static_cast<double>(p.step) > from) values.push_back(p.value);
  return center_of(values, Center::kMean);
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

}  // namespace warmstart
