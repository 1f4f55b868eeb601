#include "warmstart/agents/policy.h"

#include "warmstart/core/files.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

void Policy::act(std::span<const float> obs, bool deterministic, std::span<float> action) {
  const int a = actor_->spec.action;
  actor_row(*actor_, obs, scratch_);
  const ConstMatrixView mean{scratch_.mean.data(), 1, a}, log_std{scratch_.log_std.data(), 1, a};
  const MatrixView out{action.data(), 1, a};
  if (deterministic) return mode_actions(mean, actor_->spec.squash, out);
  rng_.fill_normal(scratch_.noise);
  sample_actions(mean, log_std, {scratch_.noise.data(), 1, a}, actor_->spec.squash, out, {});
}

std::string Policy::fingerprint() const {
  const FloatVector& p = actor_->params;
  return hex(checksum({reinterpret_cast<const std::uint8_t*>(p.data()), p.size() * sizeof(float)}));
}

}  // namespace warmstart
