// Walks D4RL's ant through a maze: a policy that learned AntReach-v0 goes from waypoint to waypoint.
#pragma once
#include <memory>

#include "warmstart/phases/driver.h"

namespace warmstart {

/// Null when `env` is no maze of D4RL's ant. `env` and `config` must outlive the driver. With protocol "play" or "diverse" it walks to
/// goals of its own, one after the other, whatever the goal of the task; else to the task's. Its policy is the file
/// policies/ant-reach.safetensors that comes along; throws Error(kMachine) when that is missing and Error(kData) when it is no such policy.
std::unique_ptr<Driver> make_ant_driver(const Env& env, const CollectConfig& config);

}  // namespace warmstart
