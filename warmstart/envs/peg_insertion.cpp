#include "warmstart/envs/peg_insertion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/envs/operational_space.h"

namespace warmstart {
namespace {

constexpr int kFrameSkip = 50;                 // of 2 ms: 10 Hz
constexpr double kMove = 0.02, kTurn = 0.1;    // m and rad of a full action
constexpr double kReach = 0.08, kRise = 0.12;  // of the target: m off the socket's axis, m above the rim
constexpr double kSink = 0.01;                 // m below the floor: how hard the peg may be pressed down
constexpr double kTilt = 0.3, kTwist = 0.75;   // rad of the target's rotation vector
constexpr double kGain = 300;                  // 1/s^2: half of a step within its tenth of a second, 30 N for 2 cm
constexpr double kPostureStiffness = 10;       // N m / rad
constexpr double kHome[7] = {0, -0.785, 0, -2.35, 0, 1.57, 0.785};
constexpr double kSeatedQuat[4] = {0, 1, 0, 0};          // the peg points down
constexpr double kStartOff = 0.05, kStartHeight = 0.05;  // m
constexpr double kStartTurn = 30 * mjPI / 180;

double checked_clearance(double mm) {
  if (mm == 0) return 1e-3 * PegWorld::kDefaultClearance;
  if (!(mm >= PegWorld::kMinClearance && mm <= PegWorld::kMaxClearance))
    throw usage_error(fmt::format("clearance of {:g} mm", mm), "env.clearance",
                      fmt::format("give {} to {} mm per side, or 0 for {} mm", PegWorld::kMinClearance, PegWorld::kMaxClearance,
                                  PegWorld::kDefaultClearance));
  return 1e-3 * mm;
}

/// Rotation vector (world axes) from the seated orientation to `quat`.
void turn_from_seated(double turn[3], const double quat[4]) {
  double back[4], away[4];
  mju_negQuat(back, kSeatedQuat);
  mju_mulQuat(away, quat, back);
  mju_quat2Vel(turn, away, 1);
}

/// rotation(turn) applied after `quat`.
void rotated(double out[4], const double turn[3], const double quat[4]) {
  double axis[3] = {turn[0], turn[1], turn[2]}, by[4];
  const double angle = mju_normalize3(axis);
  mju_axisAngle2Quat(by, axis, angle);
  mju_mulQuat(out, by, quat);
}

}  // namespace

PegInsertion::PegInsertion(EnvSpec env_spec, double clearance)
    : MujocoEnv(std::move(env_spec), peg_model(checked_clearance(clearance), false), kFrameSkip, false, 0),
      clearance_(checked_clearance(clearance)) {
  const mjModel& m = model();
  tip_ = mj_name2id(&m, mjOBJ_SITE, "tip");
  wrist_ = mj_name2id(&m, mjOBJ_SITE, "attachment_site");
  hand_ = m.site_bodyid[wrist_];
  force_ = m.sensor_adr[0], torque_ = m.sensor_adr[1];
  sent_.resize(static_cast<std::size_t>(kFrameSkip * m.nu));
}

void PegInsertion::draw_start(Rng& rng, std::span<double> start_qpos, std::span<double>, std::span<double>) {
  const double x = rng.uniform(-kStartOff, kStartOff), y = rng.uniform(-kStartOff, kStartOff);
  const double turn[3] = {0, 0, rng.uniform(-kStartTurn, kStartTurn)};
  std::array<double, 4> orientation;
  rotated(orientation.data(), turn, kSeatedQuat);
  std::copy_n(kHome, 7, data().qpos);
  if (!solve_joints(model(), data(), tip_, {PegWorld::kSocketX + x, y, PegWorld::kDepth + kStartHeight}, orientation))
    throw Error(Exit::kDiverged, "the arm cannot reach the start", spec().id, "report this");
  std::copy_n(data().qpos, 7, start_qpos.begin());
}

Step PegInsertion::act(std::span<const double> action) {
  mjModel const& m = model();
  mjData& d = data();
  // the target: the measured pose plus the action, inside the workspace
  const double* tip = d.site_xpos + 3 * tip_;
  const double low[3] = {PegWorld::kSocketX - kReach, -kReach, -kSink};
  const double high[3] = {PegWorld::kSocketX + kReach, kReach, PegWorld::kDepth + kRise};
  double move[6], here[4], turn[3];
  for (int i = 0; i < 6; ++i) move[i] = (i < 3 ? kMove : kTurn) * std::clamp(action[i], -1.0, 1.0);
  ToolTarget target{.position_gain = kGain, .rotation_gain = kGain};
  for (int i = 0; i < 3; ++i) target.position[i] = std::clamp(tip[i] + move[i], low[i], high[i]);
  mju_mat2Quat(here, d.site_xmat + 9 * tip_);
  rotated(target.orientation.data(), move + 3, here);
  turn_from_seated(turn, target.orientation.data());
  for (int i = 0; i < 3; ++i) turn[i] = std::clamp(turn[i], i < 2 ? -kTilt : -kTwist, i < 2 ? kTilt : kTwist);
  rotated(target.orientation.data(), turn, kSeatedQuat);

  // torques follow the pose at every simulator step; positions and velocities stay current, forces lag by 2 ms
  for (int i = 0; i < kFrameSkip; ++i) {
    operational_space_torque(m, d, tip_, target, {.joints = kHome, .stiffness = kPostureStiffness}, {d.ctrl, 7});
    std::copy_n(d.ctrl, m.nu, sent_.begin() + i * m.nu);
    mj_step2(&m, &d);
    mj_step1(&m, &d);
  }
  Step result;
  const double off = clearance_ + 1e-3;
  result.success = depth() >= PegWorld::kSeatedDepth && std::abs(tip[0] - PegWorld::kSocketX) <= off && std::abs(tip[1]) <= off;
  result.reward = result.success;
  result.terminated = result.success;
  return result;
}

void PegInsertion::ask_simulator() {
  ToolJacobian tool;
  tool_jacobian(model(), data(), tip_, tool);
}

// The sensor reads what the arm does to the hand; at rest that carries the hand's weight and opposes what touches the peg.
void PegInsertion::sense_wrist(double force[3], double torque[3]) const {
  const mjData& d = data();
  const double* frame = d.site_xmat + 9 * wrist_;
  double weight[3], lever[3], moment[3];
  mju_scl3(weight, model().opt.gravity, model().body_subtreemass[hand_]);
  mju_sub3(lever, d.subtree_com + 3 * hand_, d.site_xpos + 3 * wrist_);
  mju_cross(moment, lever, weight);
  mju_mulMatVec3(force, frame, d.sensordata + force_);
  mju_mulMatVec3(torque, frame, d.sensordata + torque_);
  for (int i = 0; i < 3; ++i) force[i] = -force[i] - weight[i], torque[i] = -torque[i] - moment[i];
}

void PegInsertion::observe(std::span<double> out) const {
  const mjData& d = data();
  const double* tip = d.site_xpos + 3 * tip_;
  double quat[4], velocity[6], force[3], torque[3], turn[3];
  mju_mat2Quat(quat, d.site_xmat + 9 * tip_);
  if (quat[1] < 0) mju_scl(quat, quat, -1, 4);
  mj_objectVelocity(&model(), &d, mjOBJ_SITE, tip_, velocity, 0);  // angular, then linear
  sense_wrist(force, torque);
  turn_from_seated(turn, quat);
  const double off[3] = {tip[0] - PegWorld::kSocketX, tip[1], tip[2]};
  auto to = out.begin();
  const auto put = [&](const double* values, int n, double scale) {
    to = std::transform(values, values + n, to, [=](double v) { return scale * v; });
  };
  put(tip, 3, 1);
  put(quat, 4, 1);
  put(velocity + 3, 3, 10);
  put(velocity, 3, 1);
  put(force, 3, 0.1);
  put(torque, 3, 1);
  put(off, 3, 100);
  put(turn, 3, 1);
}

// Contacts are not saved; they follow from the positions.
void PegInsertion::load(StateReader& in) {
  MujocoEnv::load(in);
  mj_step1(&model(), &data());
}

ModelPtr PegInsertion::visual_model() const { return peg_model(clearance_, true); }

double PegInsertion::penetration() const {
  double deepest = 0;
  for (int i = 0; i < data().ncon; ++i) deepest = std::max(deepest, -data().contact[i].dist);
  return deepest;
}

double PegInsertion::kinetic_energy() const {
  double momentum[kMaxJoints];
  mj_mulM(&model(), &data(), momentum, data().qvel);
  return 0.5 * mju_dot(momentum, data().qvel, model().nv);
}

double PegInsertion::depth() const { return PegWorld::kDepth - data().site_xpos[3 * tip_ + 2]; }

std::vector<EnvSpec> peg_insertion_specs() {
  return {{.id = "FrankaPegInsertion-v0",
           .summary = "arm with a peg in its hand, reward 1 and the end when it is seated",
           .obs_size = 25,
           .action_size = 6,
           .max_episode_steps = 100,
           .control_seconds = 0.1,
           .sparse_reward = true,
           .reports_success = true,
           .takes_clearance = true}};
}

std::unique_ptr<Env> make_peg_insertion(const EnvSpec& spec, const EnvConfig& config) {
  if (spec.id != "FrankaPegInsertion-v0") return nullptr;
  return std::make_unique<PegInsertion>(spec, config.clearance);
}

}  // namespace warmstart
