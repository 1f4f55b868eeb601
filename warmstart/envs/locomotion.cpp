#include "warmstart/envs/locomotion.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace warmstart {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// What tells the six tasks apart.
struct Rules {
  const char* id;
  const char* asset;
  const char* summary;
  int obs_size, action_size, frame_skip;
  double control_seconds;
  double control_cost;
  double healthy_reward;  ///< per step; 0 = the task has no notion of falling
  bool pay_when_fallen;   ///< v4 pays the healthy reward in the step that ends the episode, v5 does not
  double min_z, max_z;    ///< healthy height of the torso, exclusive, m
  double max_angle;       ///< healthy |pitch|, exclusive, rad
  double max_state;       ///< healthy |qpos[2:], qvel|, exclusive
  double velocity_clip;   ///< of the observed qvel
  double reset_noise;     ///< uniform on qpos; the same uniform (or, if normal_qvel, this times N(0,1)) on qvel
  bool normal_qvel;
};

const Rules kRules[] = {
    {"HalfCheetah-v5", "half_cheetah.xml", "two-legged runner, never falls", 17, 6, 5, .05, .1, 0, false, -kInf, kInf, kInf, kInf, kInf, .1,
     true},
    {"HalfCheetah-v4", "half_cheetah.xml", "two-legged runner, never falls (D4RL's version)", 17, 6, 5, .05, .1, 0, false, -kInf, kInf,
     kInf, kInf, kInf, .1, true},
    {"Hopper-v5", "hopper.xml", "one-legged hopper, ends when it falls", 11, 3, 4, .008, 1e-3, 1, false, .7, kInf, .2, 100, 10, 5e-3,
     false},
    {"Hopper-v4", "hopper.xml", "one-legged hopper, ends when it falls (D4RL's version)", 11, 3, 4, .008, 1e-3, 1, true, .7, kInf, .2, 100,
     10, 5e-3, false},
    {"Walker2d-v5", "walker2d_v5.xml", "two-legged walker, ends when it falls", 17, 6, 4, .008, 1e-3, 1, false, .8, 2, 1, kInf, 10, 5e-3,
     false},
    {"Walker2d-v4", "walker2d.xml", "two-legged walker, ends when it falls (D4RL's version)", 17, 6, 4, .008, 1e-3, 1, true, .8, 2, 1, kInf,
     10, 5e-3, false},
};

class Locomotion : public MujocoEnv {
 public:
  Locomotion(EnvSpec env_spec, const Rules& rules)
      : MujocoEnv(std::move(env_spec), load_model(find_asset(std::string(kGymnasiumAssets) + rules.asset)), rules.frame_skip, false, 0),
        rules_(rules) {}

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double>) override {
    const double noise = rules_.reset_noise;
    for (double& q : start_qpos) q += rng.uniform(-noise, noise);
    for (double& v : start_qvel) v += rules_.normal_qvel ? noise * rng.normal() : rng.uniform(-noise, noise);
  }

  Step act(std::span<const double> action) override {
    const double x_before = data().qpos[0];
    simulate(action);
    const double velocity = (data().qpos[0] - x_before) / control_seconds();
    double effort = 0;
    for (const double a : action) effort += a * a;
    const bool healthy = is_healthy();
    Step result;
    result.reward = velocity + (healthy || rules_.pay_when_fallen ? rules_.healthy_reward : 0) - rules_.control_cost * effort;
    result.terminated = !healthy;
    return result;
  }

  void observe(std::span<double> out) const override {
    const int nq = model().nq, nv = model().nv;
    std::copy(data().qpos + 1, data().qpos + nq, out.begin());
    std::transform(data().qvel, data().qvel + nv, out.begin() + nq - 1,
                   [&](double v) { return std::clamp(v, -rules_.velocity_clip, rules_.velocity_clip); });
  }

 private:
  bool is_healthy() const {
    const mjData& d = data();
    const double z = d.qpos[1], angle = d.qpos[2];
    const auto inside = [&](double s) { return std::abs(s) < rules_.max_state; };
    return rules_.min_z < z && z < rules_.max_z && std::abs(angle) < rules_.max_angle &&
           std::all_of(d.qpos + 2, d.qpos + model().nq, inside) && std::all_of(d.qvel, d.qvel + model().nv, inside);
  }

  const Rules& rules_;
};

}  // namespace

std::vector<EnvSpec> locomotion_specs() {
  std::vector<EnvSpec> specs;
  for (const Rules& r : kRules)
    specs.push_back({.id = r.id,
                     .summary = r.summary,
                     .obs_size = r.obs_size,
                     .action_size = r.action_size,
                     .max_episode_steps = 1000,
                     .control_seconds = r.control_seconds});
  return specs;
}

std::unique_ptr<Env> make_locomotion(const EnvSpec& spec) {
  for (const Rules& r : kRules)
    if (spec.id == r.id) return std::make_unique<Locomotion>(spec, r);
  return nullptr;
}

}  // namespace warmstart
