// Units of actions: the mapping, and what a registered environment receives.
#include "warmstart/envs/action_bounds.h"

#include <gtest/gtest.h>

#include "warmstart/core/error.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

TEST(ActionBounds, MapBothWaysLinearly) {
  const ActionBounds bounds{{-10, 0}, {10, 4}};
  std::vector<double> action = {0.5, -0.25};
  bounds.from_unit(action);
  EXPECT_EQ(action, (std::vector<double>{5, 1.5}));
  bounds.to_unit(action);
  EXPECT_EQ(action, (std::vector<double>{0.5, -0.25}));
  action = {3, -2};  // a machine never gets more than its bounds
  bounds.from_unit(action);
  EXPECT_EQ(action, (std::vector<double>{10, 0}));
  std::vector<double> top = {1};  // -4.8 + (high - low) is more than high
  ActionBounds{{-4.8}, {3.3000000000000007}}.from_unit(top);
  EXPECT_EQ(top[0], 3.3000000000000007);
  action = {20, -2};  // data beyond their bounds stay visible
  bounds.to_unit(action);
  EXPECT_EQ(action, (std::vector<double>{2, -2}));
}

TEST(ActionBounds, AbsentOnesAndUnitOnesMapNothing) {
  EXPECT_TRUE(ActionBounds{}.unit());
  EXPECT_TRUE((ActionBounds{{-1, -1}, {1, 1}}.unit()));
  EXPECT_FALSE((ActionBounds{{-1, -1}, {1, 2}}.unit()));
  std::vector<double> action = {0.3};
  ActionBounds{}.from_unit(action), ActionBounds{}.to_unit(action);
  EXPECT_EQ(action[0], 0.3);
}

TEST(ActionBounds, WrongOnesAreNamed) {
  const auto refused = [](const ActionBounds& bounds, const std::string& says) {
    try {
      bounds.check(2, "Arm-v0");
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::kUsage);
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("Arm-v0"), std::string::npos) << error.what();
    }
  };
  EXPECT_NO_THROW(ActionBounds{}.check(2, ""));
  refused({{-1}, {1}}, "1 and 1 action coordinates, but the task has 2");
  refused({{-1, -1}, {}}, "2 and 0 action coordinates");
  refused({{-1, 2}, {1, 2}}, "bounds of action 1 are 2 and 2");
}

/// Tells in its observation which action it received.
class Echo : public Env {
 public:
  explicit Echo(EnvSpec spec) : spec_(std::move(spec)), obs_(2) {}
  const EnvSpec& spec() const override { return spec_; }
  void reset(Rng&) override {}
  Step step(std::span<const double> action) override {
    obs_.assign(action.begin(), action.end());
    return {};
  }
  std::span<const double> obs() const override { return obs_; }
  void save(StateWriter& out) const override { out.put(obs_); }
  void load(StateReader& in) override { in.get(obs_); }
  void set_state(std::span<const double>, std::span<const double>, std::span<const double>) override {}

 private:
  EnvSpec spec_;
  std::vector<double> obs_;
};

TEST(ActionBounds, ARegisteredEnvironmentReceivesItsOwnUnits) {
  register_env({.id = "Echo-v0", .obs_size = 2, .action_size = 2, .bounds = {{-10, 0}, {10, 4}}, .max_episode_steps = 9},
               [](const EnvSpec& spec) { return std::make_unique<Echo>(spec); });
  const auto env = make_env({"Echo-v0"});
  Rng rng(0, "echo");
  env->reset(rng);
  env->step(std::vector<double>{0.5, -1});
  EXPECT_EQ(env->obs()[0], 5);
  EXPECT_EQ(env->obs()[1], 0);
  EXPECT_EQ(env->spec().bounds.high, (std::vector<double>{10, 4}));
  EXPECT_THROW(
      register_env({.id = "Bad-v0", .obs_size = 2, .action_size = 2, .bounds = {{1, 1}, {-1, -1}}, .max_episode_steps = 9}, nullptr),
      Error);
}

}  // namespace
}  // namespace warmstart
