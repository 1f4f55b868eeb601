// States of the simulator that a dataset recorded under infos/: to step on from them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "warmstart/core/text.h"
#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

/// Under infos/, what makes up the goal of `env`'s task: "goal", or the task's own names; empty when something is missing. `infos` is a map
/// whose keys are the names: D4rlFile::infos, or DatasetSummary's before anything is loaded.
template <class Infos>
std::vector<std::string> goal_names(const Infos& infos, const Env& env) {
  if (infos.contains("goal")) return {"goal"};
  std::vector<std::string> names = split(env.spec().goal_info, ',');
  for (const std::string& name : names)
    if (!infos.contains(name)) return {};
  return names;
}

/// What `infos` lack of the state of `env`'s task: "" when they have qpos, qvel and, for a task with a goal, the goal.
template <class Infos>
std::string missing_state(const Infos& infos, const Env& env) {
  for (const char* name : {"qpos", "qvel"})
    if (!infos.contains(name)) return std::string("infos/") + name;
  return !env.goal().empty() && goal_names(infos, env).empty() ? "infos/goal" : "";
}

/// Puts `env` at the start of an episode in the state before step `row`. Throws Error(kData) for sizes that are not the task's. Nothing may
/// be missing.
void restore_recorded(Env& env, const D4rlFile& file, std::size_t row);

}  // namespace warmstart
