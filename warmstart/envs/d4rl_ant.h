// The ant of D4RL (0.1 s per step, gear 30; OGBench's ant.xml compiles to the same model): D4RL's antmaze tasks, OGBench's, and AntReach,
// in which a policy learns to walk that then drives through the mazes.
#pragma once
#include <span>

#include "warmstart/envs/env.h"
#include "warmstart/envs/maze.h"

namespace warmstart {

/// How trajectories of D4RL's antmaze datasets start and where they go, which is not how evaluation does; implemented by its tasks.
class AntData : public InMaze {
 public:
  /// Like reset, but starts where D4RL starts a trajectory of its datasets: U(0,1) m from the centre of any free cell but the data's goal
  /// cells (along each axis, at least 0); in "antmaze-umaze-v2" where reset does.
  virtual void reset_for_data(Rng& rng) = 0;
  /// The goal that a trajectory walks to: in one of a few chosen cells ("play"), or in any free one (`diverse`).
  virtual Xy draw_data_goal(bool diverse, Rng& rng) const = 0;
};

/// Observation [29]: qpos [15], qvel [14]; the goal is not in it. Reward 1 within 0.5 m of the goal, where the episode ends, else 0. Starts
/// near (0, 0), the goal is drawn around the centre of its cell: + U(0,1) + U(0,0.5) m along each axis. Normalised score = 100 * success.
std::vector<EnvSpec> d4rl_ant_specs();
std::unique_ptr<Env> make_d4rl_ant(const EnvSpec& spec, const EnvConfig& config);

/// OGBench's antmaze-{medium,large,giant}-v0: the same rules but five pairs of start and goal, each drawn +-1 m around its cell.
std::vector<EnvSpec> ogbench_ant_specs();
std::unique_ptr<Env> make_ogbench_ant(const EnvSpec& spec, const EnvConfig& config);

/// AntReach-v0, a task of our own. Observation [29], see observe_reach; reward: speed towards the goal in m/s - 0.05 |action|^2, and 10
/// at the goal (0.5 m), where the episode ends; it also ends when the ant lies on its back. Goals are 2 to 8 m away in any direction.
std::vector<EnvSpec> ant_reach_specs();
std::unique_ptr<Env> make_ant_reach(const EnvSpec& spec, const EnvConfig& config);

/// What a policy for AntReach sees, [29], everything turned by minus the torso's yaw so that all headings look alike: height, torso's
/// quaternion [4], joint angles [8], linear [3], angular [3] and joint velocities [8], and the way to `goal` [2], not longer than 1 m.
/// qpos [15], qvel [14]: those of D4RL's ant in any of its tasks.
void observe_reach(std::span<const double> qpos, std::span<const double> qvel, const Xy& goal, std::span<double> out);

/// Whether the ant lies on its back.
bool is_flipped(std::span<const double> qpos);

/// The maze that D4RL's ant walks in here; null for every other task.
const Maze* d4rl_ant_maze(const Env& env);

}  // namespace warmstart
