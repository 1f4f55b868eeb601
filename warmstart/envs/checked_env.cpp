#include "warmstart/envs/checked_env.h"

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <limits>
#include <string_view>

namespace warmstart {
namespace {

constexpr const char* kLook = "correct the environment; Env in warmstart/envs/env.h says what each call owes";

// learning is done in single precision
bool fits(double x) { return std::abs(x) <= std::numeric_limits<float>::max(); }

class CheckedEnv : public Env {
 public:
  CheckedEnv(EnvSpec spec, const std::function<std::unique_ptr<Env>(const EnvSpec&)>& make)
      : spec_(std::move(spec)), obs_(static_cast<std::size_t>(spec_.obs_size)) {
    call("make", [&] { inner_ = make(spec_); });
    if (!inner_) throw usage_error("make: no environment was returned", spec_.id, "return one from the function given to register_env");
    int obs_size = 0, action_size = 0;
    call("spec", [&] { obs_size = inner_->spec().obs_size, action_size = inner_->spec().action_size; });
    if (obs_size != spec_.obs_size || action_size != spec_.action_size)
      throw usage_error(fmt::format("spec: {} observations and {} actions, registered are {} and {}", obs_size, action_size, spec_.obs_size,
                                    spec_.action_size),
                        spec_.id, "return the spec that the environment was made with");
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(Rng& rng) override {
    elapsed_ = 0, running_ = false;
    call("reset", [&] { inner_->reset(rng); });
    take_obs("reset");
    running_ = true;
  }

  Step step(std::span<const double> action) override {
    if (!running_) throw step_after_end(spec_.id);
    check_action(action, spec_);
    Step got;
    ++elapsed_;
    call("step", [&] { got = inner_->step(action); });
    if (!fits(got.reward)) fail_numbers(fmt::format("step: reward is {}", got.reward));
    if (!fits(got.solved)) fail_numbers(fmt::format("step: solved is {}", got.solved));
    take_obs("step");
    got.truncated = got.truncated || elapsed_ >= spec_.max_episode_steps;
    running_ = !(got.terminated || got.truncated);
    return got;
  }

  std::span<const double> obs() const override { return obs_; }

  bool can_save() const override {
    try {
      return !failed_ && inner_->can_save();
    } catch (...) {  // the rest of the run can be saved all the same
      return false;
    }
  }
  void save(StateWriter& out) const override {
    out.put(spec_.id), out.put(obs_), out.put(elapsed_), out.put(running_);
    call("save", [&] { inner_->save(out); });
  }
  void load(StateReader& in) override {
    std::string id;
    std::vector<double> obs;
    in.get(id), in.get(obs);
    if (id != spec_.id || obs.size() != obs_.size())
      throw data_error(fmt::format("saved state belongs to {} with {} observations", id, obs.size()), spec_.id,
                       "resume with the environment that was saved");
    in.get(elapsed_), in.get(running_);
    call("load", [&] { inner_->load(in); });
    obs_ = std::move(obs);
  }

  std::vector<double> qpos() const override { return numbers("qpos", &Env::qpos); }
  std::vector<double> qvel() const override { return numbers("qvel", &Env::qvel); }
  std::vector<double> goal() const override { return numbers("goal", &Env::goal); }
  void set_state(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal) override {
    elapsed_ = 0, running_ = false;
    call("set_state", [&] { inner_->set_state(qpos, qvel, goal); });
    take_obs("set_state");
    running_ = true;
  }
  void scale_physics(double friction, double mass) override {
    call("scale_physics", [&] { inner_->scale_physics(friction, mass); });
  }

 private:
  std::string where() const { return elapsed_ > 0 ? fmt::format("{}, step {} of the episode", spec_.id, elapsed_) : spec_.id; }

  [[noreturn]] void fail_numbers(const std::string& what) const {
    failed_ = true;
    throw Error(Exit::kDiverged, what, where(),
                fmt::format("the environment must give finite numbers at all times, and obs_size = {} observations", obs_.size()));
  }

  void take_obs(const char* after) {
    std::span<const double> obs;
    call("obs", [&] { obs = inner_->obs(); });
    if (obs.size() != obs_.size()) fail_numbers(fmt::format("{}: obs has {} numbers", after, obs.size()));
    for (std::size_t i = 0; i < obs.size(); ++i) {
      if (!fits(obs[i])) fail_numbers(fmt::format("{}: obs[{}] is {}", after, i, obs[i]));
      obs_[i] = obs[i];
    }
  }

  std::vector<double> numbers(const char* name, std::vector<double> (Env::*get)() const) const {
    std::vector<double> out;
    call(name, [&] { out = (inner_.get()->*get)(); });
    return out;
  }

  template <class F>
  void call(std::string_view name, F&& f) const {
    const bool failed_before = failed_;
    failed_ = true;  // unless the call comes back
    try {
      f();
    } catch (const Error& e) {
      // neither success nor a stop that somebody asked for: the run must be saved
      const Exit code = e.code() == Exit::kDone || e.code() == Exit::kInterrupted ? Exit::kMachine : e.code();
      throw Error(code, fmt::format("{}: {}", name, e.what()), where(), kLook);
    } catch (const std::exception& e) {
      throw machine_error(fmt::format("{}: the environment threw: {}", name, e.what()), where(), kLook);
    } catch (...) {
      throw machine_error(fmt::format("{}: the environment threw something that is no std::exception", name), where(), kLook);
    }
    // only a new episode mends what a failure left
    failed_ = failed_before && name != "reset" && name != "load" && name != "set_state";
  }

  EnvSpec spec_;
  std::unique_ptr<Env> inner_;
  std::vector<double> obs_;
  std::int32_t elapsed_ = 0;
  bool running_ = false;
  mutable bool failed_ = false;
};

}  // namespace

std::unique_ptr<Env> make_checked_env(EnvSpec spec, const std::function<std::unique_ptr<Env>(const EnvSpec&)>& make) {
  return std::make_unique<CheckedEnv>(std::move(spec), make);
}

}  // namespace warmstart
