#include "warmstart/agents/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace warmstart {
namespace {

constexpr double kLargestRate = 3e-3;  // of Adam; above it nearly everything diverges

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
  if (std::isfinite(value)) return fmt::format("not finite in single precision, {:.3g}", value);
  return fmt::format("not finite, {}", std::isnan(value) ? "NaN" : "infinity");
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
  std::string evidence, remedy;  ///< the remedy follows "begin again with"
};

// What alone can make numbers grow without end, all of it.
std::vector<Cause> plain_causes(const Batch& batch, const AgentConfig& c, const ActorCritic& networks, double reward, const Largest& obs) {
  std::vector<Cause> out;
  if (!(reward <= kLargestScale)) {
    const std::string factor = std::isfinite(reward) ? fmt::format(" multiplied by {:g}", to_order_one(reward)) : " lower";
    out.push_back({fmt::format("rewards reach {:.3g}, after env.reward_scale and env.reward_bias", reward),
                   fmt::format("env.reward_scale{}, so that rewards are of order 1", factor)});
  }
  if (!(obs.size <= kLargestScale)) {
    const bool normalized = networks.actor.normalizer.on();
    out.push_back(
        {fmt::format("observations reach {:.3g}{}, in coordinate {}", obs.size, normalized ? " after normalization" : "", obs.column),
         normalized ? "the outliers of that coordinate removed"
                    : "data.normalize = \"dataset\" (\"running\" without a dataset), or that coordinate scaled"});
  }
  const bool ends = std::any_of(batch.mask.begin(), batch.mask.end(), [](float m) { return m == 0; });
  if (c.discount == 1 && !ends)
    out.push_back({"agent.discount is 1 and no row of the batch ends its episode, so that values add up without bound",
                   "agent.discount below 1, e.g. 0.99"});
  for (const auto& [key, rate] : {std::pair{"agent.critic_lr", c.critic_lr}, {"agent.actor_lr", c.actor_lr}})
    if (rate > kLargestRate) out.push_back({fmt::format("{} is {:g}", key, rate), fmt::format("{} = 0.0003", key)});
  return out;
}

// Where nothing stands out, what was seen before tells.
Cause likely_cause(const LastSeen& seen, const Batch& batch, const AgentConfig& c, const ActorCritic& networks, double reward, double obs) {
  const double bound = reward / std::max(1 - c.discount, 1e-3), q = std::abs(seen.before.q_mean);
  if (q > 10 * std::max(bound, 1.0))
    return {fmt::format("Q had run away: {:.3g} on average, where rewards of at most {:.3g} allow about {:.3g}", q, reward, bound),
            fmt::format("a lower agent.critic_lr than {:g}{}", c.critic_lr,
                        networks.critic.spec.trunk.layer_norm ? " and a smaller agent.tau, or more critics (network.num_qs)"
                                                              : ", or network.critic_layer_norm = true")};
  std::size_t at_bound = 0;
  for (std::size_t i = 0; i < batch.action.size(); ++i) at_bound += !(std::abs(batch.action.data[i]) < 0.999f);
  if (2 * at_bound > batch.action.size())
    return {fmt::format("{} of {} action entries lie at the bounds, where log-probabilities are steep", at_bound, batch.action.size()),
            fmt::format("a lower agent.actor_lr than {:g}, or actions mapped to stay inside the bounds", c.actor_lr)};
  return {fmt::format("rewards of at most {:.3g}, observations of at most {:.3g}", reward, obs),
          fmt::format("lower learning rates than agent.critic_lr = {:g} and agent.actor_lr = {:g}", c.critic_lr, c.actor_lr)};
}

}  // namespace

double to_order_one(double size) { return std::pow(10, -std::round(std::log10(size))); }

Diverged divergence(const LastSeen& seen, const Batch& batch, const AgentConfig& config, const ActorCritic& networks) {
  const double reward = largest(batch.reward, 1).size;
  const Largest now = largest(batch.obs), next = largest(batch.next_obs), obs = next.size <= now.size ? now : next;
  std::vector<Cause> causes = plain_causes(batch, config, networks, reward, obs);
  if (causes.empty()) causes.push_back(likely_cause(seen, batch, config, networks, reward, obs.size));
  std::string evidence, remedy;
  for (const Cause& c : causes) {
    evidence += (evidence.empty() ? "" : "; ") + c.evidence;
    remedy += (remedy.empty() ? "" : ", and with ") + c.remedy;
  }
  return {fmt::format("the run diverged: {} is {}; {}", seen.quantity, as_text(seen.value), evidence),
          fmt::format("agent {}; {}", seen.name, seen_before(seen.before)), fmt::format("begin again (--overwrite) with {}", remedy)};
}

}  // namespace warmstart
