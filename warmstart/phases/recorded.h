// States of the simulator that a dataset recorded under infos/: to step on from them.
#pragma once
#include <cstddef>
#include <string>

#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

/// What `file` lacks of the state of `env`'s task: "" when it has infos/qpos, infos/qvel and, for a task with a goal, infos/goal or the
/// task's own name for it.
std::string missing_state(const D4rlFile& file, const Env& env);

/// Puts `env` at the start of an episode in the state before step `row`. Throws Error(kData) for sizes that are not the task's. Nothing may
/// be missing.
void restore_recorded(Env& env, const D4rlFile& file, std::size_t row);

}  // namespace warmstart
