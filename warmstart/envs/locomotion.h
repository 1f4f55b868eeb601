// HalfCheetah, Hopper and Walker2d of Gymnasium 1.4.0, in the v5 and v4 versions (D4RL's locomotion files belong to v4).
#pragma once
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {

/// Observation: qpos without x, then qvel (clipped to +-10 in Hopper and Walker2d). Action: joint torques in [-1, 1]; the
/// control cost counts them unclipped, the simulator clips. Reward: forward velocity + healthy reward - control cost.
std::vector<EnvSpec> locomotion_specs();
/// `spec` is one of the above, possibly with another time limit.
std::unique_ptr<Env> make_locomotion(const EnvSpec& spec, const EnvConfig& config);

}  // namespace warmstart
