// FrankaKitchen of gymnasium-robotics 1.4.2, and the kitchen tasks of D4RL on the same model: a Franka arm opens, turns and moves things.
#pragma once
#include <memory>
#include <vector>

#include "warmstart/envs/env.h"

namespace warmstart {

/// FrankaKitchen-v1: all seven parts. Observation [59]: the dictionary's "observation": noisy robot qpos 9 and qvel 9, noisy object qpos
/// 21 and qvel 20; its goals are constants. Reward: parts completed in this step, judged without noise. Over when all are done.
///
/// kitchen-{complete,partial,mixed}-v0: observation [60]: noisy robot qpos 9, noisy object qpos 21, goal 30 (0 where no part is asked
/// for), with ten to two hundred times the noise. Reward: parts completed so far in this episode, judged by the noisy observation; over
/// when all four are. complete and partial ask for microwave, kettle, light switch, slide cabinet; mixed for microwave, kettle, bottom
/// burner, light switch.
///
/// Action [9]: joint velocities as shares of 2 rad/s; targets start at the last noisy position. A part is completed once per episode, when
/// its joints come within 0.3 of its goal. `Step::solved` is the share of parts done, `success` all of them.
std::vector<EnvSpec> kitchen_specs();

/// `spec` is one of the above, possibly with another time limit; null for another family's.
std::unique_ptr<Env> make_kitchen(const EnvSpec& spec, const EnvConfig& config);

/// For replaying a recording of the original: observations take their noise from `draws`, uniform on [-1, 1], 59 for each observation
/// in the order robot qpos, robot qvel, object qpos, object qvel, instead of the task's own stream. Call it before set_state. Running out
/// of draws is an Error(kUsage). False when `env` is no kitchen.
bool feed_observation_noise(Env& env, std::vector<double> draws);

}  // namespace warmstart
