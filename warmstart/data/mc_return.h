// Monte-Carlo return-to-go of one trajectory: the value that Cal-QL holds its Q-function above.
#pragma once
#include <optional>
#include <span>

namespace warmstart {

struct McReturnOptions {
  double discount = 0.99;
  /// Sparse tasks only: the reward of a step without success, scaled and shifted like `rewards`. A trajectory of nothing
  /// but this gets negative_reward / (1 - discount) in every step: it would never have succeeded. Empty for dense rewards.
  std::optional<float> negative_reward = {};
  /// Continuing tasks: after the last step its reward goes on for ever, instead of 0.
  bool infinite_horizon = false;
};

/// returns[t] = rewards[t] + discount * masks[t] * returns[t+1]; all spans are [T] in time order. `masks` is 0 at true
/// terminals, so a success in the middle of a recording cuts the sum there.
void mc_returns(std::span<const float> rewards, std::span<const float> masks, const McReturnOptions& options, std::span<float> returns);

}  // namespace warmstart
