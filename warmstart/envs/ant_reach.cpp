// AntReach-v0: D4RL's ant learns to walk to a goal on open ground.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr int kFrameSkip = 5;
constexpr double kGoalRadius = 0.5;                // m
constexpr double kNearest = 2, kFarthest = 8;      // of a goal, m
constexpr double kSeen = kFarthest;                // m; farther goals look like one so far away in their direction
constexpr double kStartSpeed = 1.5;                // along each axis, m/s
constexpr double kFall = 20;                       // what lying on the back costs
constexpr double kEffortCost = 0.05, kBonus = 10;  // per |action|^2; at the goal

class AntReach : public MujocoEnv {
 public:
  explicit AntReach(EnvSpec env_spec)
      : MujocoEnv(std::move(env_spec), load_model(find_asset("ogbench/locomaze/assets/ant.xml")), kFrameSkip, false, 2) {}

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double> start_goal) override {
    for (double& q : start_qpos) q += rng.uniform(-0.1, 0.1);
    for (double& v : start_qvel) v += 0.1 * rng.normal();
    for (int k = 0; k < 2; ++k) start_qvel[k] = rng.uniform(-kStartSpeed, kStartSpeed);  // it will have to turn while it runs
    const double angle = rng.uniform(0, 2 * std::numbers::pi), away = rng.uniform(kNearest, kFarthest);
    start_goal[0] = away * std::cos(angle);
    start_goal[1] = away * std::sin(angle);
  }

  Step act(std::span<const double> action) override {
    const double before = away();
    const ReachFrame frame(qpos_view(), {goal_[0], goal_[1]});
    frame.to_motors(action, torques_);
    simulate(torques_);
    double effort = 0;
    for (const double a : action) effort += a * a;
    Step result;
    result.success = away() <= kGoalRadius;
    result.reward = (before - away()) / control_seconds() - kEffortCost * effort + (result.success ? kBonus : 0);
    const bool fallen = is_flipped(qpos_view());
    if (fallen) result.reward -= kFall;
    result.terminated = result.success || fallen;
    return result;
  }

  void observe(std::span<double> out) const override {
    ReachFrame(qpos_view(), {goal_[0], goal_[1]}).observe(qpos_view(), {data().qvel, static_cast<std::size_t>(model().nv)}, out);
  }

 private:
  std::span<const double> qpos_view() const { return {data().qpos, static_cast<std::size_t>(model().nq)}; }
  double away() const { return distance({data().qpos[0], data().qpos[1]}, {goal_[0], goal_[1]}); }

  std::array<double, 8> torques_{};
};

constexpr int kLegs = 4;
// The ankles' axes differ in sign from leg to leg (1 to 4 as in the model); times this, all legs bend alike.
constexpr double kBend[kLegs] = {1, -1, -1, 1};
constexpr int kMotorOf[kLegs] = {2, 4, 6, 0};  // the hip's; the ankle's is the next

// (x, y) seen from a frame that is turned by so many quarter turns.
Xy quarter_turned(double x, double y, int quarter) {
  switch (quarter) {
    case 0:
      return {x, y};
    case 1:
      return {y, -x};
    case 2:
      return {-x, -y};
    default:
      return {-y, x};
  }
}

}  // namespace

ReachFrame::ReachFrame(std::span<const double> qpos, const Xy& goal) : way_{goal[0] - qpos[0], goal[1] - qpos[1]} {
  const double yaw =
      2 * std::atan2(qpos[6], qpos[3]);  // the turn about z alone: a quarter turn of the torso adds 90 degrees, tilted or not
  const double quarters = (std::atan2(way_[1], way_[0]) - yaw) / (std::numbers::pi / 2);
  quarter_ = ((static_cast<int>(std::floor(quarters + 0.5)) % kLegs) + kLegs) % kLegs;
  cos_ = std::cos(yaw + quarter_ * (std::numbers::pi / 2));
  sin_ = std::sin(yaw + quarter_ * (std::numbers::pi / 2));
  const double shrink = kSeen / std::max(std::sqrt(way_[0] * way_[0] + way_[1] * way_[1]), kSeen);
  for (double& v : way_) v *= shrink;
}

void ReachFrame::observe(std::span<const double> qpos, std::span<const double> qvel, std::span<double> out) const {
  const double w = qpos[3], x = qpos[4], y = qpos[5], z = qpos[6];
  double* at = out.data();
  const auto put = [&](const Xy& xy) { at = std::copy(xy.begin(), xy.end(), at); };
  const auto put_legs = [&](std::span<const double> joints) {
    for (int j = 0; j < kLegs; ++j) {
      const int leg = (j + quarter_) % kLegs;
      put({joints[2 * leg], kBend[leg] * joints[2 * leg + 1]});
    }
  };
  const auto put_world = [&](double dx, double dy) { put({cos_ * dx + sin_ * dy, cos_ * dy - sin_ * dx}); };
  *at++ = qpos[2];
  put(quarter_turned(2 * (x * z - w * y), 2 * (y * z + w * x), quarter_));
  *at++ = w * w - x * x - y * y + z * z;
  put_legs(qpos.subspan(7));
  put_world(qvel[0], qvel[1]);
  *at++ = qvel[2];
  put(quarter_turned(qvel[3], qvel[4], quarter_));  // MuJoCo gives the angular velocity in the torso's own frame
  *at++ = qvel[5];
  put_legs(qvel.subspan(6));
  put_world(way_[0], way_[1]);
}

void ReachFrame::to_motors(std::span<const double> action, std::span<double> torques) const {
  for (int j = 0; j < kLegs; ++j) {
    const int leg = (j + quarter_) % kLegs;
    torques[kMotorOf[leg]] = action[2 * j];
    torques[kMotorOf[leg] + 1] = kBend[leg] * action[2 * j + 1];
  }
}

bool is_flipped(std::span<const double> qpos) { return qpos[3] * qpos[3] - qpos[4] * qpos[4] - qpos[5] * qpos[5] + qpos[6] * qpos[6] < 0; }

std::vector<EnvSpec> ant_reach_specs() {
  return {{.id = "AntReach-v0",
           .summary = "D4RL's ant walks to a goal on open ground; makes the policy that collects antmaze data",
           .obs_size = kReachObsSize,
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
