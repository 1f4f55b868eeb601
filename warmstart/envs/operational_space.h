// Operational-space control (Khatib 1987): joint torques that make a tool frame accelerate as asked.
#pragma once
#include <mujoco/mujoco.h>

#include <array>
#include <span>

namespace warmstart {

/// Where the tool frame shall go, and how stiffly. Accelerations are PD laws at critical damping:
/// a = k (target - pose) - 2 sqrt(k) velocity.
struct ToolTarget {
  std::array<double, 3> position;     ///< m, world
  std::array<double, 4> orientation;  ///< unit quaternion w x y z
  double position_gain;               ///< 1/s^2
  double rotation_gain;               ///< 1/s^2
};

/// What the arm does with the freedom that the tool leaves: torques towards a posture, projected so that the tool does not feel them.
struct Posture {
  std::span<const double> joints;  ///< [nv], rad
  double stiffness;                ///< N m / rad; damping is 2 sqrt(stiffness)
};

inline constexpr int kMaxJoints = 16;

/// What the law below asks of the simulator; rows are translations along and rotations about the world's axes.
struct ToolJacobian {
  double jacobian[6 * kMaxJoints];      ///< [6, nv], J of the tool frame
  double over_inertia[6 * kMaxJoints];  ///< [6, nv], J M^-1
};
void tool_jacobian(const mjModel& model, mjData& data, int site, ToolJacobian& out);

/// Torques [nv] for the tool frame at `site`:
///   tau = J^T L (a - J M^-1 n) + n + c,  L = (J M^-1 J^T)^-1,
/// n the torques towards the posture, c what opposes Coriolis, centrifugal and gravity forces and the damping of the joints.
/// `data` must be current up to velocities (mj_step1 or mj_forward). Every joint of the model is a hinge or slide of the arm.
/// Allocates nothing. 6 <= nv <= kMaxJoints, and the arm must be away from singular postures.
void operational_space_torque(const mjModel& model, mjData& data, int site, const ToolTarget& target, const Posture& posture,
                              std::span<double> torque);

/// Joint angles [nv] that bring the tool frame at `site` to a pose, from the angles in data.qpos, which hold them afterwards.
/// False when 100 steps of damped least squares do not come within 1e-9 m and rad.
bool solve_joints(const mjModel& model, mjData& data, int site, const std::array<double, 3>& position,
                  const std::array<double, 4>& orientation);

}  // namespace warmstart
