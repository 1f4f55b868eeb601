// What every file that Warmstart wrote says of itself, and who may read it. No task, no network, no data: programs that only act need it.
#pragma once
#include <string>

#include "warmstart/io/safetensors.h"

namespace warmstart {

inline constexpr const char* kFormatVersion = "1";

/// Refuses files of another kind, version or task: Error(kData). `env` "" accepts any task.
void check_header(const SafeTensors& file, const std::string& where, const std::string& env);

}  // namespace warmstart
