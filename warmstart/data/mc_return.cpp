#include "warmstart/data/mc_return.h"

#include <algorithm>

#include "warmstart/core/error.h"

namespace warmstart {

void mc_returns(std::span<const float> rewards, std::span<const float> masks, const McReturnOptions& options, std::span<float> returns) {
  if (masks.size() != rewards.size() || returns.size() != rewards.size())
    throw usage_error("rewards, masks and returns of different lengths", "mc_returns", "give one of each per step");
  if (rewards.empty()) return;
  if (options.negative_reward) {
    const float negative = *options.negative_reward;
    if (std::all_of(rewards.begin(), rewards.end(), [&](float r) { return r == negative; })) {
      std::fill(returns.begin(), returns.end(), static_cast<float>(negative / (1 - options.discount)));
      return;
    }
  }
  double next = options.infinite_horizon ? rewards.back() / (1 - options.discount) : 0.0;
  for (std::size_t t = rewards.size(); t-- > 0;) {
    next = rewards[t] + options.discount * masks[t] * next;
    returns[t] = static_cast<float>(next);
  }
}

}  // namespace warmstart
