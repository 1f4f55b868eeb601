// The simulator without the task around it: the yardstick for what a task's step may cost.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "warmstart/envs/env.h"

namespace warmstart {

class MujocoEnv;

/// Makes the MuJoCo calls of a task's step on a copy of its model, and nothing else.
class SimulatorAlone {
 public:
  /// Throws Error as make_env does, and for a task that is not simulated.
  explicit SimulatorAlone(const std::string& id);
  ~SimulatorAlone();

  /// Starts where an episode of the task started (its qpos(), qvel() and goal() after reset).
  void start(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal);
  /// Sets the controls and simulates one control step.
  void step(std::span<const double> control);
  /// What the last step of `task`, one of the same id, sent to its actuators.
  static std::vector<double> controls_of(const Env& task);
  std::vector<double> qpos() const;

 private:
  std::unique_ptr<Env> owner_;
  MujocoEnv* env_;
  int steps_ = 0, forwards_ = 0;  // calls of mj_step and (besides those) mj_forward that one step makes
};

}  // namespace warmstart
