#include "warmstart/envs/operational_space.h"

#include <Eigen/Dense>
#include <cassert>
#include <cmath>

namespace warmstart {
namespace {

/// Target minus pose of the tool: metres, and the rotation vector from here to there.
void pose_error(const mjData& data, int site, const double* position, const double* orientation, double error[6]) {
  mju_sub3(error, position, data.site_xpos + 3 * site);
  double here[4], away[4];
  mju_mat2Quat(here, data.site_xmat + 9 * site);
  mju_negQuat(here, here);
  mju_mulQuat(away, orientation, here);
  mju_quat2Vel(error + 3, away, 1);
}

// `N`: number of joints, or Eigen::Dynamic.
template <int N>
void torque_of(const mjModel& model, mjData& data, int site, const ToolTarget& target, const Posture& posture, double* out) {
  constexpr int kMost = N == Eigen::Dynamic ? kMaxJoints : N;
  using Joints = Eigen::Matrix<double, N, 1, Eigen::ColMajor, kMost, 1>;
  using Rows = Eigen::Matrix<double, 6, N, Eigen::RowMajor, 6, kMost>;
  using Tool = Eigen::Matrix<double, 6, 1>;
  const int nv = model.nv;
  const auto joints = [&](const double* values) { return Eigen::Map<const Joints>(values, nv); };
  ToolJacobian tool;
  tool_jacobian(model, data, site, tool);
  const Eigen::Map<const Rows> jacobian(tool.jacobian, 6, nv), over_inertia(tool.over_inertia, 6, nv);

  // the acceleration of the tool
  Tool acceleration, gain, damping;
  pose_error(data, site, target.position.data(), target.orientation.data(), acceleration.data());
  const double position_damping = 2 * std::sqrt(target.position_gain), rotation_damping = 2 * std::sqrt(target.rotation_gain);
  for (int i = 0; i < 6; ++i) {
    gain[i] = i < 3 ? target.position_gain : target.rotation_gain;
    damping[i] = i < 3 ? position_damping : rotation_damping;
  }
  acceleration = gain.cwiseProduct(acceleration) - damping.cwiseProduct(jacobian.lazyProduct(joints(data.qvel)));
  // the torques towards the posture, and what the tool would feel of them
  const Joints still =
      posture.stiffness * (joints(posture.joints.data()) - joints(data.qpos)) - 2 * std::sqrt(posture.stiffness) * joints(data.qvel);
  acceleration -= over_inertia.lazyProduct(still);

  // L is never formed: L x is the solution y of (J M^-1 J^T) y = x
  const Eigen::Matrix<double, 6, 6> inverse_inertia = over_inertia.lazyProduct(jacobian.transpose());
  const Tool force = inverse_inertia.llt().solve(acceleration);
  Eigen::Map<Joints>(out, nv) = still + jacobian.transpose().lazyProduct(force) + joints(data.qfrc_bias) - joints(data.qfrc_passive);
}

}  // namespace

void tool_jacobian(const mjModel& model, mjData& data, int site, ToolJacobian& out) {
  mj_jacSite(&model, &data, out.jacobian, out.jacobian + 3 * model.nv, site);
  mj_solveM(&model, &data, out.over_inertia, out.jacobian, 6);
}

void operational_space_torque(const mjModel& model, mjData& data, int site, const ToolTarget& target, const Posture& posture,
                              std::span<double> torque) {
  assert(model.nv >= 6 && model.nv <= kMaxJoints && model.nv == model.nq && static_cast<int>(torque.size()) == model.nv);
  // Franka's arm: its size is known to the compiler, for this runs at every simulator step
  if (model.nv == 7) torque_of<7>(model, data, site, target, posture, torque.data());
  else torque_of<Eigen::Dynamic>(model, data, site, target, posture, torque.data());
}

bool solve_joints(const mjModel& model, mjData& data, int site, const std::array<double, 3>& position,
                  const std::array<double, 4>& orientation) {
  constexpr double kDamping = 1e-6, kClose = 1e-9;
  const int nv = model.nv;
  assert(nv >= 6 && nv <= kMaxJoints && nv == model.nq);
  for (int round = 0; round < 100; ++round) {
    mj_kinematics(&model, &data);
    mj_comPos(&model, &data);
    double error[6], jacobian[6 * kMaxJoints], square[36], solution[6], change[kMaxJoints];
    pose_error(data, site, position.data(), orientation.data(), error);
    if (mju_norm(error, 6) < kClose) return true;
    mj_jacSite(&model, &data, jacobian, jacobian + 3 * nv, site);
    mju_mulMatMatT(square, jacobian, jacobian, 6, nv, 6);
    for (int i = 0; i < 6; ++i) square[7 * i] += kDamping;
    mju_cholFactor(square, 6, 1e-12);
    mju_cholSolve(solution, square, error, 6);
    mju_mulMatTVec(change, jacobian, solution, 6, nv);
    mju_addTo(data.qpos, change, nv);
  }
  return false;
}

}  // namespace warmstart
