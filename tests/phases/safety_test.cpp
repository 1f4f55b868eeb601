// Limits on actions, budgets and the stop file: what is done is what is recorded, and a stopped run goes on to the same bits.
#include <algorithm>
#include <cmath>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

std::vector<float> filtered(ActionFilter& filter, std::vector<float> action) {
  filter.apply(action);
  return action;
}

TEST(ActionFilter, HandComputed) {
  ActionFilter smooth({.smoothing = 0.5}, 1);
  EXPECT_EQ(filtered(smooth, {1}), std::vector<float>{0.5f});
  EXPECT_EQ(filtered(smooth, {1}), std::vector<float>{0.75f});
  smooth.begin_episode();
  EXPECT_EQ(filtered(smooth, {1}), std::vector<float>{0.5f}) << "an episode begins at rest";

  ActionFilter box({.action_low = {-0.25, 0.5}, .action_high = {0.75}}, 2);
  EXPECT_EQ(filtered(box, {-1, 0}), (std::vector<float>{-0.25f, 0.5f}));
  EXPECT_EQ(filtered(box, {0.5, 1}), (std::vector<float>{0.5f, 0.75f}));

  // rest is the box's nearest value to 0: 0.5; both limits hold at once
  ActionFilter slow({.action_low = {0.5}, .max_action_change = {0.125}}, 1);
  EXPECT_EQ(filtered(slow, {1}), std::vector<float>{0.625f});
  EXPECT_EQ(filtered(slow, {1}), std::vector<float>{0.75f});
  EXPECT_EQ(filtered(slow, {-1}), std::vector<float>{0.625f});
  EXPECT_EQ(filtered(slow, {-1}), std::vector<float>{0.5f});
  EXPECT_EQ(filtered(slow, {-1}), std::vector<float>{0.5f});
}

TEST(ActionFilter, OffLeavesEveryBit) {
  ActionFilter off({}, 3);
  const auto out = filtered(off, {-0.0f, 3.5f, 1e-30f});
  EXPECT_TRUE(std::signbit(out[0]));
  EXPECT_EQ(out, (std::vector<float>{-0.0f, 3.5f, 1e-30f}));
}

TEST(ActionFilter, RefusesWhatCannotWork) {
  const auto refused = [](const std::vector<Override>& keys, const std::vector<std::string>& parts) {
    expect_error(Exit::kUsage, parts, [&] { parse_recipe("[pretrain]\nsteps = 0\n", "r", keys); });
  };
  refused({{"safety.action_low", "0.1,0.2,0.3"}}, {"3 numbers for 2", "safety.action_low"});
  refused({{"safety.action_low", "0.5"}, {"safety.action_high", "0.5"}}, {"no inside", "safety.action_high"});
  refused({{"safety.action_high", "-1"}}, {"no inside"});
  refused({{"safety.max_action_change", "0.1,0"}}, {"never change", "safety.max_action_change"});
  refused({{"safety.smoothing", "1"}}, {"out of range", "safety.smoothing"});
  refused({{"safety.action_low", "low"}}, {"wrong type", "a number or a list of numbers"});
}

class Safe : public testing::Test {
 protected:
  const std::vector<Override> limits = {{"safety.action_low", "-0.5"},
                                        {"safety.action_high", "0.25,0.5"},
                                        {"safety.max_action_change", "0.125"},
                                        {"safety.smoothing", "0.25"}};
  std::vector<Override> with(std::vector<Override> more) const {
    more.insert(more.end(), limits.begin(), limits.end());
    return more;
  }
  TemporaryFolder folder;
};

TEST_F(Safe, TheBufferHoldsWhatWasDone) {
  warmstart::Run run(tiny_recipe(folder, limits), options_in(folder / "run"));
  train(run);
  float before[2] = {0, 0}, largest = 0;
  bool begins = true;
  int row = 0;
  for (std::size_t i = 0; i < run.buffer->stored(); ++i, ++row) {
    const Transition t = run.buffer->at(i);
    if (row == 40) row = 0, begins = true;  // the time limit: nothing else ends an episode of this run, as the next check shows
    for (int k = 0; k < 2; ++k) {
      EXPECT_GE(t.action[k], -0.5f);
      EXPECT_LE(t.action[k], k == 0 ? 0.25f : 0.5f);
      const float change = std::abs(t.action[k] - (begins ? 0.0f : before[k]));
      EXPECT_LE(change, 0.125f + 1e-6f) << i;
      largest = std::max(largest, change), before[k] = t.action[k];
    }
    begins = false;
  }
  for (const MetricsRow& r : read_metrics(folder / "run"))
    if (r.kind == "episode") {
      EXPECT_EQ(r.values[2].second, 40);
    }
  EXPECT_GT(largest, 0.12f) << "the limit was never met: this test sees nothing";
}

TEST_F(Safe, EvaluationOfTheFileActsAsTheRunDid) {
  // dense rewards, so that every action counts
  const auto keys = with({{"env.id", "PointMaze_UMazeDense-v3"}, {"warm_up.steps", "0"}, {"finetune.steps", "0"}});
  warmstart::Run run(tiny_recipe(folder, keys), options_in(folder / "run"));
  train(run);
  const double seen = read_metrics(folder / "run").back().values[0].second;
  const AgentFile file = read_agent_file(folder / "run" / "final.safetensors");
  const auto play = [&](const SafetyConfig& safety) {
    const auto env = make_env(file.recipe.env);
    Policy policy(std::make_shared<Actor>(file.agent.actor), Rng(0, ""));
    return evaluate(*env, policy, 2, 1000, {.safety = safety}).return_mean;
  };
  EXPECT_EQ(play(file.recipe.safety), seen);
  EXPECT_NE(play({}), seen);
}

TEST_F(Safe, AnEpisodeRestoredInItsMiddleGoesOnAlike) {
  const Recipe recipe = tiny_recipe(folder, limits);
  const auto source = [&] { return LocalExperience(make_env(recipe.env), Rng(1, "e"), recipe.safety); };
  Policy policy(std::make_shared<Actor>(fresh_agent(recipe).actor), Rng(2, "p"));
  LocalExperience first = source(), second = source();
  for (int i = 0; i < 7; ++i) first.next(policy);
  StateWriter out;
  first.save(out);
  StateReader in(out.bytes(), "state");
  second.load(in);
  EXPECT_TRUE(in.done());
  Policy again = policy;
  for (int i = 0; i < 60; ++i) {
    const Experience a = first.next(policy), b = second.next(again);
    EXPECT_TRUE(std::equal(a.action.begin(), a.action.end(), b.action.begin())) << i;
  }
}

class Stop : public Safe {
 protected:
  /// Runs until the end or a stop, and says which: "done", "budget" or "interrupted".
  std::string go(const std::string& name, const std::vector<Override>& keys, bool resume = false) {
    RunOptions options = options_in(folder / name);
    options.resume = resume;
    warmstart::Run run(tiny_recipe(folder, with(keys)), options);
    steps = 0;
    try {
      const bool done = train(run);
      EXPECT_EQ(done, run.stopped().empty());
      if (done) return "done";
      text = run.stopped(), steps = run.state.online_steps;
      return "budget";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kInterrupted);
      text = e.what();
      return "interrupted";
    }
  }
  void expect_same(const std::string& a, const std::string& b) {
    for (const char* name : {"metrics.jsonl", "metrics.csv"}) EXPECT_EQ(read_text(folder / a / name), read_text(folder / b / name)) << name;
    AgentFile one = read_agent_file(folder / a / "final.safetensors"), other = read_agent_file(folder / b / "final.safetensors");
    EXPECT_EQ(numbers(one.agent), numbers(other.agent));
  }
  std::string status(const std::string& name) {
    const std::string info = read_text(folder / name / "run.json");
    const auto at = info.find("\"status\": \"") + 11;
    return info.substr(at, info.find('"', at) - at);
  }
  std::string text;
  std::int64_t steps = 0;
};

TEST_F(Stop, AStepBudgetEndsTheRunSavedAndMoreGoesOn) {
  EXPECT_EQ(go("whole", {}), "done");
  EXPECT_EQ(go("run", {{"run.max_steps", "37"}}), "budget");
  EXPECT_EQ(steps, 37);
  EXPECT_NE(text.find("37 environment steps (run.max_steps)"), std::string::npos) << text;
  EXPECT_EQ(status("run"), "stopped");
  EXPECT_EQ(go("run", {{"run.max_steps", "37"}}, true), "budget") << "no step more than the budget";
  EXPECT_EQ(steps, 37);
  EXPECT_EQ(go("run", {{"run.max_steps", "56"}}, true), "done") << "a budget that is just enough";
  expect_same("whole", "run");
}

TEST_F(Stop, ATimeBudgetEndsTheRunSaved) {
  EXPECT_EQ(go("whole", {}), "done");
  int stops = 0;
  std::string end = go("run", {{"run.max_seconds", "1e-9"}});
  for (; end == "budget" && stops < 25; ++stops) end = go("run", {{"run.max_seconds", "1e-9"}}, true);
  EXPECT_EQ(end, "budget") << "an evaluation never ends in no time";
  EXPECT_NE(text.find("run.max_seconds"), std::string::npos) << text;
  EXPECT_EQ(go("run", {}, true), "done");
  expect_same("whole", "run");
}

TEST_F(Stop, AStopFileEndsTheRunWithinAStepAndIsTakenAway) {
  EXPECT_EQ(go("whole", {}), "done");
  folder.write("run/STOP", "");
  EXPECT_EQ(go("run", {}), "interrupted");
  EXPECT_NE(text.find("file STOP"), std::string::npos) << text;
  EXPECT_NE(text.find("step 1)"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(folder / "run" / "STOP"));
  EXPECT_EQ(status("run"), "interrupted");
  EXPECT_EQ(go("run", {}, true), "done");
  expect_same("whole", "run");
}

TEST_F(Stop, InTheMiddleOfAnEvaluationItBeginsAnew) {
  const std::vector<Override> often = {{"eval.every", "20"}, {"eval.pretrain_every", "10"}};
  const auto keys = [&](const char* key, const char* value) {
    std::vector<Override> all = often;
    all.emplace_back(key, value);
    return all;
  };
  EXPECT_EQ(go("whole", often), "done");
  // without time, every process makes one step, and no evaluation ends
  for (int i = 0; i < 12; ++i) EXPECT_EQ(go("run", keys("run.max_seconds", "1e-9"), true), "budget");
  EXPECT_NE(text.find("pretrain, step 10:"), std::string::npos) << text;
  EXPECT_EQ(go("run", keys("run.max_steps", "39"), true), "budget");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(go("run", keys("run.max_seconds", "1e-9"), true), "budget");
  EXPECT_NE(text.find("finetune, step 40:"), std::string::npos) << text;
  EXPECT_EQ(go("run", often, true), "done");
  expect_same("whole", "run");
}

}  // namespace
}  // namespace warmstart
