// Peg insertion: starts, the success rule, what the wrist feels, and physics that stay sane however the peg is pushed.
#include "warmstart/envs/peg_insertion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/core/error.h"
#include "warmstart/envs/operational_space.h"

namespace warmstart {
namespace {

constexpr const char* kId = "FrankaPegInsertion-v0";
// entries of the observation
constexpr int kForce = 13, kTorque = 16, kOffset = 19, kTurn = 22;
const std::vector<double> kStill(6, 0.0);

struct World {
  std::unique_ptr<Env> env;
  PegInsertion* peg;
  explicit World(double clearance = 0) : env(make_env({.id = kId, .max_episode_steps = 1000, .clearance = clearance})) {
    peg = dynamic_cast<PegInsertion*>(env.get());
  }
  double obs(int i) const { return env->obs()[i]; }
  /// Puts the tip at an offset from the socket's axis and a depth below the rim (m), turned (rad) about the vertical.
  void place(double x, double y, double depth, double turn = 0) {
    const ModelPtr model = peg_model(1e-3, false);
    const DataPtr data(mj_makeData(model.get()));
    const double home[7] = {0, -0.785, 0, -2.35, 0, 1.57, 0.785};
    std::copy_n(home, 7, data->qpos);
    ASSERT_TRUE(solve_joints(*model, *data, mj_name2id(model.get(), mjOBJ_SITE, "tip"),
                             {PegWorld::kSocketX + x, y, PegWorld::kDepth - depth}, {0, std::cos(turn / 2), std::sin(turn / 2), 0}));
    env->set_state({data->qpos, 7}, std::vector<double>(7, 0.0), {});
  }
  /// A step towards an offset from the axis (m) with a downward action.
  Step steer(double x, double y, double down) {
    const std::vector<double> action = {(x - obs(kOffset) / 100) / 0.02,
                                        (y - obs(kOffset + 1) / 100) / 0.02,
                                        -down,
                                        -obs(kTurn) / 0.1,
                                        -obs(kTurn + 1) / 0.1,
                                        -obs(kTurn + 2) / 0.1};
    return env->step(action);
  }
};

TEST(Peg, StartsWithinTheRanges) {
  World w;
  Rng rng(3, "starts");
  double widest[3] = {};
  for (int i = 0; i < 200; ++i) {
    w.env->reset(rng);
    const double values[3] = {w.obs(kOffset), w.obs(kOffset + 1), w.obs(kTurn + 2)}, limits[3] = {5, 5, std::numbers::pi / 6};
    for (int k = 0; k < 3; ++k) {
      ASSERT_LE(std::abs(values[k]), limits[k] + 1e-6);
      widest[k] = std::max(widest[k], std::abs(values[k]) / limits[k]);
    }
    ASSERT_NEAR(w.obs(kOffset + 2), 9, 1e-6);  // 5 cm above the rim, 4 cm above the seat
    ASSERT_NEAR(std::hypot(w.obs(kTurn), w.obs(kTurn + 1)), 0, 1e-8);
  }
  for (const double share : widest) EXPECT_GT(share, 0.95);
}

TEST(Peg, HoldsStillWithoutAnActionAndFeelsNoWeight) {
  World w;
  Rng rng(4, "still");
  w.env->reset(rng);
  const double x = w.obs(kOffset), z = w.obs(kOffset + 2);
  for (int i = 0; i < 50; ++i) {
    w.env->step(kStill);
    for (int k = 0; k < 3; ++k) {
      ASSERT_NEAR(w.obs(kForce + k), 0, 0.005);  // 0.05 N; the hand weighs 10 N
      ASSERT_NEAR(w.obs(kTorque + k), 0, 0.01);
    }
  }
  EXPECT_NEAR(w.obs(kOffset), x, 0.02);
  EXPECT_NEAR(w.obs(kOffset + 2), z, 0.02);
}

TEST(Peg, FeelsWhatPushesIt) {
  World w;
  w.place(0.015, 0, -0.001);  // over the rim
  for (int i = 0; i < 15; ++i) w.steer(0.015, 0, 0.5);
  EXPECT_GT(w.obs(kForce + 2), 1.0);   // the rim pushes up with more than 10 N ...
  EXPECT_LT(w.obs(kForce + 2), 8.0);   // ... and less than 80
  w.place(0, 0, 0.02);                 // half in the hole
  w.steer(0.02, 0, 0);                 // later it slides down and is seated
  EXPECT_LT(w.obs(kForce), -1.0);      // the far wall pushes back ...
  EXPECT_GT(w.obs(kTorque + 1), 1.0);  // ... below the wrist, which turns the hand about y
}

TEST(Peg, IsSeatedDeepInTheHoleAndNotBefore) {
  World w;
  w.place(0, 0, 0.0360);
  EXPECT_FALSE(w.env->step(kStill).success);  // SERL's rule, 1 cm and 0.2 rad, would hold
  w.place(0, 0, 0.0375);
  const Step seated = w.env->step(kStill);
  EXPECT_TRUE(seated.success && seated.terminated && !seated.truncated);
  EXPECT_EQ(seated.reward, 1);
  w.place(0.05, 0, 0.0375);  // beside the socket's walls, as deep
  EXPECT_FALSE(w.env->step(kStill).success);
}

TEST(Peg, StaysInItsWorkspace) {
  World w;
  Rng rng(5, "workspace");
  for (const double side : {-1.0, 1.0}) {
    w.env->reset(rng);
    for (int i = 0; i < 60; ++i) {
      w.env->step(std::vector<double>(6, side));
      for (int k = 0; k < 2; ++k) ASSERT_LE(std::abs(w.obs(kOffset + k)), 8.6);
      ASSERT_LE(w.obs(kOffset + 2), 16.3);
      ASSERT_LE(std::max(std::abs(w.obs(kTurn)), std::abs(w.obs(kTurn + 1))), 0.34);
      ASSERT_LE(std::abs(w.obs(kTurn + 2)), 0.79);
    }
  }
}

// However the peg is pushed: no warning (a step would throw), hardly any overlap, and no energy from nowhere.
class PegPhysics : public testing::TestWithParam<double> {};

TEST_P(PegPhysics, SurvivesRandomActions) {
  World w(GetParam());
  Rng rng(6, "random");
  std::vector<double> action(6);
  double deepest = 0, energy = 0;
  for (int episode = 0; episode < 5; ++episode) {
    w.env->reset(rng);
    for (int t = 0; t < 60; ++t) {
      for (double& a : action) a = rng.uniform(-1, 1);
      action[2] -= 0.5;  // mostly down, into things
      if (w.env->step(action).terminated) break;
      deepest = std::max(deepest, w.peg->penetration()), energy = std::max(energy, w.peg->kinetic_energy());
    }
  }
  EXPECT_LT(deepest, 0.2e-3);
  EXPECT_LT(energy, 2);  // J; with nothing in the way these actions reach 1.3
}

TEST_P(PegPhysics, PressesWithoutGainingEnergy) {
  World w(GetParam());
  for (const double down : {0.5, 1.0}) {
    w.place(0.016, 0.004, -0.002, 0.05);  // half of the tip over the rim
    double early = 0, late = 0, deepest = 0;
    for (int t = 0; t < 80; ++t) {
      w.steer(0.016, 0.004, down);
      if (t >= 20) (t < 50 ? early : late) = std::max(t < 50 ? early : late, w.peg->kinetic_energy());
      deepest = std::max(deepest, w.peg->penetration());
    }
    EXPECT_LT(deepest, 0.03e-3);
    EXPECT_LT(late, 1e-3);
    EXPECT_LE(late, 1.05 * early + 1e-6);
    for (int t = 0; t < 20; ++t) w.env->step(kStill);
    EXPECT_LT(w.peg->kinetic_energy(), 1e-4);  // the press stored nothing
  }
}

TEST_P(PegPhysics, JamsWithoutGainingEnergy) {
  World w(GetParam());
  w.place(0, 0, 0.012);
  double late = 0, deepest = 0;    // late: when a push has lasted 2 s
  for (int t = 0; t < 120; ++t) {  // twisted, tilted and pulled aside while pressed down
    const double s = t % 40 < 20 ? 1 : -1;
    if (w.env->step(std::vector<double>{s, 0.5, -0.3, 0.7 * s, -0.7, s}).terminated || w.peg->depth() < 0) break;  // seated, or levered out
    deepest = std::max(deepest, w.peg->penetration());
    if (t % 20 == 19) late = std::max(late, w.peg->kinetic_energy());
  }
  EXPECT_LT(deepest, 0.2e-3);
  EXPECT_LT(late, 1e-3);
}

TEST_P(PegPhysics, TheGapOnEachSideIsTheClearance) {
  World w(GetParam());
  const double gap = GetParam() * 1e-3;
  for (const double side : {-1.0, 1.0}) {
    w.place(side * 0.9 * gap, 0, 0.02);
    EXPECT_EQ(w.peg->penetration(), 0);
    w.place(0, side * 0.9 * gap, 0.02);
    EXPECT_EQ(w.peg->penetration(), 0);
    w.place(side * 1.1 * gap, 0, 0.02);
    EXPECT_GT(w.peg->penetration(), 0.02 * gap);
    w.place(0, side * 1.1 * gap, 0.02);
    EXPECT_GT(w.peg->penetration(), 0.02 * gap);
  }
}

INSTANTIATE_TEST_SUITE_P(Clearances, PegPhysics, testing::Values(0.2, 0.5, 1.0, 2.0, 5.0));

std::string message_of(const EnvConfig& config) {
  try {
    make_env(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kUsage);
    return error.what();
  }
  return "";
}

TEST(Peg, RefusesOtherClearances) {
  EXPECT_NE(message_of({.id = kId, .clearance = 0.1}).find("give 0.2 to 5 mm per side"), std::string::npos);
  EXPECT_NE(message_of({.id = kId, .clearance = -1}).find("env.clearance"), std::string::npos);
  EXPECT_NE(message_of({.id = "HalfCheetah-v4", .clearance = 1}).find("has no clearance (HalfCheetah-v4)"), std::string::npos);
}

}  // namespace
}  // namespace warmstart
