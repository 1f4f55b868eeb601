// The three phases.
#pragma once
#include "warmstart/phases/run.h"

namespace warmstart {

/// Offline RL on the dataset: pretrain.steps gradient steps; leaves pretrained.safetensors. Does nothing when done before.
void pretrain(Run& run);

/// K steps of the frozen pre-trained policy into the empty buffer; no gradient step.
void warmup(Run& run);

/// Online RL from the buffer alone, or from the mixture the recipe asks for; leaves final.safetensors.
void finetune(Run& run);

/// All three.
void train(Run& run);

/// The learner of the online phase over what pre-training gave, as `finetune.initialise` and `reset_optimiser` say.
ActorCritic start_online(const Recipe& recipe, ActorCritic pretrained);

}  // namespace warmstart
