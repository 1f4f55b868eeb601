// A scripted driver for mazes: the shortest way over the cells, and for the ball a PD law from cell to cell.
#pragma once
#include <array>
#include <limits>
#include <vector>

#include "warmstart/envs/maze.h"

namespace warmstart {

class Env;

/// The maze `env` is played in, owned by it; null when the task has none. Positions are then qpos()[0..1].
const Maze* maze_of(const Env& env);

/// Gains of D4RL's maze2d controller; forces are clipped to [-1, 1].
struct WaypointGains {
  double position = 10;  ///< force per m to the waypoint
  double velocity = 1;   ///< force per m/s against the motion
};

/// Without memory: the force is a function of position, velocity and goal, so that what it does can be learned from data.
/// Pushed off its way, it goes on from the cell where it is.
class WaypointController {
 public:
  /// `maze` must outlive the controller.
  explicit WaypointController(const Maze& maze, WaypointGains gains = {}) : maze_(&maze), gains_(gains) {}

  /// Plans to `goal` from everywhere: breadth-first distances over free cells.
  void set_goal(const Xy& goal);
  const Xy& goal() const { return goal_; }

  /// Where to go now: the centre of the next cell, or the goal itself when it is in this or the next cell or out of reach. What is
  /// wide takes corners in two parts: farther than `lane` m beside the line to the next cell, it is sent to this cell's centre first.
  Xy waypoint(const Xy& position, double lane = std::numeric_limits<double>::infinity()) const;
  std::array<double, 2> force(const Xy& position, const Xy& velocity) const;

 private:
  int distance_of(Cell c) const { return maze_->is_free(c) ? steps_[c.row * maze_->cols() + c.col] : -1; }
  const Maze* maze_;
  WaypointGains gains_;
  Xy goal_{};
  std::vector<int> steps_;  ///< cells to the goal's cell, [rows * cols]; -1 = cannot get there
};

}  // namespace warmstart
