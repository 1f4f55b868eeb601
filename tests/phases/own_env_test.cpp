// A task of a program's own that fails while it is trained on, evaluated or recorded: the run is saved, the error names call, step and
// task, and the run goes on when the task is mended. And budgets, which end a run without an exception.
#include <cmath>
#include <limits>
#include <utility>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

constexpr const char* kTask = "OwnLine-v0";

/// A point on a line; in its `fails_at`-th step of all environments together it does what `fault` says.
class Line : public Env {
 public:
  static inline std::string fault;
  static inline long steps = 0, fails_at = 0;
  static inline bool saves = true;
  static inline double jump = 0;  ///< largest change of the action between two steps, from 0 in an episode's first

  explicit Line(const EnvSpec& spec) : spec_(spec) {}
  const EnvSpec& spec() const override { return spec_; }
  void reset(Rng& rng) override { obs_ = {rng.uniform(-1, 1), 0}, elapsed_ = 0, last_ = 0; }
  Step step(std::span<const double> action) override {
    jump = std::max(jump, std::abs(action[0] - std::exchange(last_, action[0])));
    obs_[1] = action[0], obs_[0] += 0.1 * action[0];
    Step s{.reward = -std::abs(obs_[0]), .truncated = ++elapsed_ >= spec_.max_episode_steps};
    if (++steps != fails_at) return s;
    if (fault == "exception") throw std::runtime_error("lost the point");
    if (fault == "number") throw 42;
    if (fault == "nan") obs_[0] = std::numeric_limits<double>::quiet_NaN();
    if (fault == "reward") s.reward = std::numeric_limits<double>::infinity();
    return s;
  }
  std::span<const double> obs() const override { return obs_; }
  void save(StateWriter& out) const override {
    if (!saves) return Env::save(out);
    out.put(obs_), out.put(elapsed_);
  }
  void load(StateReader& in) override { in.get(obs_), in.get(elapsed_); }

 private:
  EnvSpec spec_;
  std::vector<double> obs_ = {0, 0};
  int elapsed_ = 0;
  double last_ = 0;
};

class OwnEnv : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    register_env({.id = kTask, .obs_size = 2, .action_size = 1, .max_episode_steps = 10},
                 [](const EnvSpec& spec) { return std::make_unique<Line>(spec); });
  }
  void SetUp() override { Line::fault.clear(), Line::steps = Line::fails_at = 0, Line::saves = true, Line::jump = 0; }

  Recipe recipe(std::vector<Override> keys = {}) {
    for (const auto& [key, value] : std::vector<Override>{{"env.id", kTask},
                                                          {"env.max_episode_steps", "0"},
                                                          {"env.reward_scale", "1"},
                                                          {"env.reward_bias", "0"},
                                                          {"data.sparse_reward", "false"},
                                                          {"collect.policy", "random"},
                                                          {"collect.noise", "0"},
                                                          {"collect.steps", "100"}})
      keys.insert(keys.begin(), {key, value});
    return tiny_recipe(folder, keys);
  }
  RunOptions options(const std::string& name, bool resume = false) {
    RunOptions o = options_in(folder / name);
    o.resume = resume;
    return o;
  }
  /// A run whose task fails in the 13th step of fine-tuning, behind 30 + 1 of warmup.
  void fails_and_goes_on(const std::string& fault, Exit code, const std::string& words) {
    SCOPED_TRACE(fault);
    {
      warmstart::Run run(recipe(), options(fault));
      pretrain(run), warmup(run);
      Line::fault = fault, Line::fails_at = Line::steps + 13;
      expect_error(code, {"step", words, kTask, "of the episode", "the run is saved: finetune, step 43", "--resume"},
                   [&] { finetune(run); });
    }
    EXPECT_EQ(run_status(folder / fault), "failed");
    Line::fails_at = 0;
    warmstart::Run again(recipe(), options(fault, true));
    EXPECT_TRUE(again.resumed());
    EXPECT_TRUE(train(again));
    EXPECT_TRUE(fs::exists(folder / fault / "final.safetensors"));
  }

  TemporaryFolder folder;
};

TEST_F(OwnEnv, AFailureOnlineSavesTheRun) {
  fails_and_goes_on("exception", Exit::kMachine, "the environment threw: lost the point");
  fails_and_goes_on("number", Exit::kMachine, "no std::exception");
  fails_and_goes_on("nan", Exit::kDiverged, "obs[0] is nan");
  fails_and_goes_on("reward", Exit::kDiverged, "reward is inf");
}

TEST_F(OwnEnv, AFailureInAnEvaluationSavesTheRun) {
  {
    warmstart::Run run(recipe(), options("run"));
    Line::fault = "number", Line::fails_at = Line::steps + 5;  // the evaluation after pre-training is the first to step
    expect_error(Exit::kMachine, {"no std::exception", kTask, "step 5 of the episode", "the run is saved: pretrain, step 20"},
                 [&] { train(run); });
  }
  EXPECT_EQ(run_status(folder / "run"), "failed");
  Line::fails_at = 0;
  warmstart::Run again(recipe(), options("run", true)), whole(recipe(), options("whole"));
  EXPECT_TRUE(train(again));
  EXPECT_TRUE(train(whole));
  AgentFile one = read_agent_file(folder / "run" / "final.safetensors"), other = read_agent_file(folder / "whole" / "final.safetensors");
  EXPECT_EQ(numbers(one.agent), numbers(other.agent)) << "nothing was lost";
}

TEST_F(OwnEnv, AFailureInRecordingNamesTheStep) {
  Line::fault = "number", Line::fails_at = 17;
  expect_error(Exit::kMachine, {"no std::exception", kTask, "step 7 of the episode"}, [&] { warmstart::Run(recipe(), options("run")); });
  EXPECT_FALSE(fs::exists(folder / "data.hdf5")) << "half a dataset is none";
}

TEST_F(OwnEnv, LimitsHoldWhereATaskThatCannotBeSavedIsRecorded) {
  const std::vector<Override> limits = {{"safety.max_action_change", "0.1"}};
  warmstart::Run(recipe(limits), options("simulated"));
  EXPECT_GT(Line::jump, 0.5) << "data of a simulation do not depend on the run that asks for them";
  fs::remove(folder / "data.hdf5");
  Line::saves = false, Line::jump = 0;
  warmstart::Run run(recipe(limits), options("machine"));
  EXPECT_EQ(Line::steps, 200) << "both recorded 100 steps";
  EXPECT_NEAR(Line::jump, 0.1, 1e-6);
}

TEST_F(OwnEnv, WithoutSaveARunGoesOnWithANewEpisode) {
  Line::saves = false;
  {
    warmstart::Run run(recipe({{"run.max_steps", "33"}}), options("run"));
    EXPECT_FALSE(run.source && run.source->can_save());
    EXPECT_FALSE(train(run));
  }
  warmstart::Run again(recipe(), options("run", true));
  EXPECT_TRUE(train(again));
  EXPECT_EQ(again.state.online_steps, again.warm_up_steps() + 25);
}

// what the shipped examples do when a budget ends the run: nothing is thrown, whichever phase it is
TEST_F(OwnEnv, ABudgetIsAnOutcome) {
  warmstart::Run run(recipe({{"run.max_steps", "12"}}), options("run"));
  pretrain(run);
  EXPECT_EQ(run.stopped(), "");
  EXPECT_NO_THROW(warmup(run));
  EXPECT_NE(run.stopped().find("12 environment steps (run.max_steps) in warmup"), std::string::npos) << run.stopped();
  EXPECT_EQ(run.state.online_steps, 12);
  EXPECT_NO_THROW(finetune(run));
  EXPECT_FALSE(train(run)) << "a stopped run stays stopped";
  EXPECT_EQ(run.state.online_steps, 12);
  EXPECT_FALSE(run.finished());
  EXPECT_EQ(run_status(folder / "run"), "stopped");
}

TEST_F(OwnEnv, ARecipeThatAProgramFilledIsChecked) {
  Recipe bad = recipe();
  bad.retention.mode = "mixd";
  expect_error(Exit::kUsage, {"unknown value \"mixd\"", "retention.mode", "mixed"}, [&] { warmstart::Run(bad, options("run")); });
  bad = recipe(), bad.agent.tau = 7;
  expect_error(Exit::kUsage, {"agent.tau", "out of range"}, [&] { warmstart::Run(bad, options("run")); });
  Rng rng(0, "");
  Policy policy(std::make_shared<Actor>(ActorCritic({}, 2, 1, 1, 1, rng).actor), rng);
  expect_error(Exit::kUsage, {"0 episodes", "at least 1"}, [&] { evaluate(*make_env({.id = kTask}), policy, 0, 0); });
  expect_error(Exit::kUsage, {"RunOptions::folder"}, [&] { warmstart::Run(recipe(), {}); });
}

}  // namespace
}  // namespace warmstart
