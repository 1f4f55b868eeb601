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

/// AntReach-v0, a task of our own. Reward: speed towards the goal in m/s - 0.05 |action|^2, and 10 at the goal (0.5 m), where the
/// episode ends; it also ends, and costs 20, when the ant lies on its back. Goals are 2 to 8 m away in any direction, and it starts
/// sliding in any other at up to 1.5 m/s along each axis. Observation [28] and action [8] are those of ReachFrame.
std::vector<EnvSpec> ant_reach_specs();
std::unique_ptr<Env> make_ant_reach(const EnvSpec& spec, const EnvConfig& config);

inline constexpr int kReachObsSize = 28;

/// The ant looks the same after a quarter turn, so a policy for AntReach-v0 need only learn to walk ahead: it sees and moves the ant as
/// if the leg pairs were named anew, such that the goal is within 45 degrees of straight ahead. qpos [15], qvel [14]: those of D4RL's ant
/// in any of its tasks.
class ReachFrame {
 public:
  ReachFrame(std::span<const double> qpos, const Xy& goal);

  /// out [28]: height; the world's up seen from the torso [3]; per leg, from ahead on the left around by the left, hip angle and bend of
  /// the ankle [8]; linear [3] and angular [3] velocity; velocities of hips and bends [8]; the way to the goal [2], not longer than 8 m.
  void observe(std::span<const double> qpos, std::span<const double> qvel, std::span<double> out) const;
  /// Torques [8] in the order of the model's motors from an action [8], hip and bend per leg as above.
  void to_motors(std::span<const double> action, std::span<double> torques) const;

 private:
  double cos_, sin_;  ///< of the direction called ahead
  int quarter_;       ///< its turns of 90 degrees from the torso's own
  Xy way_;
};

/// Whether the ant lies on its back.
bool is_flipped(std::span<const double> qpos);

/// The maze that D4RL's ant walks in here; null for every other task.
const Maze* d4rl_ant_maze(const Env& env);

}  // namespace warmstart
