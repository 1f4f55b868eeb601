#include "warmstart/envs/locomotion.h"

#include <fmt/format.h>

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

/// D4RL's ids name a dataset each; the task is always the v4 one. Returns of its random and expert policies.
struct Scores {
  const char *name, *task;
  double low, high;
};
const Scores kScores[] = {{"halfcheetah", "HalfCheetah-v4", -280.178953, 12135.0},
                          {"hopper", "Hopper-v4", -20.272305, 3234.3},
                          {"walker2d", "Walker2d-v4", 1.629008, 4592.3}};
constexpr const char* kQualities[] = {"random", "medium", "medium-replay", "expert"};

const Rules& rules_of(std::string_view id) {
  return *std::find_if(std::begin(kRules), std::end(kRules), [&](const Rules& r) { return id == r.id; });
}

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
  const auto add = [&](const Rules& r) -> EnvSpec& {
    specs.push_back({.id = r.id,
                     .summary = r.summary,
                     .obs_size = r.obs_size,
                     .action_size = r.action_size,
                     .max_episode_steps = 1000,
                     .control_seconds = r.control_seconds});
    for (const Scores& s : kScores)
      if (specs.back().id == s.task) specs.back().score_low = s.low, specs.back().score_high = s.high;
    return specs.back();
  };
  for (const Rules& r : kRules) add(r);
  for (const Scores& s : kScores)
    for (const char* quality : kQualities) {
      EnvSpec& spec = add(rules_of(s.task));
      spec.id = fmt::format("{}-{}-v2", s.name, quality);
      spec.same_as = s.task;
      spec.summary = fmt::format("{} with D4RL's {} data", s.task, quality);
    }
  return specs;
}

std::unique_ptr<Env> make_locomotion(const EnvSpec& spec, const EnvConfig&) {
  const std::string& task = spec.same_as.empty() ? spec.id : spec.same_as;
  for (const Rules& r : kRules)
    if (task == r.id) return std::make_unique<Locomotion>(spec, r);
  return nullptr;
}

}  // namespace warmstart
