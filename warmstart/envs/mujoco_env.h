// Base of every simulated task: owns model and state, keeps Gymnasium's order of operations, saves and restores exactly.
#pragma once
#include <mujoco/mujoco.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "warmstart/envs/env.h"

namespace warmstart {

struct ModelDeleter {
  void operator()(mjModel* m) const { mj_deleteModel(m); }
};
struct DataDeleter {
  void operator()(mjData* d) const { mj_deleteData(d); }
};
using ModelPtr = std::unique_ptr<mjModel, ModelDeleter>;
using DataPtr = std::unique_ptr<mjData, DataDeleter>;

/// Folders with Gymnasium's MJCF files, below the root that WARMSTART_ASSETS or the build names.
inline constexpr const char* kGymnasiumAssets = "gymnasium/envs/mujoco/assets/";
inline constexpr const char* kRoboticsAssets = "gymnasium_robotics/envs/assets/";

/// Full path of `relative` below WARMSTART_ASSETS (or the folder known at build time).
/// Throws Error(kMachine) naming the file and the remedy when it is not there.
std::filesystem::path find_asset(const std::string& relative);

/// Compiles MJCF text; `where` names its source in errors. Throws Error(kMachine) with MuJoCo's message.
ModelPtr compile_model(const std::string& mjcf, const std::string& where);
/// Compiles an MJCF file and whatever it includes. Throws as above.
ModelPtr load_model(const std::filesystem::path& path);

class MujocoEnv : public Env {
 public:
  const EnvSpec& spec() const override { return spec_; }
  void reset(Rng& rng) final;
  Step step(std::span<const double> action) final;
  std::span<const double> obs() const override { return obs_; }
  bool can_save() const override { return true; }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;
  std::vector<double> qpos() const override { return {data_->qpos, data_->qpos + model_->nq}; }
  std::vector<double> qvel() const override { return {data_->qvel, data_->qvel + model_->nv}; }
  std::vector<double> goal() const override { return goal_; }
  void set_state(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal) final;
  void scale_physics(double friction, double mass) override;

 protected:
  /// `frame_skip` simulator steps make one control step. `contact_forces`: the task observes cfrc_ext or cacc, which
  /// cost extra to compute and feed nothing else. `goal_size` is the length of goal(), 0 for none.
  MujocoEnv(EnvSpec spec, ModelPtr model, int frame_skip, bool contact_forces, int goal_size);

  /// Task: draws the start of an episode into qpos [nq], qvel [nv] (both hold the model's defaults on entry) and goal.
  virtual void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel, std::span<double> goal) = 0;
  /// Task: writes `goal_` into the model, where doors and targets are bodies or sites of it. Called before positions are computed from a
  /// new start, and after loading.
  virtual void place_goal() {}
  /// Task: an episode has begun, positions are computed, the observation comes next.
  virtual void begin() {}
  /// Task: one control step. Calls `simulate`; fills everything but `truncated`.
  virtual Step act(std::span<const double> action) = 0;
  /// Task: writes the observation, [obs_size].
  virtual void observe(std::span<double> obs) const = 0;

  /// Task: what it asks of MuJoCo before each simulator step, besides stepping; for SimulatorAlone, which makes the same calls.
  virtual void ask_simulator() {}
  /// What the last control step sent to the actuators: [nu] for all its simulator steps, or [steps, nu]. Likewise for SimulatorAlone.
  virtual std::span<const double> controls() const { return {data_->ctrl, static_cast<std::size_t>(model_->nu)}; }

  /// A model with the same degrees of freedom to draw in place of model(); null: model() itself shows all. Read once per Renderer.
  virtual ModelPtr visual_model() const { return nullptr; }

  /// Sets the controls and advances frame_skip simulator steps. Like Gymnasium's, it does not end with a forward pass:
  /// positions of bodies and sites lag qpos by one simulator step.
  void simulate(std::span<const double> control);
  const mjModel& model() const { return *model_; }
  mjModel& model() { return *model_; }
  /// Number of the body, site, joint, actuator or sensor called `name`. Throws Error(kMachine) when the model has none.
  int id_of(mjtObj type, const char* name) const;
  mjData& data() { return *data_; }
  const mjData& data() const { return *data_; }
  double control_seconds() const { return model_->opt.timestep * frame_skip_; }

  std::vector<double> goal_;

 private:
  friend class SimulatorAlone;  // repeats the calls of a step without the task
  friend class Renderer;        // shows the state
  void place(std::span<const double> qpos, std::span<const double> qvel);
  void check_simulator(double time_before, std::span<const double> action) const;

  EnvSpec spec_;
  ModelPtr model_;
  DataPtr data_;
  int frame_skip_;
  bool contact_forces_;
  std::vector<double> obs_;
  std::vector<double> before_;  ///< [nq + nv] state before the last step
  std::int32_t elapsed_ = 0;    ///< steps in this episode
  bool running_ = false;        ///< between reset (or set_state) and the end of the episode
};

}  // namespace warmstart
