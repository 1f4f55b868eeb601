// Plug-ins as environments: the example against numbers computed by hand, saving, bounds, and every kind of bad plug-in.
#include <gtest/gtest.h>

#include <cmath>

#include "../support.h"
#include "warmstart/envs/env.h"
#include "warmstart/envs/plugin_check.h"
#include "warmstart/envs/plugin_env.h"
#include "warmstart/envs/vector_env.h"

namespace warmstart {
namespace {

std::string plugin(const std::string& name) { return WARMSTART_PLUGINS "/" + name + ".so"; }
EnvConfig config(const std::string& name, double timeout = 20) { return {.plugin = plugin(name), .plugin_timeout = timeout}; }

TEST(Plugin, SpecTakesThePlaceOfTheId) {
  const EnvSpec& spec = env_spec(config("plugin_env"));
  EXPECT_EQ(spec.id, "CartPendulum-v0");
  EXPECT_EQ(spec.obs_size, 4);
  EXPECT_EQ(spec.action_size, 1);
  EXPECT_EQ(spec.control_seconds, 0.02);
  EXPECT_EQ(time_limit(config("plugin_env")), 200);
  EnvConfig shorter = config("plugin_env");
  shorter.max_episode_steps = 7;
  EXPECT_EQ(make_env(shorter)->spec().max_episode_steps, 7);
}

// One step of the cart, by the equations of Barto, Sutton and Anderson (1983) without friction; the action's bounds are +-10 N.
TEST(Plugin, StepsAndBounds) {
  const auto env = make_env(config("plugin_env"));
  for (const auto& [action, force] : {std::pair{1.0, 10.0}, {-1.0, -10.0}, {0.25, 2.5}, {3.0, 10.0}}) {
    Rng rng(5, "plugin test");
    env->reset(rng);
    const std::vector<double> o(env->obs().begin(), env->obs().end());
    const Step step = env->step(std::vector<double>{action});
    const double temp = (force + 0.05 * o[3] * o[3] * std::sin(o[2])) / 1.1;
    const double turn = (9.8 * std::sin(o[2]) - std::cos(o[2]) * temp) / (0.5 * (4.0 / 3 - 0.1 * std::cos(o[2]) * std::cos(o[2]) / 1.1));
    const double pull = temp - 0.05 * turn * std::cos(o[2]) / 1.1;
    EXPECT_NEAR(env->obs()[0], o[0] + 0.02 * o[1], 1e-15);
    EXPECT_NEAR(env->obs()[1], o[1] + 0.02 * pull, 1e-14);
    EXPECT_NEAR(env->obs()[2], o[2] + 0.02 * o[3], 1e-15);
    EXPECT_NEAR(env->obs()[3], o[3] + 0.02 * turn, 1e-14);
    EXPECT_EQ(step.reward, 1);
    EXPECT_FALSE(step.terminated || step.truncated);
  }
}

TEST(Plugin, TimeLimitTruncates) {
  EnvConfig short_one = config("bad_good");
  short_one.max_episode_steps = 3;
  const auto env = make_env(short_one);
  Rng rng(1, "plugin test");
  for (int episode = 0; episode < 2; ++episode) {
    env->reset(rng);
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(env->step(std::vector<double>{0.0}).truncated, i == 3);
  }
}

TEST(Plugin, ConformingOnesPass) {
  for (const std::string name : {"plugin_env", "bad_good", "bad_no_state"}) {
    const PluginReport r = check_plugin(plugin(name), {.timeouts = {20, 20}, .mode = PluginTrial::Mode::kThorough});
    EXPECT_EQ(r.checks.size(), 8u);
    for (const PluginCheck& c : r.checks) EXPECT_TRUE(c.passed) << name << ", " << c.name << ": " << c.finding;
    EXPECT_EQ(r.can_save, name != "bad_no_state");
    EXPECT_GT(r.step_mean_us, 0);
  }
}

struct Bad {
  std::string name, check, says;  // the first check that fails, and how
};
void PrintTo(const Bad& b, std::ostream* out) { *out << b.name; }

class BadPlugin : public testing::TestWithParam<Bad> {};

TEST_P(BadPlugin, IsFoundAndNamed) {
  const auto& [name, check, says] = GetParam();
  const PluginReport r = check_plugin(plugin(name), {.timeouts = {name == "bad_hang" ? 1.0 : 20.0, 20}});
  EXPECT_FALSE(r.passed());
  for (const PluginCheck& c : r.checks) {
    if (c.passed) continue;
    EXPECT_EQ(c.name, check);
    EXPECT_NE(c.finding.find(says), std::string::npos) << "'" << says << "' is not in: " << c.finding;
    EXPECT_NE(c.finding.find(name + ".so"), std::string::npos) << "the file is not named: " << c.finding;
    return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadPlugin,
    testing::Values(Bad{"bad_version", "loads", "built for version 2 of the plug-in interface, this is 1"},
                    Bad{"bad_no_symbol", "loads", "does not export warmstart_env_plugin"}, Bad{"bad_no_step", "loads", "step is NULL"},
                    Bad{"bad_no_size", "loads", "obs_size is 0"}, Bad{"bad_crash_at_load", "loads", "crashed: Aborted"},
                    Bad{"not_there", "loads", "no such plug-in"}, Bad{"bad_too_many", "resets", "more than obs_size = 2 numbers"},
                    Bad{"bad_too_few", "resets", "obs[1] was not written"},
                    Bad{"bad_crash", "finite values", "crashed: Segmentation fault"}, Bad{"bad_hang", "finite values", "does not answer"},
                    Bad{"bad_exits", "finite values", "exit code 7"}, Bad{"bad_fails", "finite values", "the motor is off"},
                    Bad{"bad_throws", "finite values", "the robot is not connected"}, Bad{"bad_nan_obs", "finite values", "obs[1] is nan"},
                    Bad{"bad_nan_reward", "finite values", "the reward is inf"}, Bad{"bad_random", "determinism", "in another process"},
                    Bad{"bad_remembers", "determinism", "what came before"}, Bad{"bad_global", "independence", "disturb each other"},
                    Bad{"bad_forgets", "saved state", "after load"}, Bad{"bad_save_fails", "saved state", "the motor is off"}),
    [](const auto& bad) { return bad.param.name; });

TEST(Plugin, AMachineIsOneEnvironment) {
  const EnvConfig machine = config("bad_no_state");
  EXPECT_TRUE(is_machine(machine));
  EXPECT_FALSE(is_machine(config("bad_good")));
  EXPECT_FALSE(is_machine({}));
  auto one = make_env(machine);
  expect_error(Exit::kUsage, {"bad_no_state.so", "a second environment"}, [&] { make_env(machine); });
  one.reset();
  Rng rng(1, "plugin test");
  make_env(machine)->reset(rng);
  const auto a = make_env(config("bad_good")), b = make_env(config("bad_good"));  // a simulator may be many
}

TEST(Plugin, GentleTrialOfAMachine) {
  const PluginReport r = check_plugin(plugin("bad_no_state"), {});
  EXPECT_TRUE(r.gentle);
  EXPECT_EQ(r.checks.size(), 5u);
  for (const PluginCheck& c : r.checks) EXPECT_TRUE(c.passed) << c.name << ": " << c.finding;
  EXPECT_EQ(r.episodes_ended, 2) << "50 steps, time limit 20";
  EXPECT_GT(r.step_mean_us, 0);
  EXPECT_FALSE(check_plugin(plugin("bad_good"), {}).gentle);
}

TEST(Plugin, ManyInParallelDoNotMix) {
  VectorEnv one(config("plugin_env"), 4, 3, 1), four(config("plugin_env"), 4, 3, 4);
  one.reset(), four.reset();
  for (int t = 0; t < 2000; ++t) {
    const std::vector<double> actions = {0.5, -0.5, std::sin(0.1 * t), -1};
    one.step(actions), four.step(actions);
    ASSERT_TRUE(std::equal(one.obs().begin(), one.obs().end(), four.obs().begin())) << t;
  }
}

TEST(Plugin, ErrorsNameFileAndStep) {
  const auto env = make_env(config("bad_crash"));
  Rng rng(1, "plugin test");
  env->reset(rng);
  for (int i = 0; i < 5; ++i) env->step(std::vector<double>{0.0});
  EXPECT_TRUE(env->can_save());
  expect_error(Exit::kMachine, {"bad_crash.so", "step 6 of the episode", "Segmentation fault"},
               [&] { env->step(std::vector<double>{0.0}); });
  EXPECT_FALSE(env->can_save());
  expect_error(Exit::kMachine, {"ended before"}, [&] { env->reset(rng); });
  // the next environment has a process of its own
  const auto another = make_env(config("bad_crash"));
  another->reset(rng);
  EXPECT_FALSE(another->step(std::vector<double>{0.0}).terminated);
}

class Still : public Env {
 public:
  explicit Still(EnvSpec spec) : spec_(std::move(spec)), obs_(spec_.obs_size) {}
  const EnvSpec& spec() const override { return spec_; }
  void reset(Rng&) override {}
  Step step(std::span<const double>) override { return {}; }
  std::span<const double> obs() const override { return obs_; }
  void save(StateWriter&) const override {}
  void load(StateReader&) override {}
  void set_state(std::span<const double>, std::span<const double>, std::span<const double>) override {}

 private:
  EnvSpec spec_;
  std::vector<double> obs_;
};

TEST(RegisterEnv, WorksByItsIdAndRefusesTakenOnes) {
  const EnvSpec spec{.id = "Still-v0", .obs_size = 3, .action_size = 2, .max_episode_steps = 9};
  const auto make = [](const EnvSpec& s) { return std::make_unique<Still>(s); };
  register_env(spec, make);
  EXPECT_EQ(env_spec("Still-v0").obs_size, 3);
  EXPECT_EQ(make_env({.id = "Still-v0", .max_episode_steps = 4})->spec().max_episode_steps, 4);
  expect_error(Exit::kUsage, {"Still-v0", "already"}, [&] { register_env(spec, make); });
  expect_error(Exit::kUsage, {"Other-v0", "sizes"}, [&] { register_env({.id = "Other-v0"}, make); });
}

}  // namespace
}  // namespace warmstart
