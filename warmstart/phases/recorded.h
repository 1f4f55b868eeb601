// States of the simulator that a dataset recorded under infos/: to step on from them.
#pragma once
#include <cstddef>
#include <string>

#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

/// Under infos/, where the goal of `env`'s task is recorded, by that name or the task's own; "" when it is not. `infos` is a map whose keys
/// are the names: D4rlFile::infos, or DatasetSummary's before anything is loaded.
template <class Infos>
std::string goal_name(const Infos& infos, const Env& env) {
  for (const std::string& name : {std::string("goal"), env.spec().goal_info})
    if (infos.contains(name)) return name;
  return "";
}

/// What `infos` lack of the state of `env`'s task: "" when they have qpos, qvel and, for a task with a goal, the goal.
template <class Infos>
std::string missing_state(const Infos& infos, const Env& env) {
  for (const char* name : {"qpos", "qvel"})
    if (!infos.contains(name)) return std::string("infos/") + name;
  return !env.goal().empty() && goal_name(infos, env).empty() ? "infos/goal" : "";
}

/// Puts `env` at the start of an episode in the state before step `row`. Throws Error(kData) for sizes that are not the task's. Nothing may
/// be missing.
void restore_recorded(Env& env, const D4rlFile& file, std::size_t row);

}  // namespace warmstart
