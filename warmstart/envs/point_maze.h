// PointMaze of gymnasium-robotics 1.4.2: a force-driven ball finds its goal in a maze.
#pragma once
#include "warmstart/envs/maze.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {

/// Radius in m within which the goal counts as reached.
inline constexpr double kPointGoalRadius = 0.45;

/// Observation [6]: x, y, vx, vy, goal x, goal y (the dictionary's "observation", then "desired_goal"; "achieved_goal" is
/// the first two again). Action [2]: force along x and y. Reward: 1 within the goal's radius, else 0; the Dense ids give
/// exp(-distance). The plain ids never terminate and go on paying at the goal; the Episodic ids, which are Gymnasium's
/// with continuing_task=False, end there.
class PointMaze : public MujocoEnv, public InMaze {
 public:
  PointMaze(EnvSpec spec, Maze maze, bool dense, bool episodic);
  const Maze& maze() const override { return maze_; }

 protected:
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel, std::span<double> goal) override;
  Step act(std::span<const double> action) override;
  void observe(std::span<double> obs) const override;

 private:
  Maze maze_;
  bool dense_, episodic_;
};

std::vector<EnvSpec> point_maze_specs();
/// `spec` is one of the above, possibly with another time limit.
std::unique_ptr<Env> make_point_maze(const EnvSpec& spec, const EnvConfig& config);

}  // namespace warmstart
