// What watches a run: the diagnostics in its metrics, automatic warm-up, roll-back, and that none of it breaks a resume.
#include <cmath>
#include <map>
#include <set>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

class Watch : public testing::Test {
 protected:
  Recipe recipe(const std::vector<Override>& overrides = {}) { return tiny_recipe(folder, overrides); }
  std::vector<MetricsRow> rows_of(const std::string& run, const std::string& kind) {
    std::vector<MetricsRow> out;
    for (const MetricsRow& row : read_metrics(folder / run))
      if (row.kind == kind) out.push_back(row);
    return out;
  }
  static double value(const MetricsRow& row, const std::string& name) {
    for (const auto& [n, v] : row.values)
      if (n == name) return v;
    return std::nan("");
  }
  /// Interrupts the run at `row`-th row of metrics from its start, resumes it, and so on until it is done.
  void train_in_pieces(const Recipe& r, const std::string& name, int every) {
    for (bool done = false; !done;) {
      RunOptions options = options_in(folder / name);
      options.resume = true;
      int rows = 0;
      options.on_metrics = [&](const MetricsRow&) { stop_requested() = ++rows >= every; };
      try {
        warmstart::Run run(r, options);
        train(run);
        done = true;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), Exit::kInterrupted) << error.what();
      }
      stop_requested() = false;
    }
  }
  TemporaryFolder folder;
};

// A start that is worth something, and a learner that is paid for running away from the goal.
const std::vector<Override> kCollapse = {{"env.id", "PointMaze_UMazeDense-v3"},
                                         {"env.max_episode_steps", "100"},
                                         {"env.reward_scale", "-10"},
                                         {"env.reward_bias", "0"},
                                         {"data.sparse_reward", "false"},
                                         {"collect.noise", "0.1"},
                                         {"network.actor_hidden", "16"},
                                         {"pretrain.agent", "bc"},
                                         {"pretrain.steps", "300"},
                                         {"finetune.initialise", "policy"},
                                         {"agent.actor_lr", "0.02"},
                                         {"agent.critic_lr", "0.01"},
                                         {"agent.tau", "0.1"},
                                         {"agent.initial_temperature", "0.01"},
                                         {"finetune.utd", "4"},
                                         {"finetune.steps", "120"},
                                         {"eval.every", "10"},
                                         {"monitor.warm_up_steps", "7"},
                                         {"monitor.roll_back", "true"}};

TEST_F(Watch, MeasuresEveryPhase) {
  warmstart::Run run(recipe(), options_in(folder / "run"));
  train(run);
  std::map<std::string, std::set<std::int64_t>> steps;
  for (const MetricsRow& row : rows_of("run", "diagnostics")) {
    steps[row.phase].insert(row.step);
    for (const auto& [name, v] : row.values) EXPECT_TRUE(std::isfinite(v)) << name;
  }
  EXPECT_EQ(steps["pretrain"], (std::set<std::int64_t>{10, 20}));
  EXPECT_EQ(steps["warmup"], (std::set<std::int64_t>{0, 31}));
  EXPECT_EQ(steps["finetune"], (std::set<std::int64_t>{40, 50}));
  const MetricsRow last = rows_of("run", "diagnostics").back(), start = rows_of("run", "diagnostics")[2];
  EXPECT_EQ(value(start, "kl_offline"), 0) << "nothing has moved yet";
  for (const char* name : {"kl_offline", "kl_warmup", "kl_online", "action_distance_warmup"}) EXPECT_GT(value(last, name), 0) << name;
  EXPECT_TRUE(std::isnan(value(start, "chatter_warmup")));
  EXPECT_FALSE(std::isnan(value(last, "chatter_warmup"))) << "known from the end of the warm-up on";
}

TEST_F(Watch, AnAutomaticWarmUpNeedsAPretrainedCritic) {
  expect_error(Exit::kUsage, {"nothing was pre-trained", "warm_up.steps", "pretrain.steps"}, [&] {
    warmstart::Run run(recipe({{"warm_up.steps", "auto"}, {"pretrain.steps", "0"}}), options_in(folder / "run"));
  });
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(Watch, AWarmUpWithoutSuccessIsSaidOnceUnlessDataAreKept) {
  for (const char* mode : {"none", "mixed"}) {
    warmstart::Run run(recipe({{"retention.mode", mode}}), options_in(folder / mode));
    train(run);
    std::vector<std::int64_t> steps;
    for (const MetricsRow& row : rows_of(mode, "monitor"))
      if (value(row, "no_reward") == 1) steps.push_back(row.step);
    EXPECT_EQ(steps, std::string(mode) == "none" ? std::vector<std::int64_t>{31} : std::vector<std::int64_t>{}) << mode;
  }
}

TEST_F(Watch, TheOfflineRowsComeAlongWithTheStart) {
  warmstart::Run start(recipe(), options_in(folder / "start"));
  pretrain(start);
  RunOptions options = options_in(folder / "apart");
  options.from = folder / "start" / "pretrained.safetensors";
  fs::remove(folder / "data.hdf5");  // no dataset is needed from here on
  Recipe r = recipe();
  r.data.collect = false;
  warmstart::Run apart(r, options);
  train(apart);
  EXPECT_TRUE(std::isfinite(value(rows_of("apart", "diagnostics").back(), "q_offline")));

  options.folder = folder / "silent";
  r.diagnostics.on = false;
  warmstart::Run silent(r, options);
  train(silent);
  EXPECT_TRUE(rows_of("silent", "diagnostics").empty());
  EXPECT_EQ(numbers(silent.agent->state()), numbers(apart.agent->state())) << "watching changes nothing";
}

TEST_F(Watch, AnAutomaticWarmUpEndsWhenTheErrorStands) {
  const std::vector<Override> automatic = {{"warm_up.steps", "auto"}, {"warm_up.window", "8"}, {"warm_up.max_steps", "200"}};
  warmstart::Run run(recipe(automatic), options_in(folder / "run"));
  pretrain(run), warmup(run);
  const auto looks = rows_of("run", "warm_up");
  const std::int64_t steps = run.warm_up_steps();
  ASSERT_GE(looks.size(), 3u);
  EXPECT_EQ(steps, 8 * static_cast<std::int64_t>(looks.size()));
  EXPECT_EQ(run.buffer->stored(), static_cast<std::size_t>(steps));
  EXPECT_GE(steps, 40) << "an episode must have ended";
  // the rule, from the numbers that were logged
  double sum = 0;
  std::vector<double> mean;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    sum += value(looks[i], "td_error");
    mean.push_back(sum / static_cast<double>(i + 1));
    EXPECT_NEAR(value(looks[i], "td_error_so_far"), mean.back(), 1e-12);
  }
  const auto steady = [&](std::size_t i) { return std::abs(mean[i] - mean[i - 1]) <= 0.05 * mean[i - 1]; };
  const std::size_t n = mean.size();
  EXPECT_TRUE(steady(n - 1) && steady(n - 2));
  for (std::size_t i = 2; i + 1 < n; ++i)
    if (looks[i].step > 40) {
      EXPECT_FALSE(steady(i) && steady(i - 1)) << "it should have ended at " << looks[i].step;
    }
  finetune(run);
  EXPECT_EQ(run.state.online_steps, steps + 25);
  EXPECT_NE(read_text(folder / "run" / "run.json").find("\"warm_up_steps\": " + std::to_string(steps)), std::string::npos);

  train_in_pieces(recipe(automatic), "pieces", 2);
  EXPECT_EQ(read_text(folder / "pieces" / "metrics.jsonl"), read_text(folder / "run" / "metrics.jsonl"));
}

TEST_F(Watch, AnAutomaticWarmUpNeedsACritic) {
  try {
    recipe({{"warm_up.steps", "auto"}, {"pretrain.agent", "bc"}, {"finetune.initialise", "policy"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kUsage);
    EXPECT_NE(std::string(error.what()).find("warm_up.steps"), std::string::npos) << error.what();
  }
}

TEST_F(Watch, ACollapseIsRolledBackWhenAsked) {
  warmstart::Run run(recipe(kCollapse), options_in(folder / "run"));
  train(run);
  std::set<std::string> seen;
  std::vector<std::pair<std::int64_t, double>> backs;
  for (const MetricsRow& row : rows_of("run", "monitor")) {
    seen.insert(row.values[0].first);
    if (row.values[0].first == "rolled_back_to") backs.emplace_back(row.step, row.values[0].second);
  }
  EXPECT_TRUE(seen.contains("plateau"));
  ASSERT_FALSE(backs.empty());
  EXPECT_LE(backs.size(), 3u);
  // back to the best evaluation so far
  double best = -1;
  std::int64_t at = -1;
  for (const MetricsRow& row : read_metrics(folder / "run"))
    if ((row.kind == "eval" || row.kind == "switch") && row.phase != "pretrain" && row.step <= backs[0].first &&
        value(row, "return_mean") >= best)
      best = value(row, "return_mean"), at = row.step;
  EXPECT_EQ(backs[0].second, static_cast<double>(at));

  auto at_once = kCollapse;
  at_once[at_once.size() - 2].second = "0";
  warmstart::Run eager(recipe(at_once), options_in(folder / "eager"));
  train(eager);
  EXPECT_EQ(run.state.updates, 120 - 7 * static_cast<std::int64_t>(backs.size())) << "it warms up again before it learns on";
  EXPECT_EQ(eager.state.updates, 120);

  train_in_pieces(recipe(kCollapse), "pieces", 3);
  EXPECT_EQ(read_text(folder / "pieces" / "metrics.jsonl"), read_text(folder / "run" / "metrics.jsonl"));

  auto unasked = kCollapse;
  unasked.back().second = "false";
  warmstart::Run without(recipe(unasked), options_in(folder / "without"));
  train(without);
  for (const MetricsRow& row : rows_of("without", "monitor")) EXPECT_NE(row.values[0].first, "rolled_back_to");
  EXPECT_NE(numbers(without.agent->state()), numbers(run.agent->state()));
}

}  // namespace
}  // namespace warmstart
