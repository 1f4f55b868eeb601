#include "warmstart/envs/rescaled_env.h"

namespace warmstart {
namespace {

class RescaledEnv : public Env {
 public:
  explicit RescaledEnv(std::unique_ptr<Env> inner) : inner_(std::move(inner)) {}
  const EnvSpec& spec() const override { return inner_->spec(); }
  void reset(Rng& rng) override { inner_->reset(rng); }
  Step step(std::span<const double> action) override {
    own_.assign(action.begin(), action.end());
    // a wrong size is for the environment itself to say
    if (own_.size() == static_cast<std::size_t>(spec().action_size)) spec().bounds.from_unit(own_);
    return inner_->step(own_);
  }
  std::span<const double> obs() const override { return inner_->obs(); }
  bool can_save() const override { return inner_->can_save(); }
  void save(StateWriter& out) const override { inner_->save(out); }
  void load(StateReader& in) override { inner_->load(in); }
  std::vector<double> qpos() const override { return inner_->qpos(); }
  std::vector<double> qvel() const override { return inner_->qvel(); }
  std::vector<double> goal() const override { return inner_->goal(); }
  void set_state(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal) override {
    inner_->set_state(qpos, qvel, goal);
  }
  void scale_physics(double friction, double mass) override { inner_->scale_physics(friction, mass); }

 private:
  std::unique_ptr<Env> inner_;
  std::vector<double> own_;
};

}  // namespace

std::unique_ptr<Env> with_unit_actions(std::unique_ptr<Env> env) {
  env->spec().bounds.check(env->spec().action_size, env->spec().id);
  if (env->spec().bounds.unit()) return env;
  return std::make_unique<RescaledEnv>(std::move(env));
}

}  // namespace warmstart
