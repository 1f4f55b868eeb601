// Many environments at once do what each does alone, on any number of threads.
#include "warmstart/envs/vector_env.h"

#include <gtest/gtest.h>

#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

constexpr int kCount = 5, kSteps = 120;

std::vector<double> actions_of(int step, int action_size) {
  Rng rng(static_cast<std::uint64_t>(step), "actions");
  std::vector<double> actions(static_cast<std::size_t>(kCount * action_size));
  for (double& a : actions) a = rng.uniform(-1, 1);
  return actions;
}

TEST(VectorEnv, DoesWhatEachDoesAlone) {
  const EnvConfig config{.id = "Hopper-v4"};  // episodes end early and at different times
  VectorEnv one(config, kCount, 3, 1), two(config, kCount, 3, 2);
  one.reset(), two.reset();
  const auto o = static_cast<std::size_t>(one.spec().obs_size), a = static_cast<std::size_t>(one.spec().action_size);
  std::vector<std::unique_ptr<Env>> alone;
  std::vector<Rng> rngs;
  std::vector<bool> ended(kCount);
  for (int i = 0; i < kCount; ++i) {
    alone.push_back(make_env(config)), rngs.emplace_back(3, "environment " + std::to_string(i));
    alone.back()->reset(rngs.back());
  }
  int ends = 0;
  for (int t = 0; t < kSteps; ++t) {
    const auto actions = actions_of(t, static_cast<int>(a));
    one.step(actions), two.step(actions);
    ASSERT_TRUE(std::equal(one.obs().begin(), one.obs().end(), two.obs().begin()));
    for (std::size_t i = 0; i < kCount; ++i) {
      Step step;
      if (ended[i]) alone[i]->reset(rngs[i]), ++ends;
      else step = alone[i]->step(std::span(actions).subspan(i * a, a));
      ended[i] = step.terminated || step.truncated;
      ASSERT_EQ(one.steps()[i].reward, step.reward);
      ASSERT_EQ(one.steps()[i].terminated, step.terminated);
      ASSERT_TRUE(std::equal(alone[i]->obs().begin(), alone[i]->obs().end(), one.obs().begin() + static_cast<std::ptrdiff_t>(i * o)));
    }
  }
  EXPECT_GT(ends, kCount);
}

TEST(VectorEnv, RefusesWrongSizesAndNumbers) {
  EXPECT_THROW(VectorEnv({.id = "Hopper-v4"}, 0, 0, 1), Error);
  VectorEnv envs({.id = "Hopper-v4"}, 2, 0, 2);
  envs.reset();
  EXPECT_THROW(envs.step(std::vector<double>(5)), Error);
  EXPECT_THROW(envs.step(std::vector<double>{0, 0, 0, 0, NAN, 0}), Error);
}

TEST(ScaledPhysics, MultipliesMassesAndFrictions) {
  const auto fall = [](double friction, double mass) {
    const auto env = make_env({.id = "HalfCheetah-v4", .friction_scale = friction, .mass_scale = mass});
    Rng rng(1, "start");
    env->reset(rng);
    for (int t = 0; t < 50; ++t) env->step(std::vector<double>(6, 0.7));
    return env->qpos();
  };
  EXPECT_EQ(fall(1, 1), fall(1, 1));
  EXPECT_NE(fall(1, 1), fall(0.3, 1));
  EXPECT_NE(fall(1, 1), fall(1, 2));
}

}  // namespace
}  // namespace warmstart
