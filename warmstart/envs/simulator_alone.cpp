#include "warmstart/envs/simulator_alone.h"

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {

// MuJoCo counts its calls, so one step of the task tells what to repeat.
SimulatorAlone::SimulatorAlone(const std::string& id) : owner_(make_env({.id = id})), env_(dynamic_cast<MujocoEnv*>(owner_.get())) {
  if (!env_) throw usage_error("the task has no simulator", id, "choose a MuJoCo task of `warmstart list envs`");
  Rng rng(0, "simulator alone");
  env_->reset(rng);
  struct Calls {
    int steps, forwards;
  };
  const mjTimerStat* timers = env_->data_->timer;
  const auto calls_of = [&](auto&& what) {
    const Calls before{timers[mjTIMER_STEP].number, timers[mjTIMER_FORWARD].number};
    what();
    return Calls{timers[mjTIMER_STEP].number - before.steps, timers[mjTIMER_FORWARD].number - before.forwards};
  };
  const Calls task = calls_of([&] { env_->step(std::vector<double>(env_->spec().action_size, 0.0)); });
  const Calls one = calls_of([&] { mj_step(env_->model_.get(), env_->data_.get()); });  // a Runge-Kutta step makes four forward passes
  steps_ = task.steps;
  forwards_ = task.forwards - task.steps * one.forwards;
}

SimulatorAlone::~SimulatorAlone() = default;

void SimulatorAlone::start(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal) {
  env_->set_state(qpos, qvel, goal);
}

void SimulatorAlone::step(std::span<const double> control) {
  const mjModel* m = env_->model_.get();
  mjData* d = env_->data_.get();
  for (int i = 0; i < forwards_; ++i) mj_forward(m, d);
  const std::span<const double> first = control.first(m->nu);
  const bool each = control.size() > first.size();
  std::copy(first.begin(), first.end(), d->ctrl);
  for (int i = 0; i < steps_; ++i) {
    env_->ask_simulator();
    if (each) std::copy_n(control.begin() + i * m->nu, m->nu, d->ctrl);
    mj_step(m, d);
  }
  if (env_->contact_forces_) mj_rnePostConstraint(m, d);
}

std::vector<double> SimulatorAlone::controls_of(const Env& task) {
  const auto& env = dynamic_cast<const MujocoEnv&>(task);
  const std::span<const double> sent = env.controls();
  return {sent.begin(), sent.end()};
}

std::vector<double> SimulatorAlone::qpos() const { return env_->qpos(); }

}  // namespace warmstart
