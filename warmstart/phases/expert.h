// An expert that came as a file of weights: DAPG's policies for the Adroit hand. Layout: docs/formats/expert.md.
#pragma once
#include <filesystem>
#include <memory>

#include "warmstart/phases/driver.h"

namespace warmstart {

/// Acts with the network in `config.expert`: two tanh layers on scaled observations, plus `config.noise` times its own Gaussian noise.
/// Throws Error(kUsage) when no file is named or its sizes are not the task's, Error(kData) when it is missing, damaged or another network.
std::unique_ptr<Driver> expert_driver(const Env& env, const CollectConfig& config);

/// Where `config.expert` lies, of policy "expert" or "recorded": as named, or below the installation's files.
std::filesystem::path expert_file(const CollectConfig& config);

}  // namespace warmstart
