// A checkpoint of the public reference implementation (JAX, Flax) as the start of a run here: networks, target critic,
// temperature, CQL's alpha, and of every optimiser the moments and the count. docs/formats/flax.md.
#pragma once
#include "warmstart/io/flax_checkpoint.h"
#include "warmstart/phases/agent_file.h"

namespace warmstart {

struct FlaxImport {
  ActorCritic agent;
  std::int64_t steps = 0;            ///< updates that the checkpoint counts
  std::vector<std::string> modules;  ///< what was taken: "actor", "critic", ...
  std::vector<std::string> notes;    ///< where checkpoint and recipe disagree without excluding each other; for the user
};

/// Takes everything that fine-tuning goes on from; each optimiser's own network only, since its moments are 0 elsewhere.
/// Throws Error(kData) naming file and tensor, with both shapes, when the networks are not the recipe's, when something is
/// missing or not finite, and for agents with further networks than the recipe's.
FlaxImport import_flax(const FlaxCheckpoint& file, const Recipe& recipe);

/// Writes the agent with the recipe as `pretrain` would have; `finetune --from` and `eval` read it.
void write_imported(FlaxImport& import, const FlaxCheckpoint& from, Recipe recipe, const std::filesystem::path& path);

}  // namespace warmstart
