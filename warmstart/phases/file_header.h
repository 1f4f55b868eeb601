// What every file that Warmstart wrote says of itself, and who may read it. No task, no network, no data: programs that only act need it.
#pragma once
#include <string>

#include "warmstart/envs/action_bounds.h"
#include "warmstart/io/safetensors.h"

namespace warmstart {

inline constexpr const char* kFormatVersion = "1";
inline constexpr const char *kActionLow = "action_low", *kActionHigh = "action_high";

/// The task's own units of actions as a header says them, a number a coordinate; empty where it says nothing.
ActionBounds bounds_of(const std::map<std::string, std::string>& metadata);

/// Refuses files of another kind, version or task: Error(kData). `env` "" accepts any task.
void check_header(const SafeTensors& file, const std::string& where, const std::string& env);

}  // namespace warmstart
