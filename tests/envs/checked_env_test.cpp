// A task that a program registered, doing what it must not: each becomes an Error that names call, step and task.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../support.h"
#include "warmstart/envs/env.h"
#include "warmstart/envs/vector_env.h"

namespace warmstart {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kTask = "Faulty-v0";

/// Counts its steps in obs[0], and does `fault` in step 3 of an episode, or in the call that is named.
class Faulty : public Env {
 public:
  static inline std::string fault;
  static inline bool saves = true;

  explicit Faulty(const EnvSpec& spec) : spec_(spec) {
    if (fault == "make throws") throw std::runtime_error("no motor");
    if (fault == "other spec") spec_.obs_size = 5;
  }
  const EnvSpec& spec() const override { return spec_; }
  void reset(Rng&) override {
    if (fault == "reset throws") throw std::runtime_error("the gripper is stuck");
    obs_.assign(2, 0.0);
    if (fault == "reset nan") obs_[1] = kNan;
  }
  Step step(std::span<const double>) override {
    ++obs_[0];
    Step s;
    if (obs_[0] != 3) return s;
    if (fault == "exception") throw std::out_of_range("joint 7");
    if (fault == "number") throw 42;
    if (fault == "text") throw "a text";
    if (fault == "error") throw machine_error("the arm is off", "arm 1", "switch it on");
    if (fault == "stop") throw Error(Exit::kInterrupted, "stop", "arm", "none");
    if (fault == "done") throw Error(Exit::kDone, "done", "arm", "none");
    if (fault == "nan obs") obs_[1] = kNan;
    if (fault == "huge obs") obs_[1] = 1e39;
    if (fault == "short obs") obs_.pop_back();
    if (fault == "nan reward") s.reward = kNan;
    if (fault == "infinite reward") s.reward = -std::numeric_limits<double>::infinity();
    if (fault == "nan solved") s.solved = kNan;
    if (fault == "ends") s.terminated = true;
    return s;
  }
  std::span<const double> obs() const override {
    if (fault == "obs throws" && obs_[0] == 3) throw std::logic_error("no camera");
    return obs_;
  }
  void save(StateWriter& out) const override {
    if (!saves) return Env::save(out);
    if (fault == "save throws") throw std::runtime_error("no state");
    out.put(obs_);
  }
  void load(StateReader& in) override { in.get(obs_); }

 private:
  EnvSpec spec_;
  std::vector<double> obs_ = {0, 0};
};

class Checked : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    register_env({.id = kTask, .obs_size = 2, .action_size = 1, .max_episode_steps = 6},
                 [](const EnvSpec& spec) { return std::make_unique<Faulty>(spec); });
  }
  void SetUp() override { Faulty::fault.clear(), Faulty::saves = true; }

  std::unique_ptr<Env> fresh(const std::string& fault = "") {
    Faulty::fault = fault;
    return make_env({.id = kTask});
  }
  /// Steps until the third, which fails as `words` say.
  void third_step_fails(const std::string& fault, Exit code, std::vector<std::string> words) {
    SCOPED_TRACE(fault);
    const auto env = fresh(fault);
    env->reset(rng_);
    env->step(zero_), env->step(zero_);
    words.insert(words.end(), {"step", kTask, "step 3 of the episode"});
    expect_error(code, words, [&] { env->step(zero_); });
    EXPECT_FALSE(env->can_save()) << "its state is worth nothing";
    expect_error(Exit::kUsage, {"no episode is under way"}, [&, e = env.get()] {
      Faulty::fault.clear();
      e->reset(rng_);
      EXPECT_TRUE(e->can_save()) << "a new episode mends it";
      for (int i = 0; i < 7; ++i) e->step(zero_);
    });
  }

  Rng rng_{0, "test"};
  std::vector<double> zero_ = {0};
};

TEST_F(Checked, WhateverAStepThrowsIsAnErrorWithStepAndTask) {
  third_step_fails("exception", Exit::kMachine, {"the environment threw: joint 7"});
  third_step_fails("number", Exit::kMachine, {"no std::exception"});
  third_step_fails("text", Exit::kMachine, {"no std::exception"});
  third_step_fails("error", Exit::kMachine, {"the arm is off", "switch it on"});
  third_step_fails("obs throws", Exit::kMachine, {"obs: ", "no camera"});
  // neither of them may look like a run that ended well or was asked to stop
  third_step_fails("stop", Exit::kMachine, {"stop"});
  third_step_fails("done", Exit::kMachine, {"done"});
}

TEST_F(Checked, NumbersMustBeThereAndFinite) {
  third_step_fails("nan obs", Exit::kDiverged, {"obs[1] is nan"});
  third_step_fails("huge obs", Exit::kDiverged, {"obs[1] is 1e+39"});
  third_step_fails("short obs", Exit::kDiverged, {"obs has 1 numbers", "obs_size = 2"});
  third_step_fails("nan reward", Exit::kDiverged, {"reward is nan"});
  third_step_fails("infinite reward", Exit::kDiverged, {"reward is -inf"});
  third_step_fails("nan solved", Exit::kDiverged, {"solved is nan"});
}

TEST_F(Checked, OtherCallsAreNamedToo) {
  expect_error(Exit::kMachine, {"make: the environment threw: no motor", kTask}, [&] { fresh("make throws"); });
  expect_error(Exit::kUsage, {"spec: 5 observations", "registered are 2", kTask}, [&] { fresh("other spec"); });
  expect_error(Exit::kMachine, {"reset: the environment threw: the gripper is stuck", kTask}, [&] { fresh("reset throws")->reset(rng_); });
  expect_error(Exit::kDiverged, {"reset: obs[1] is nan", kTask}, [&] { fresh("reset nan")->reset(rng_); });
  const auto env = fresh("save throws");
  env->reset(rng_);
  StateWriter out;
  EXPECT_TRUE(env->can_save());
  expect_error(Exit::kMachine, {"save: the environment threw: no state"}, [&] { env->save(out); });
  EXPECT_FALSE(env->can_save());
  register_env({.id = "Nothing-v0", .obs_size = 1, .action_size = 1, .max_episode_steps = 1},
               [](const EnvSpec&) -> std::unique_ptr<Env> { return nullptr; });
  expect_error(Exit::kUsage, {"no environment was returned", "Nothing-v0"}, [] { make_env({.id = "Nothing-v0"}); });
  expect_error(Exit::kUsage, {"nothing makes this task"}, [] { register_env({.id = "Empty-v0"}, nullptr); });
}

TEST_F(Checked, ATaskWithoutSaveIsOneThatCannotBeSaved) {
  Faulty::saves = false;
  const auto env = fresh();
  env->reset(rng_);
  EXPECT_FALSE(env->can_save());
  StateWriter out;
  expect_error(Exit::kUsage, {"cannot be saved", kTask}, [&] { env->save(out); });
  expect_error(Exit::kUsage, {"cannot be set", kTask}, [&] { env->set_state({}, {}, {}); });
}

TEST_F(Checked, SavesAndRestoresInTheMiddleOfAnEpisode) {
  const auto one = fresh(), other = fresh();
  one->reset(rng_), one->step(zero_), one->step(zero_);
  StateWriter out;
  one->save(out);
  StateReader in(out.bytes(), "memory");
  other->load(in);
  EXPECT_TRUE(in.done());
  EXPECT_EQ(other->obs()[0], 2);
  for (int i = 3; i <= 6; ++i) EXPECT_EQ(other->step(zero_).truncated, i == 6) << "the time limit goes on where it was";
}

// the same for every task, whoever wrote it
TEST_F(Checked, StepsAndActionsThatCannotBe) {
  for (const char* id : {kTask, "PointMaze_UMaze-v3", "HalfCheetah-v4"}) {
    SCOPED_TRACE(id);
    const auto env = make_env({.id = id, .max_episode_steps = 2});
    std::vector<double> action(static_cast<std::size_t>(env->spec().action_size));
    expect_error(Exit::kUsage, {"step: no episode is under way", id, "reset"}, [&] { env->step(action); });
    env->reset(rng_);
    auto longer = action;
    longer.push_back(0);
    expect_error(Exit::kUsage, {"action has", id}, [&] { env->step(longer); });
    auto bad = action;
    bad[0] = kNan;
    expect_error(Exit::kUsage, {"action[0] is nan", id}, [&] { env->step(bad); });
    EXPECT_FALSE(env->step(action).truncated);
    EXPECT_TRUE(env->step(action).truncated);
    expect_error(Exit::kUsage, {"step: no episode is under way", id}, [&] { env->step(action); });
  }
}

TEST_F(Checked, VectorEnvNamesTheTaskAndChecksItsIndices) {
  Faulty::fault = "number";
  VectorEnv many({.id = kTask}, 3, 0, 2);
  const std::vector<double> actions(3, 0.0);
  many.reset(), many.step(actions), many.step(actions);
  expect_error(Exit::kMachine, {"step 3 of the episode", kTask}, [&] { many.step(actions); });
  expect_error(Exit::kUsage, {"no environment 3"}, [&] { many.env(3); });
  expect_error(Exit::kUsage, {"no environment -1"}, [&] { many.env(-1); });
}

TEST_F(Checked, SpecsStayWhereTheyAre) {
  const EnvSpec& before = env_spec(kTask);
  const EnvSpec* const first = &env_specs().front();
  for (int i = 0; i < 100; ++i)
    register_env({.id = "Many" + std::to_string(i) + "-v0", .obs_size = 1, .action_size = 1, .max_episode_steps = 1},
                 [](const EnvSpec& spec) { return std::make_unique<Faulty>(spec); });
  EXPECT_EQ(&env_spec(kTask), &before);
  EXPECT_EQ(before.id, kTask);
  EXPECT_EQ(&env_specs().front(), first);
}

}  // namespace
}  // namespace warmstart
