#include "warmstart/envs/action_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {

bool ActionBounds::unit() const {
  const auto all = [](const std::vector<double>& values, double x) {
    return std::all_of(values.begin(), values.end(), [x](double v) { return v == x; });
  };
  return all(low, -1) && all(high, 1);
}

void ActionBounds::from_unit(std::span<double> action) const {
  if (low.empty()) return;
  for (std::size_t i = 0; i < action.size(); ++i)  // clipped once more: by rounding, low + (high - low) may be more than high
    action[i] = std::clamp(low[i] + 0.5 * (std::clamp(action[i], -1.0, 1.0) + 1) * (high[i] - low[i]), low[i], high[i]);
}

void ActionBounds::to_unit(std::span<double> action) const {
  if (low.empty()) return;
  for (std::size_t i = 0; i < action.size(); ++i) action[i] = 2 * (action[i] - low[i]) / (high[i] - low[i]) - 1;
}

void ActionBounds::check(int action_size, const std::string& where) const {
  if (low.empty() && high.empty()) return;
  const auto size = static_cast<std::size_t>(action_size);
  if (low.size() != size || high.size() != size)
    throw usage_error(fmt::format("bounds of {} and {} action coordinates, but the task has {}", low.size(), high.size(), size), where,
                      "give one low and one high value for each coordinate");
  for (std::size_t i = 0; i < size; ++i)
    if (!std::isfinite(low[i]) || !std::isfinite(high[i]) || !(low[i] < high[i]))
      throw usage_error(fmt::format("the bounds of action {} are {} and {}", i, low[i], high[i]), where,
                        "give finite numbers, the low one first");
}

}  // namespace warmstart
