// AntReach-v0: D4RL's ant learns to walk to a goal on open ground.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr int kFrameSkip = 5;
constexpr double kGoalRadius = 0.5;                // m
constexpr double kNearest = 2, kFarthest = 8;      // of a goal, m
constexpr double kSeen = 1;                        // m; farther goals look like one so far away in their direction
constexpr double kEffortCost = 0.05, kBonus = 10;  // per |action|^2; at the goal

class AntReach : public MujocoEnv {
 public:
  explicit AntReach(EnvSpec env_spec)
      : MujocoEnv(std::move(env_spec), load_model(find_asset("ogbench/locomaze/assets/ant.xml")), kFrameSkip, false, 2) {}

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double> start_goal) override {
    for (double& q : start_qpos) q += rng.uniform(-0.1, 0.1);
    for (double& v : start_qvel) v += 0.1 * rng.normal();
    const double angle = rng.uniform(0, 2 * std::numbers::pi), away = rng.uniform(kNearest, kFarthest);
    start_goal[0] = away * std::cos(angle);
    start_goal[1] = away * std::sin(angle);
  }

  Step act(std::span<const double> action) override {
    const double before = away();
    simulate(action);
    double effort = 0;
    for (const double a : action) effort += a * a;
    Step result;
    result.success = away() <= kGoalRadius;
    result.reward = (before - away()) / control_seconds() - kEffortCost * effort + (result.success ? kBonus : 0);
    result.terminated = result.success || is_flipped({data().qpos, static_cast<std::size_t>(model().nq)});
    return result;
  }

  void observe(std::span<double> out) const override {
    observe_reach({data().qpos, static_cast<std::size_t>(model().nq)}, {data().qvel, static_cast<std::size_t>(model().nv)},
                  {goal_[0], goal_[1]}, out);
  }

 private:
  double away() const { return distance({data().qpos[0], data().qpos[1]}, {goal_[0], goal_[1]}); }
};

}  // namespace

void observe_reach(std::span<const double> qpos, std::span<const double> qvel, const Xy& goal, std::span<double> out) {
  const double w = qpos[3], x = qpos[4], y = qpos[5], z = qpos[6];
  const double yaw = std::atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z);
  const double c = std::cos(yaw), s = std::sin(yaw), half_c = std::cos(yaw / 2), half_s = std::sin(yaw / 2);
  const auto turn = [&](double dx, double dy, double* to) { to[0] = c * dx + s * dy, to[1] = c * dy - s * dx; };
  double* at = out.data();
  *at++ = qpos[2];
  // conj(yaw) * quaternion
  *at++ = half_c * w + half_s * z;
  *at++ = half_c * x + half_s * y;
  *at++ = half_c * y - half_s * x;
  *at++ = half_c * z - half_s * w;
  at = std::copy_n(qpos.begin() + 7, 8, at);
  turn(qvel[0], qvel[1], at);
  at[2] = qvel[2];
  at = std::copy_n(qvel.begin() + 3, 11, at + 3);  // MuJoCo gives the angular velocity in the torso's own frame
  const double dx = goal[0] - qpos[0], dy = goal[1] - qpos[1];
  const double shrink = kSeen / std::max(std::sqrt(dx * dx + dy * dy), kSeen);
  turn(shrink * dx, shrink * dy, at);
}

bool is_flipped(std::span<const double> qpos) {
  const double length2 = qpos[3] * qpos[3] + qpos[4] * qpos[4] + qpos[5] * qpos[5] + qpos[6] * qpos[6];
  return length2 - 2 * (qpos[4] * qpos[4] + qpos[5] * qpos[5]) < 0;
}

std::vector<EnvSpec> ant_reach_specs() {
  return {{.id = "AntReach-v0",
           .summary = "D4RL's ant walks to a goal on open ground; makes the policy that collects antmaze data",
           .obs_size = 29,
           .action_size = 8,
           .max_episode_steps = 300,
           .control_seconds = 0.1,
           .reports_success = true}};
}

std::unique_ptr<Env> make_ant_reach(const EnvSpec& spec, const EnvConfig&) {
  if (spec.id != "AntReach-v0") return nullptr;
  return std::make_unique<AntReach>(spec);
}

}  // namespace warmstart
