#include "warmstart/agents/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

void Policy::act(std::span<const float> obs, bool deterministic, std::span<float> action) {
  const int a = actor_->spec.action;
  if (static_cast<int>(obs.size()) != actor_->spec.obs || static_cast<int>(action.size()) != a)
    throw usage_error(fmt::format("{} observations and room for {} actions", obs.size(), action.size()), "Policy::act",
                      fmt::format("give {} and {}", actor_->spec.obs, a));
  const bool mode = deterministic || exploration_noise_ > 0;
  actor_row(*actor_, obs, scratch_, mode);
  const ConstMatrixView mean{scratch_.mean.data(), 1, a}, log_std{scratch_.log_std.data(), 1, a};
  const MatrixView out{action.data(), 1, a};
  const bool squash = actor_->spec.squash;
  if (mode) mode_actions(mean, squash, out);
  if (!deterministic) {
    rng_.fill_normal(scratch_.noise);
    if (exploration_noise_ > 0)
      for (int i = 0; i < a; ++i) action[i] += exploration_noise_ * scratch_.noise[i];
    else sample_actions(mean, log_std, {scratch_.noise.data(), 1, a}, squash, out, {});
  }
  if (!squash || exploration_noise_ > 0)
    for (float& x : action) x = std::clamp(x, -1.0f, 1.0f);
}

std::string Policy::fingerprint() const {
  std::vector<float> all(actor_->params.begin(), actor_->params.end());
  for (const std::span<const float> more : {actor_->normalizer.mean(), actor_->normalizer.scale()})
    all.insert(all.end(), more.begin(), more.end());
  return hex(checksum({reinterpret_cast<const std::uint8_t*>(all.data()), all.size() * sizeof(float)}));
}

void Policy::set_actor(std::shared_ptr<const Actor> actor) {
  if (!actor || actor->spec.obs != actor_->spec.obs || actor->spec.action != actor_->spec.action)
    throw usage_error("an actor of other sizes", "Policy::set_actor", "make a new Policy for it");
  if (actor->spec != actor_->spec) scratch_ = ActScratch(actor->spec);
  actor_ = std::move(actor);
}

}  // namespace warmstart
