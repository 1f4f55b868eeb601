// Ant-v4 and Ant-v5 of Gymnasium 1.4.0: a four-legged walker; and AntMaze-v5 of gymnasium-robotics 1.4.2, the same in a maze.
#pragma once
#include "warmstart/envs/env.h"

namespace warmstart {

/// Observation: qpos [13] without x and y, qvel [14]; in v5 also the contact forces on the 13 bodies, [78], clipped to +-1. Reward:
/// forward velocity + 1 for being upright (v4: always) - 0.5 |action|^2, in v5 also - 5e-4 |clipped contact forces|^2. Ends when the
/// torso's height leaves [0.2, 1] m.
std::vector<EnvSpec> ant_specs();
std::unique_ptr<Env> make_ant(const EnvSpec& spec, const EnvConfig& config);

/// Observation [107]: that of Ant-v5, goal x, goal y (the dictionary's "observation", then "desired_goal"; "achieved_goal" is the
/// position). Reward: 1 within 0.45 m of the goal, else 0; the Dense ids give exp(-distance). Never terminates, fallen or at the goal.
std::vector<EnvSpec> ant_maze_specs();
std::unique_ptr<Env> make_ant_maze(const EnvSpec& spec, const EnvConfig& config);

}  // namespace warmstart
