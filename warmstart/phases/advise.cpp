#include "warmstart/phases/advise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/core/error.h"

namespace warmstart {

MeanReturn mean_return(std::span<const double> returns) {
  MeanReturn out;
  out.episodes = static_cast<int>(returns.size());
  if (returns.empty()) return out;
  const double n = static_cast<double>(returns.size());
  out.mean = std::accumulate(returns.begin(), returns.end(), 0.0) / n;
  double squares = 0;
  for (const double r : returns) squares += (r - out.mean) * (r - out.mean);
  out.error = returns.size() > 1 ? std::sqrt(squares / (n - 1) / n) : 0;
  const auto [low, high] = std::minmax_element(returns.begin(), returns.end());
  out.low = *low, out.high = *high;
  return out;
}

const char* regime_name(Regime regime) {
  constexpr const char* names[] = {"superior", "comparable", "inferior"};
  return names[static_cast<int>(regime)];
}

Advice advise(const MeanReturn& policy, const MeanReturn& data) {
  constexpr double k95 = 1.96, kMargin = 0.05;
  Advice a{Regime::kComparable};
  a.difference = policy.mean - data.mean;
  const double range = std::max(policy.high, data.high) - std::min(policy.low, data.low);
  const auto error_of = [&](const MeanReturn& m) { return m.error > 0 ? m.error : range / (m.episodes + 2); };
  const double error = k95 * std::hypot(error_of(policy), error_of(data));
  a.low = a.difference - error, a.high = a.difference + error;
  a.margin = kMargin * range;
  if (a.low > a.margin) a.regime = Regime::kSuperior;
  if (a.high < -a.margin) a.regime = Regime::kInferior;
  return a;
}

Recipe advised_recipe(Recipe r, Regime regime) {
  r.finetune.agent = "sac";
  r.finetune.initialise = "both", r.finetune.critic_fit_steps = 0;
  r.retention = {};
  r.jsrl = {};
  if (regime == Regime::kInferior) {
    r.label = "RLPD", r.summary = "the data are better than the policy: fresh networks, half of every batch from the dataset";
    r.pretrain.agent = "sac", r.pretrain.steps = 0;
    r.warm_up.steps = 0;
    r.agent.actor_reduce = "mean", r.agent.subset_with_replacement = false, r.agent.temperature_at = "obs";
    r.network.squash = true, r.network.critic_layer_norm = r.network.actor_layer_norm = true;
    r.retention.mode = "mixed";
    if (r.network.num_qs <= 2) {  // no ensemble: what the start was made for, not RLPD
      const NetworkConfig fresh;
      const AgentConfig agent;
      r.network.num_qs = fresh.num_qs, r.network.shared_output = fresh.shared_output, r.network.hidden_init = fresh.hidden_init;
      r.agent.num_min_qs = agent.num_min_qs;
      r.finetune.utd = FinetuneConfig{}.utd;
    }
  } else {
    r.label = "WSRL", r.summary = "the policy is better than its data: a warm-up, and none of the data";
    if (r.warm_up.steps == 0) r.warm_up.steps = WarmupConfig{}.steps;
    if (!agent_info(r.pretrain.agent).trains_critic)  // no critic to start from: one is fitted to the warm-up
      r.finetune.initialise = "policy", r.finetune.critic_fit_steps = 2000;
    if (regime == Regime::kComparable) {
      r.label = "WSRL, data retained", r.summary = "policy and data are alike: a warm-up, and half of every batch from the dataset";
      r.retention.mode = "mixed";
    }
    if (!r.network.squash)
      throw usage_error(
          "a policy that is not squashed cannot go on with SAC", "the checkpoint's network.squash",
          "fine-tune with its own learner: finetune.agent = \"" + r.pretrain.agent + "\", or pre-train with network.squash = true");
  }
  r.validate(false);
  return r;
}

}  // namespace warmstart
