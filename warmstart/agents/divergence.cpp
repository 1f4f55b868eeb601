#include "warmstart/agents/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace warmstart {
namespace {

/// Largest magnitude and the column it is in; NaN counts as the largest.
struct Largest {
  double size = 0;
  int column = 0;
};

Largest largest(std::span<const float> values, int columns) {
  Largest out;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const double size = std::abs(static_cast<double>(values[i])); !(size <= out.size))
      out = {size, static_cast<int>(i % static_cast<std::size_t>(columns))};
  return out;
}
Largest largest(ConstMatrixView m) { return largest({m.data, m.size()}, m.cols); }

std::string as_text(double value) {
  if (std::isfinite(value)) return fmt::format("{:.3g}, beyond single precision", value);
  return std::isnan(value) ? "NaN" : "infinite";
}

std::string seen_before(UpdateStats before) {
  std::string out;
  before.visit([&](const std::string& name, double value) {
    for (const char* told : {"critic_loss", "q_mean", "actor_loss", "value_loss"})
      if (name == told && !std::isnan(value)) out += fmt::format("{}{} {:.3g}", out.empty() ? "" : ", ", name, value);
  });
  return out.empty() ? "it was the first update" : "the update before had " + out;
}

struct Cause {
  std::string evidence, remedy;
};

constexpr const char* kAgain = "begin again (--overwrite)";

Cause cause_of(const LastSeen& seen, const Batch& batch, const AgentConfig& c, const ActorCritic& networks) {
  const double reward = largest(batch.reward, 1).size;
  if (!(reward <= kLargestScale)) {
    const std::string factor = std::isfinite(reward) ? fmt::format(" multiplied by {:g}", to_order_one(reward)) : " lower";
    return {fmt::format("rewards reach {:.3g}, after env.reward_scale and env.reward_bias", reward),
            fmt::format("{} with env.reward_scale{}, so that rewards are of order 1", kAgain, factor)};
  }
  const Largest now = largest(batch.obs), next = largest(batch.next_obs), obs = next.size <= now.size ? now : next;
  if (!(obs.size <= kLargestScale)) {
    const bool normalized = networks.actor.normalizer.on();
    return {fmt::format("observations reach {:.3g}{}, in coordinate {}", obs.size, normalized ? " after normalization" : "", obs.column),
            normalized
                ? fmt::format("{} without the outliers of that coordinate", kAgain)
                : fmt::format("{} with data.normalize = \"dataset\" (\"running\" without a dataset), or scale that coordinate", kAgain)};
  }
  const bool ends = std::any_of(batch.mask.begin(), batch.mask.end(), [](float m) { return m == 0; });
  if (c.discount == 1 && !ends)
    return {"agent.discount is 1 and no row of the batch ends its episode, so that values add up without bound",
            fmt::format("{} with agent.discount below 1, e.g. 0.99", kAgain)};
  for (const auto& [key, rate] : {std::pair{"agent.critic_lr", c.critic_lr}, {"agent.actor_lr", c.actor_lr}})
    if (rate > 3e-3) return {fmt::format("{} is {:g}", key, rate), fmt::format("{} with {} = 0.0003", kAgain, key)};
  const double bound = reward / std::max(1 - c.discount, 1e-3), q = std::abs(seen.before.q_mean);
  if (q > 10 * std::max(bound, 1.0)) {
    const bool layer_norm = networks.critic.spec.trunk.layer_norm;
    return {
        fmt::format("Q had run away: {:.3g} on average, where rewards of at most {:.3g} allow about {:.3g}", q, reward, bound),
        fmt::format("{} with a lower agent.critic_lr than {:g}{}", kAgain, c.critic_lr,
                    layer_norm ? " and a smaller agent.tau, or more critics (network.num_qs)" : ", or network.critic_layer_norm = true")};
  }
  std::size_t bound_actions = 0;
  for (std::size_t i = 0; i < batch.action.size(); ++i) bound_actions += !(std::abs(batch.action.data[i]) < 0.999f);
  if (2 * bound_actions > batch.action.size())
    return {
        fmt::format("{} of {} action entries lie at the bounds, where log-probabilities are steep", bound_actions, batch.action.size()),
        fmt::format("{} with a lower agent.actor_lr than {:g}, or map actions so that they stay inside the bounds", kAgain, c.actor_lr)};
  return {
      fmt::format("rewards of at most {:.3g}, observations of at most {:.3g}", reward, obs.size),
      fmt::format("{} with lower learning rates than agent.critic_lr = {:g} and agent.actor_lr = {:g}", kAgain, c.critic_lr, c.actor_lr)};
}

}  // namespace

double to_order_one(double size) { return std::pow(10, -std::round(std::log10(size))); }

Diverged divergence(const LastSeen& seen, const Batch& batch, const AgentConfig& config, const ActorCritic& networks) {
  const Cause cause = cause_of(seen, batch, config, networks);
  return {fmt::format("the run diverged: {} is {}; {}", seen.quantity, as_text(seen.value), cause.evidence),
          fmt::format("agent {}; {}", seen.name, seen_before(seen.before)), cause.remedy};
}

}  // namespace warmstart
