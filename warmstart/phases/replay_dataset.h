// A run's replay buffer as a dataset: what a learner met on its way, as D4RL's medium-replay sets are.
#pragma once
#include <filesystem>

#include "warmstart/io/d4rl.h"

namespace warmstart {

/// The transitions that the run in `folder` had committed when it was last saved, oldest first, with the task's own rewards. An
/// episode that the time limit or the end of the buffer cut ends by a timeout. The run may be going on; nothing of it is touched.
/// Throws Error(kData) when the folder holds no run, or one that collected nothing.
D4rlFile replay_dataset(const std::filesystem::path& folder);

/// True for a run's folder.
bool is_run_folder(const std::filesystem::path& folder);

}  // namespace warmstart
