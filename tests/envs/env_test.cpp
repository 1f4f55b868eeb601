// Registry, errors, time limits and start distributions.
#include "warmstart/envs/env.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "../support.h"

namespace warmstart {
namespace {

/// The error that `call` throws, or fails.
template <class Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return usage_error("", "", "");
}

bool mentions(const Error& error, const std::string& text) { return std::string(error.what()).find(text) != std::string::npos; }

TEST(Registry, BuildsEveryIdAsItsSpecSays) {
  Rng rng(1, "registry");
  ASSERT_GE(env_specs().size(), 12u);
  for (const EnvSpec& spec : env_specs()) {
    const auto env = make_env({spec.id});
    env->reset(rng);
    EXPECT_EQ(env->spec().id, spec.id);
    EXPECT_EQ(env->obs().size(), static_cast<std::size_t>(spec.obs_size)) << spec.id;
    for (const double o : env->obs()) EXPECT_TRUE(std::isfinite(o)) << spec.id;
    env->step(std::vector<double>(spec.action_size, 0.1));
  }
}

TEST(Registry, UnknownIdNamesTheNearest) {
  for (const auto& error : {error_of([] { make_env({"PointMaze_Mediun-v3"}); }), error_of([] { env_spec("PointMaze_Mediun-v3"); })}) {
    EXPECT_EQ(error.code(), Exit::kUsage);
    EXPECT_TRUE(mentions(error, "\"PointMaze_Medium-v3\"")) << error.what();
  }
}

TEST(Registry, MissingAssetNamesFileAndRemedy) {
  setenv("WARMSTART_ASSETS", "/nonexistent", 1);
  const Error error = error_of([] { make_env({"HalfCheetah-v5"}); });
  unsetenv("WARMSTART_ASSETS");
  EXPECT_EQ(error.code(), Exit::kMachine);
  EXPECT_TRUE(mentions(error, "/nonexistent/gymnasium/envs/mujoco/assets/half_cheetah.xml")) << error.what();
  EXPECT_TRUE(mentions(error, "WARMSTART_ASSETS")) << error.what();
}

TEST(Assets, AMissingMeshNamesTheWheel) {
  const TemporaryFolder folder;
  const std::string hand = "gymnasium_robotics/envs/assets/adroit_hand/adroit_door.xml";
  std::filesystem::create_directories((folder / hand).parent_path());
  std::filesystem::copy_file(asset_root() / hand, folder / hand);
  setenv("WARMSTART_ASSETS", folder.path().c_str(), 1);
  const Error error = error_of([] { make_env({"AdroitHandDoor-v1"}); });
  unsetenv("WARMSTART_ASSETS");
  EXPECT_EQ(error.code(), Exit::kMachine);
  for (const char* part : {"adroit_door.xml", "gymnasium_robotics", "WARMSTART_ASSETS"}) EXPECT_TRUE(mentions(error, part)) << error.what();
}

TEST(World, ScalesMustBeNumbers) {
  for (const double scale : {std::nan(""), 0.0, -1.0, 1e9}) {
    EXPECT_TRUE(mentions(error_of([&] { make_env({.id = "HalfCheetah-v5", .friction_scale = scale}); }), "env.friction_scale"));
    EXPECT_TRUE(mentions(error_of([&] { make_env({.id = "HalfCheetah-v5", .mass_scale = scale}); }), "env.mass_scale"));
  }
  EXPECT_TRUE(mentions(error_of([] { make_env({.id = "FrankaPegInsertion-v0", .clearance = std::nan("")}); }), "env.clearance"));
}

TEST(Step, RefusesWrongSizesAndNaN) {
  Rng rng(1, "refuse");
  const auto env = make_env({"PointMaze_UMaze-v3"});
  env->reset(rng);
  EXPECT_TRUE(mentions(error_of([&] { env->step(std::vector{0.1}); }), "action has 1 numbers"));
  EXPECT_TRUE(mentions(error_of([&] { env->step(std::vector{0.1, std::nan("")}); }), "action[1] is nan"));
  EXPECT_TRUE(mentions(error_of([&] { env->set_state(std::vector{0., 0., 0.}, std::vector{0., 0.}, std::vector{0., 0.}); }), "qpos has 3"));
  EXPECT_TRUE(mentions(error_of([&] { env->set_state(std::vector{0., 0.}, std::vector{0., 0.}, std::vector<double>{}); }), "goal has 0"));
}

TEST(Step, UnstableSimulationIsAnErrorNamingTimeAndState) {
  const auto env = make_env({"HalfCheetah-v5"});
  std::vector<double> fast(9, 0.0);
  fast[3] = 1e11;
  env->set_state(std::vector<double>(9, 0.0), fast, {});
  const Error error = error_of([&] { env->step(std::vector<double>(6, 0.0)); });
  EXPECT_EQ(error.code(), Exit::kDiverged);
  EXPECT_TRUE(mentions(error, "HalfCheetah-v5 after 0.0000 s, step 1")) << error.what();
  EXPECT_TRUE(mentions(error, "qvel [0, 0, 0, 1e+11, 0, 0, 0, 0, 0]")) << "the state that it went wrong from: " << error.what();
  // A new episode is not tainted.
  Rng rng(1, "again");
  env->reset(rng);
  env->step(std::vector<double>(6, 0.0));
}

TEST(Step, TimeLimitTruncatesInItsLastStepAndResetStartsAnew) {
  Rng rng(1, "limit");
  const auto env = make_env({.id = "HalfCheetah-v4", .max_episode_steps = 5});
  EXPECT_EQ(env->spec().max_episode_steps, 5);
  for (int episode = 0; episode < 2; ++episode) {
    env->reset(rng);
    for (int t = 1; t <= 5; ++t) EXPECT_EQ(env->step(std::vector<double>(6, 0.0)).truncated, t == 5);
  }
  EXPECT_EQ(error_of([] { make_env({.id = "HalfCheetah-v4", .max_episode_steps = -1}); }).code(), Exit::kUsage);
}

TEST(State, OfAnotherTaskIsRefused) {
  Rng rng(1, "other");
  const auto hopper = make_env({"Hopper-v5"}), older = make_env({"Hopper-v4"});
  hopper->reset(rng);
  StateWriter out;
  hopper->save(out);
  StateReader in(out.bytes(), "test");
  EXPECT_TRUE(mentions(error_of([&] { older->load(in); }), "belongs to Hopper-v5"));
}

TEST(Reset, LocomotionNoiseHasTheOriginalsSpread) {
  Rng rng(3, "noise");
  struct Case {
    const char* id;
    double qpos_std, qvel_std;
  };
  for (const Case& c : {Case{"HalfCheetah-v5", 0.1 / std::sqrt(3.0), 0.1}, Case{"Hopper-v5", 5e-3 / std::sqrt(3.0), 5e-3 / std::sqrt(3.0)},
                        Case{"Walker2d-v4", 5e-3 / std::sqrt(3.0), 5e-3 / std::sqrt(3.0)}}) {
    const auto env = make_env({c.id});
    double qpos_square = 0, qvel_square = 0;
    const int n = 2000;
    for (int i = 0; i < n; ++i) {
      env->reset(rng);
      qpos_square += std::pow(env->qpos()[0], 2);  // x, whose default is 0
      qvel_square += std::pow(env->qvel()[2], 2);
    }
    EXPECT_NEAR(std::sqrt(qpos_square / n) / c.qpos_std, 1, 0.08) << c.id;
    EXPECT_NEAR(std::sqrt(qvel_square / n) / c.qvel_std, 1, 0.08) << c.id;
  }
}

}  // namespace
}  // namespace warmstart
