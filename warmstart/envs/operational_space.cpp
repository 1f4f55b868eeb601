#include "warmstart/envs/operational_space.h"

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

}  // namespace

void tool_jacobian(const mjModel& model, mjData& data, int site, ToolJacobian& out) {
  mj_jacSite(&model, &data, out.jacobian, out.jacobian + 3 * model.nv, site);
  mj_solveM(&model, &data, out.over_inertia, out.jacobian, 6);
}

void operational_space_torque(const mjModel& model, mjData& data, int site, const ToolTarget& target, const Posture& posture,
                              std::span<double> torque) {
  const int nv = model.nv;
  assert(nv >= 6 && nv <= kMaxJoints && nv == model.nq && static_cast<int>(torque.size()) == nv);
  ToolJacobian tool;
  tool_jacobian(model, data, site, tool);
  const double *jacobian = tool.jacobian, *inverse_mass_jacobian = tool.over_inertia;

  // the acceleration of the tool
  double acceleration[6], velocity[6];
  pose_error(data, site, target.position.data(), target.orientation.data(), acceleration);
  mju_mulMatVec(velocity, jacobian, data.qvel, 6, nv);
  const double gains[2] = {target.position_gain, target.rotation_gain};
  const double dampings[2] = {2 * std::sqrt(gains[0]), 2 * std::sqrt(gains[1])}, posture_damping = 2 * std::sqrt(posture.stiffness);
  for (int i = 0; i < 6; ++i) acceleration[i] = gains[i / 3] * acceleration[i] - dampings[i / 3] * velocity[i];
  // the torques towards the posture, and what the tool would feel of them
  double felt[6];
  for (int j = 0; j < nv; ++j)
    torque[j] = posture.stiffness * (posture.joints[j] - data.qpos[j]) - posture_damping * data.qvel[j];
  mju_mulMatVec(felt, inverse_mass_jacobian, torque.data(), 6, nv);
  mju_subFrom(acceleration, felt, 6);

  // L is never formed: L x is the solution y of (J M^-1 J^T) y = x
  double inverse_inertia[36], force[6], push[kMaxJoints];
  for (int i = 0; i < 6; ++i)  // the lower half is all that the factor reads
    for (int j = 0; j <= i; ++j) inverse_inertia[6 * i + j] = mju_dot(inverse_mass_jacobian + i * nv, jacobian + j * nv, nv);
  mju_cholFactor(inverse_inertia, 6, 1e-12);
  mju_cholSolve(force, inverse_inertia, acceleration, 6);
  mju_mulMatTVec(push, jacobian, force, 6, nv);
  for (int j = 0; j < nv; ++j) torque[j] += push[j] + data.qfrc_bias[j] - data.qfrc_passive[j];
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
