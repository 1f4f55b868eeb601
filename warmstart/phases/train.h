// The three phases.
#pragma once
#include "warmstart/phases/run.h"

namespace warmstart {

// A phase does nothing when it was done before, and after a budget (run.max_steps, run.max_seconds) has ended the run: it is saved then,
// Run::stopped says which budget it was, and the phases return. Somebody's wish to stop and every failure is an Error.

/// Offline RL on the dataset: pretrain.steps gradient steps; leaves pretrained.safetensors.
void pretrain(Run& run);

/// K steps of the frozen pre-trained policy into the empty buffer; no gradient step.
void warmup(Run& run);

/// Online RL from the buffer alone, or from the mixture the recipe asks for; leaves final.safetensors.
void finetune(Run& run);

/// All three. False when a budget ended the run before its end.
bool train(Run& run);

/// The learner of the online phase over what pre-training gave, as `finetune.initialise` and `reset_optimiser` say.
ActorCritic start_online(const Recipe& recipe, ActorCritic pretrained);

}  // namespace warmstart
