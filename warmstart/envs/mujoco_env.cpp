#include "warmstart/envs/mujoco_env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdlib>

#include "warmstart/core/install.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

namespace fs = std::filesystem;

std::string numbers(const mjtNum* values, int n) {
  std::vector<std::string> parts;
  for (int i = 0; i < n; ++i) parts.push_back(fmt::format("{:.6g}", values[i]));
  return fmt::format("[{}]", join(parts));
}

/// MuJoCo's own handler appends to a log file in the current folder; warnings are read from mjData instead.
void quiet_warnings() {
  static const bool once = (
      mju_user_warning = [](const char*) {}, true);
  (void)once;
}

/// Each wheel's folder bears its name. `below` the folder of all.
std::string wheel_of(const std::string& below) { return below.substr(0, below.find('/')); }

Error bad_model(const std::string& where, const char* message) {
  const std::string below = fs::path(where).lexically_relative(asset_root()).string();
  const std::string wheel = below.empty() || below[0] == '.' ? "the pinned wheels" : "the wheel " + wheel_of(below);
  return machine_error(
      fmt::format("MuJoCo cannot compile the model: {}", message), where,
      fmt::format("a file of {} is missing or damaged: `make setup` brings it, or point WARMSTART_ASSETS at intact files", wheel));
}

void check_numbers(std::span<const double> values, int size, const std::string& id, const char* name) {
  if (static_cast<int>(values.size()) != size)
    throw usage_error(fmt::format("{} has {} numbers", name, values.size()), id, fmt::format("give {}", size));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) throw usage_error(fmt::format("{}[{}] is {}", name, i, values[i]), id, "give finite numbers");
}

}  // namespace

std::string simulator_version() { return fmt::format("MuJoCo {}", mj_versionString()); }

fs::path asset_root() {
  const char* chosen = std::getenv("WARMSTART_ASSETS");
  return chosen && *chosen ? fs::path(chosen) : find_shared("assets", WARMSTART_SITE);
}

fs::path find_asset(const std::string& relative) {
  const char* chosen = std::getenv("WARMSTART_ASSETS");
  const fs::path path = asset_root() / relative;
  if (!fs::exists(path)) {
    const std::string package = wheel_of(relative);
    const std::string remedy = fmt::format("WARMSTART_ASSETS to a folder that holds {}/ as the wheel {} brings it", package, package);
    throw machine_error("task description is missing", path.string(),
                        chosen && *chosen ? "set " + remedy + ", or unset it" : "run `make setup`, or set " + remedy);
  }
  return path;
}

ModelPtr compile_model(const std::string& mjcf, const std::string& where) {
  quiet_warnings();
  char message[1000] = "";
  const std::unique_ptr<mjSpec, void (*)(mjSpec*)> parsed(mj_parseXMLString(mjcf.c_str(), nullptr, message, sizeof message), mj_deleteSpec);
  if (!parsed) throw bad_model(where, message);
  ModelPtr model(mj_compile(parsed.get(), nullptr));
  if (!model) throw bad_model(where, mjs_getError(parsed.get()));
  return model;
}

ModelPtr load_model(const fs::path& path) {
  quiet_warnings();
  char message[1000] = "";
  ModelPtr model(mj_loadXML(path.c_str(), nullptr, message, sizeof message));
  if (!model) throw bad_model(path.string(), message);
  return model;
}

MujocoEnv::MujocoEnv(EnvSpec spec, ModelPtr model, int frame_skip, bool contact_forces, int goal_size)
    : goal_(goal_size),
      spec_(std::move(spec)),
      model_(std::move(model)),
      data_(mj_makeData(model_.get())),
      frame_skip_(frame_skip),
      contact_forces_(contact_forces),
      obs_(spec_.obs_size),
      before_(static_cast<std::size_t>(model_->nq + model_->nv)) {
  assert(model_->nu >= spec_.action_size);  // a controller may stand between them
  if (!data_) throw machine_error("no memory for the simulator state", spec_.id, "free some memory or run fewer environments");
}

int MujocoEnv::id_of(mjtObj type, const char* name) const {
  const int id = mj_name2id(model_.get(), type, name);
  if (id < 0) throw bad_model(fmt::format("{} of {}", name, spec_.id), "the name is missing");
  return id;
}

void MujocoEnv::reset(Rng& rng) {
  std::vector<double> start_qpos(model_->qpos0, model_->qpos0 + model_->nq), start_qvel(model_->nv, 0.0);
  draw_start(rng, start_qpos, start_qvel, goal_);
  place(start_qpos, start_qvel);
}

void MujocoEnv::set_state(std::span<const double> new_qpos, std::span<const double> new_qvel, std::span<const double> new_goal) {
  check_numbers(new_qpos, model_->nq, spec_.id, "qpos");
  check_numbers(new_qvel, model_->nv, spec_.id, "qvel");
  check_numbers(new_goal, static_cast<int>(goal_.size()), spec_.id, "goal");
  std::copy(new_goal.begin(), new_goal.end(), goal_.begin());
  place(new_qpos, new_qvel);
}

void MujocoEnv::place(std::span<const double> new_qpos, std::span<const double> new_qvel) {
  mj_resetData(model_.get(), data_.get());
  std::copy(new_qpos.begin(), new_qpos.end(), data_->qpos);
  std::copy(new_qvel.begin(), new_qvel.end(), data_->qvel);
  place_goal();
  mj_forward(model_.get(), data_.get());
  elapsed_ = 0;
  running_ = true;
  begin();
  observe(obs_);
}

void MujocoEnv::scale_physics(double friction, double mass) {
  mjModel& m = *model_;
  for (int i = 0; i < 3 * m.ngeom; ++i) m.geom_friction[i] *= friction;
  for (int i = 0; i < 5 * m.npair; ++i) m.pair_friction[i] *= friction;
  for (int i = 0; i < m.nbody; ++i) m.body_mass[i] *= mass;
  for (int i = 0; i < 3 * m.nbody; ++i) m.body_inertia[i] *= mass;
  mj_setConst(&m, data_.get());  // what the compiler derived from them
}

void MujocoEnv::simulate(std::span<const double> control) {
  std::copy(control.begin(), control.end(), data_->ctrl);
  for (int i = 0; i < frame_skip_; ++i) mj_step(model_.get(), data_.get());
  if (contact_forces_) mj_rnePostConstraint(model_.get(), data_.get());
}

Step MujocoEnv::step(std::span<const double> action) {
  if (!running_) throw step_after_end(spec_.id);
  check_action(action, spec_);
  const double time_before = data_->time;
  std::copy_n(data_->qpos, model_->nq, before_.begin());
  std::copy_n(data_->qvel, model_->nv, before_.begin() + model_->nq);
  Step result = act(action);
  check_simulator(time_before, action);
  ++elapsed_;
  result.truncated = elapsed_ >= spec_.max_episode_steps;
  running_ = !result.terminated && !result.truncated;
  observe(obs_);
  return result;
}

void MujocoEnv::check_simulator(double time_before, std::span<const double> action) const {
  for (int w = 0; w < mjNWARNING; ++w) {
    if (!data_->warning[w].number) continue;
    // MuJoCo resets the state when it becomes unstable: the one before the step is what tells something
    throw Error(Exit::kDiverged, fmt::format("simulator warning: {}", mju_warningText(w, data_->warning[w].lastinfo)),
                fmt::format("{} after {:.4f} s, step {} of the episode, from qpos {}, qvel {} with action {}", spec_.id, time_before,
                            elapsed_ + 1, numbers(before_.data(), model_->nq), numbers(before_.data() + model_->nq, model_->nv),
                            numbers(action.data(), static_cast<int>(action.size()))),
                "look for extreme actions or an impossible start state; the same seed repeats it");
  }
}

// Later steps depend on more than positions and velocities: the solver starts from the last accelerations, and some tasks
// read quantities that lag a step. MuJoCo keeps all of it in one buffer; contacts live elsewhere and are made anew.
void MujocoEnv::save(StateWriter& out) const {
  out.put(spec_.id);
  out.put(mj_version());
  out.put_bytes(data_->buffer, data_->nbuffer);
  out.put(data_->time);
  out.put(data_->energy);
  out.put(goal_);
  out.put(obs_);
  out.put(elapsed_);
  out.put(running_);
}

void MujocoEnv::load(StateReader& in) {
  std::string id;
  in.get(id);
  if (id != spec_.id) throw data_error("saved state belongs to " + id, spec_.id, "resume with the task that was saved");
  int version = 0;
  in.get(version);
  const auto buffer = in.next();
  if (version != mj_version() || buffer.size() != static_cast<std::size_t>(data_->nbuffer))
    throw data_error(fmt::format("state was saved with MuJoCo {}, this is {}", version, mj_version()), spec_.id,
                     "resume with the version that saved it");
  mj_resetData(model_.get(), data_.get());
  std::copy(buffer.begin(), buffer.end(), static_cast<std::uint8_t*>(data_->buffer));
  in.get(data_->time);
  in.get(data_->energy);
  in.get(goal_);
  in.get(obs_);
  in.get(elapsed_);
  in.get(running_);
  place_goal();
}

}  // namespace warmstart
