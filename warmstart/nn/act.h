// One observation through an actor, for control loops: no batch, no backend, no allocation.
#pragma once
#include <span>

#include "warmstart/nn/network.h"

namespace warmstart {

/// Reusable buffers of actor_row.
struct ActScratch {
  FloatVector obs, hidden[2], mean, log_std, noise;
  ActScratch() = default;
  explicit ActScratch(const ActorSpec& spec);
};

/// obs [O], as the task gives it (the actor's normalizer is applied here) -> scratch.mean [A] and, unless only the mode is wanted,
/// scratch.log_std [A] (raw, before the clip of gaussian.h).
void actor_row(const Actor& actor, std::span<const float> obs, ActScratch& scratch, bool only_mode = false);

}  // namespace warmstart
