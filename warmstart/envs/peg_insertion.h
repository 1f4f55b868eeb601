// A Franka arm puts a square peg into a square socket: the paper's robot task (SERL's ranges), simulated.
#pragma once
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {

/// Dimensions in m. Origin of the world: the arm's foot; x forward, y left, z up; the socket stands on the floor.
struct PegWorld {
  static constexpr double kSocketX = 0.5;         ///< the socket's axis stands at (kSocketX, 0)
  static constexpr double kDepth = 0.04;          ///< of the hole, floor to rim
  static constexpr double kPegHalfWidth = 0.01;   ///< of the square peg
  static constexpr double kPegLength = 0.09;      ///< of which the gripper covers the upper quarter
  static constexpr double kDefaultClearance = 1;  ///< mm on each side
  static constexpr double kMinClearance = 0.2, kMaxClearance = 5;
  static constexpr double kSeatedDepth = 0.037;  ///< of the tip below the rim: the peg is seated
};

/// Action [6], each in [-1, 1], at 10 Hz: translation of the peg's tip along x, y, z (1 = 2 cm) and rotation about these axes
/// through the tip (1 = 0.1 rad). The target is the measured pose plus the action, kept within 8 cm of the socket's axis, 1 cm below
/// the floor to 12 cm above the rim, 0.3 rad of tilt and 0.75 rad of turn; a mass-weighted impedance controller goes there.
///
/// Observation [25], vectors along the world's axes:
///    0- 2  position of the peg's tip, m              3- 6  its orientation, quaternion w x y z with x >= 0
///    7- 9  velocity of the tip, dm/s                10-12  angular velocity, rad/s
///   13-15  force on the peg, 10 N                   16-18  torque on the peg about the wrist, N m (both from the wrist's sensor, the
///                                                          weight of the hand taken off)
///   19-21  tip minus its seated position, cm        22-24  rotation vector from the seated orientation, rad
///
/// Reward 1 and the end in the first step that leaves the peg seated: the tip at least 37 mm deep in the 40 mm hole, and within
/// clearance + 1 mm of its axis. (SERL's rule, 1 cm and 0.2 rad from the target pose, is also met by a peg that stands on the rim of a
/// shallow socket.) Starts: tip 5 cm above the rim, +-5 cm off the axis along x and y, turned by +-30 degrees.
class PegInsertion : public MujocoEnv {
 public:
  /// `clearance`: mm between peg and wall on each side, kMinClearance to kMaxClearance, 0 = kDefaultClearance.
  /// Throws Error(kUsage) beyond.
  PegInsertion(EnvSpec spec, double clearance);

  void load(StateReader& in) override;

  /// How deep bodies overlap at the worst contact now, m; 0 = nowhere.
  double penetration() const;
  /// Of all bodies, J.
  double kinetic_energy() const;
  /// Depth of the tip below the rim, m; negative above.
  double depth() const;

 protected:
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel, std::span<double> goal) override;
  Step act(std::span<const double> action) override;
  void observe(std::span<double> obs) const override;
  void ask_simulator() override;
  std::span<const double> controls() const override { return sent_; }
  ModelPtr visual_model() const override;

 private:
  void sense_wrist(double force[3], double torque[3]) const;

  double clearance_;                         ///< m
  std::vector<double> sent_;                 ///< [simulator steps, nu] in the last control step
  int tip_, wrist_, hand_, force_, torque_;  ///< sites, the hand's body, first numbers of the sensors
};

/// The model: gym-hil's arm with its gripper closed on a peg, and the socket. `clearance` in m. `meshes`: with the arm's looks, for
/// pictures; the physics are the same.
ModelPtr peg_model(double clearance, bool meshes);

std::vector<EnvSpec> peg_insertion_specs();
std::unique_ptr<Env> make_peg_insertion(const EnvSpec& spec, const EnvConfig& config);

}  // namespace warmstart
