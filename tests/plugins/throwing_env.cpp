// A plug-in in C++ whose step throws through the C interface.
#include <stdexcept>

#include "warmstart/envs/plugin_api.h"

namespace {

int anything;

const warmstart_plugin kPlugin = {
    .version = WARMSTART_PLUGIN_VERSION,
    .size = sizeof(warmstart_plugin),
    .id = "Throwing-v0",
    .summary = nullptr,
    .obs_size = 1,
    .action_size = 1,
    .action_low = nullptr,
    .action_high = nullptr,
    .max_episode_steps = 10,
    .control_seconds = 0,
    .sparse_reward = 0,
    .reports_success = 0,
    .create = []() -> void* { return &anything; },
    .destroy = [](void*) {},
    .reset = [](void*, std::uint64_t, double* obs) { return *obs = 0, 0; },
    .step = [](void*, const double*, double*, warmstart_step*) -> int { throw std::runtime_error("the robot is not connected"); },
    .save = nullptr,
    .load = nullptr,
    .error = nullptr,
};

}  // namespace

const warmstart_plugin* warmstart_env_plugin(void) { return &kPlugin; }
