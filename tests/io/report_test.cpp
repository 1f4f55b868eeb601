#include "warmstart/io/report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report_runs.h"

namespace warmstart {
namespace {

// ---- statistics ----

TEST(ReportStats, OutcomeOfARun) {
  const Outcome o = outcome(in_memory(story(0.9)), "success_rate");
  EXPECT_EQ(o.before, 0.5);
  EXPECT_EQ(o.lowest, 0.2);
  EXPECT_EQ(o.last, 0.9);
  EXPECT_DOUBLE_EQ(*o.drop, 0.6);
  EXPECT_EQ(o.forgotten, false);
  EXPECT_EQ(o.recovered_at, 200);
}

TEST(ReportStats, StepsToRecover) {
  EXPECT_FALSE(outcome(in_memory(story(0.44)), "success_rate").recovered_at);
  auto rows = story(0.9);
  rows.insert(rows.end() - 1, eval("finetune", 150, 0.45, 45));  // the first one back at 90% counts, not the last
  EXPECT_EQ(outcome(in_memory(rows), "success_rate").recovered_at, 150);
  const RunFiles steady = in_memory({eval("warmup", 0, 0.5, 1, "switch"), eval("finetune", 70, 0.46, 1), eval("finetune", 90, 0.6, 1)});
  EXPECT_EQ(outcome(steady, "success_rate").recovered_at, 0);  // never below 90%
  const RunFiles a = in_memory(story(0.9)), b = in_memory(story(0.1)), c = in_memory(rows);
  const GroupOutcome o = outcome(RunGroup{"g", {&a, &b, &c}}, "success_rate");
  EXPECT_EQ(o.recovered_at.count, 2);  // of the three, those that recovered
  EXPECT_EQ(o.recovered_at.mean, 175);
  EXPECT_EQ(o.forgotten, 1);
}

TEST(ReportStats, RunningMean) {
  const Series points = {{1, 2}, {5, 4}, {9, 9}, {10, 1}}, means = running_mean(points, 3);
  ASSERT_EQ(means.size(), 4u);
  EXPECT_EQ(means[0].value, 2);
  EXPECT_EQ(means[1].value, 3);
  EXPECT_EQ(means[2].value, 5);
  EXPECT_DOUBLE_EQ(means[3].value, 14.0 / 3);
  EXPECT_EQ(means[3].step, 10);
}

TEST(ReportStats, ForgottenMeansNeverBackToNineTenths) {
  EXPECT_EQ(outcome(in_memory(story(0.44)), "success_rate").forgotten, true);
  EXPECT_EQ(outcome(in_memory(story(0.46)), "success_rate").forgotten, false);
  // high before the lowest point does not count as recovery
  auto rows = story(0.2);
  rows.insert(rows.end() - 3, eval("finetune", 50, 0.5, 50));
  EXPECT_EQ(outcome(in_memory(rows), "success_rate").forgotten, true);
  // back for a moment counts
  rows.push_back(eval("finetune", 300, 0.5, 50));
  rows.push_back(eval("finetune", 400, 0.1 + 0.2, 30));
  EXPECT_EQ(outcome(in_memory(rows), "success_rate").forgotten, false);
}

TEST(ReportStats, NegativeReturns) {
  const RunFiles run = in_memory({eval("warmup", 0, 0, -100, "switch"), eval("finetune", 1, 0, -150), eval("finetune", 2, 0, -109)});
  const Outcome o = outcome(run, "return_mean");
  EXPECT_DOUBLE_EQ(*o.drop, 0.5);
  EXPECT_EQ(o.forgotten, false);  // within 10% of the level's size
}

TEST(ReportStats, NothingBelowTheLevelIsNoDrop) {
  const RunFiles run = in_memory({eval("warmup", 0, 0.5, 1, "switch"), eval("finetune", 1, 0.6, 1)});
  EXPECT_EQ(outcome(run, "success_rate").drop, 0.0);
}

TEST(ReportStats, WhatIsMissingStaysMissing) {
  const Outcome offline = outcome(in_memory({eval("pretrain", 10, 0.25, 1)}), "success_rate");
  EXPECT_EQ(offline.before, 0.25);  // the last evaluation of pre-training
  EXPECT_FALSE(offline.lowest || offline.last || offline.drop || offline.forgotten);
  const Outcome from_zero = outcome(in_memory({eval("warmup", 0, 0, 0, "switch"), eval("finetune", 1, 0.5, 5)}), "success_rate");
  EXPECT_FALSE(from_zero.drop);
  EXPECT_EQ(from_zero.last, 0.5);
  RunFiles told = in_memory({eval("finetune", 1, 0.5, 5)});
  told.at_switch = {{"success", 0.75}, {"return", 7}};
  EXPECT_EQ(outcome(told, "success_rate").before, 0.75);
  EXPECT_EQ(outcome(told, "return_mean").before, 7);
  EXPECT_FALSE(outcome(told, "normalized").before);
}

TEST(ReportStats, NotANumberIsLeftOut) {
  const RunFiles run = in_memory({eval("warmup", 0, 0.5, 1, "switch"), eval("finetune", 1, std::nan(""), 1), eval("finetune", 2, 0.4, 1)});
  const Outcome o = outcome(run, "success_rate");
  EXPECT_EQ(o.lowest, 0.4);
  EXPECT_EQ(evaluations(run, Scope::kOnline, "success_rate").size(), 2u);
}

TEST(ReportStats, BandUsesStepsThatAllSeedsHave) {
  const Band b = band({{{0, 1}, {10, 2}, {20, 3}}, {{0, 3}, {10, 6}}, {}});
  EXPECT_EQ(b.step, (std::vector<std::int64_t>{0, 10}));
  EXPECT_EQ(b.spread[1].mean, 4);
  EXPECT_EQ(b.spread[1].low, 2);
  EXPECT_EQ(b.spread[1].high, 6);
  EXPECT_EQ(b.spread[1].count, 2);
}

TEST(ReportStats, ARunWithoutAnUpdateComparesNothing) {
  RunFiles idle = in_memory(story(0.1));
  idle.updates = 0;
  EXPECT_TRUE(without_update(idle));
  const Outcome o = outcome(idle, "success_rate");
  EXPECT_EQ(o.before, 0.5);
  EXPECT_EQ(o.last, 0.1);
  EXPECT_FALSE(o.drop || o.fall || o.forgotten || o.recovered_at);
  RunFiles unknown = in_memory(story(0.1)), offline = in_memory({eval("pretrain", 10, 0.25, 1)});
  offline.updates = 0;  // nothing was to be learned online
  EXPECT_FALSE(without_update(unknown) || without_update(offline));
  EXPECT_TRUE(outcome(unknown, "success_rate").drop);
  const GroupOutcome both = outcome(RunGroup{"g", {&idle, &unknown}}, "success_rate");
  EXPECT_EQ(both.judged, 1);
  EXPECT_EQ(both.drop.count, 1);
  EXPECT_DOUBLE_EQ(both.fall.mean, 0.4);
}

TEST(ReportRuns, UpdatesAreThoseOfARunThatEnded) {
  const TemporaryFolder folder;
  write_run(folder / "done", story(0.9), {{"status", "done"}, {"updates", 0}});
  write_run(folder / "running", story(0.9), {{"status", "running"}, {"updates", 0}});  // what was so at its last checkpoint
  write_run(folder / "old", story(0.9), {{"status", "done"}});
  EXPECT_TRUE(without_update(read_run(folder / "done")));
  EXPECT_FALSE(read_run(folder / "running").updates);
  EXPECT_FALSE(read_run(folder / "old").updates);
}

TEST(ReportStats, HeadlineMetric) {
  const auto metric_of = [](const std::vector<RunFiles>& runs) { return headline_metric(by_task(runs).front()); };
  EXPECT_EQ(metric_of({in_memory({eval("finetune", 1, 0, 5)})}), "return_mean");
  EXPECT_EQ(metric_of({in_memory({eval("finetune", 1, 0.05, 5)})}), "success_rate");
  EXPECT_EQ(metric_of({in_memory({{"finetune", 1, "eval", {{"normalized", 60}}}})}), "normalized");
}

TEST(ReportStats, GroupsByLabelWithinATask) {
  std::vector<RunFiles> runs = {in_memory(story(1), "b", "0"), in_memory(story(1), "a", "0"), in_memory(story(1), "b", "1")};
  auto tasks = by_task(runs);
  ASSERT_EQ(tasks.size(), 1u);
  const auto groups = group_runs(tasks[0]);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].label, "b");
  EXPECT_EQ(groups[0].runs.size(), 2u);
  runs[0].env = "maze", runs[1].env = runs[2].env = "hopper";
  tasks = by_task(runs);
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].env, "maze");
  ASSERT_EQ(group_runs(tasks[0]).size(), 1u);
  EXPECT_EQ(group_runs(tasks[1])[1].label, "b");
  EXPECT_EQ(group_runs(tasks[1])[1].runs.size(), 1u);
}

// ---- run folders ----

TEST(ReportRuns, ReadsAFolder) {
  const TemporaryFolder folder;
  write_run(folder / "run", story(0.9),
            {{"label", "WSRL"}, {"env", "Maze"}, {"seed", 7}, {"seconds", {{"pretrain", 1.5}}}, {"warm_up_steps", 50}, {"status", "done"}});
  const RunFiles run = read_run(folder / "run");
  EXPECT_EQ(run.label, "WSRL");
  EXPECT_EQ(run.env, "Maze");
  EXPECT_EQ(run.seed, "7");
  EXPECT_EQ(run.seconds.at("pretrain"), 1.5);
  EXPECT_EQ(run.warm_up_steps, 50);
  EXPECT_EQ(run.rows.size(), 6u);
}

TEST(ReportRuns, ToleratesWhatIsAbsent) {
  const TemporaryFolder folder;
  write_run(folder / "bare", story(0.9));
  EXPECT_EQ(read_run(folder / "bare").label, "bare");
  write_run(folder / "odd", story(0.9),
            {{"label", nullptr}, {"name", "n"}, {"seed", "three"}, {"seconds", 3}, {"switch", {{"return", "x"}}}, {"warm_up_steps", "x"}});
  const RunFiles odd = read_run(folder / "odd");
  EXPECT_EQ(odd.label, "n");
  EXPECT_TRUE(odd.seconds.empty());
  EXPECT_TRUE(odd.at_switch.empty());
}

TEST(ReportRuns, RefusesWhatIsNoRun) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of([&] { read_run(folder / "none"); }, Exit::kData).find("no such run folder"), std::string::npos);
  fs::create_directory(folder / "empty");
  EXPECT_NE(message_of([&] { read_run(folder / "empty"); }, Exit::kData).find("metrics.jsonl"), std::string::npos);
  message_of([&] { find_runs(folder / "empty"); }, Exit::kData);
  message_of([&] { find_runs(folder / "none"); }, Exit::kData);
  write_run(folder / "silent", {});
  EXPECT_NE(message_of([&] { read_run(folder / "silent"); }, Exit::kData).find("logged nothing"), std::string::npos);
  EXPECT_TRUE(read_run(folder / "silent", true).rows.empty());  // a live page waits for its first row
  write_run(folder / "bad", story(1));
  for (const char* text : {"{", "[]", "\xff"}) {
    spill(folder / "bad" / "run.json", text);
    EXPECT_NE(message_of([&] { read_run(folder / "bad"); }, Exit::kData).find("run.json"), std::string::npos);
  }
}

TEST(ReportRuns, ReadsTheTiming) {
  const TemporaryFolder folder;
  write_run(folder / "run", story(1));
  const auto row = [](int step, double seconds, double rate) {
    return fmt::format(R"({{"phase":"finetune","step":{},"seconds":{},"steps_per_second":{}}})", step, seconds, rate);
  };
  // the clock starts anew before step 60; the last row is still being written
  spill(folder / "run" / "timing.jsonl",
        row(20, 4, 5) + "\n" + row(40, 5, 8) + "\n" + row(60, 0.5, 40) + "\n" + row(80, 10.5, 9) + "\n" + row(90, 11, 9));
  const RunFiles run = read_run(folder / "run");
  const Series rates = speed(run, Scope::kOnline);
  ASSERT_EQ(rates.size(), 3u);
  EXPECT_EQ(rates[0].value, 5);   // from the beginning
  EXPECT_EQ(rates[1].value, 20);  // 20 steps in a second
  EXPECT_EQ(rates[2].step, 80);
  EXPECT_EQ(rates[2].value, 2);
  EXPECT_TRUE(speed(run, Scope::kPretrain).empty());
  spill(folder / "run" / "timing.jsonl", "{\n");
  EXPECT_NE(message_of([&] { read_run(folder / "run"); }, Exit::kData).find("timing.jsonl, line 1"), std::string::npos);
}

TEST(ReportRuns, FindsRunsBelowAFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"b/seed-1", "b/seed-0", "a"}) write_run(folder / name, story(1));
  fs::create_directories(folder / "c" / "other");
  const auto runs = find_runs(folder.path());
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0], folder / "a");
  EXPECT_EQ(runs[1], folder / "b/seed-0");
  EXPECT_EQ(find_runs(folder / "a").size(), 1u);
}

TEST(ReportTable, OneLineALabel) {
  std::vector<RunFiles> runs = {in_memory(story(0.9), "WSRL"), in_memory(story(0.3), "caf\u00e9, no warm-up", "0"),
                                in_memory(story(0.9), "caf\u00e9, no warm-up", "1")};
  runs[0].updates = runs[2].updates = 250, runs[1].updates = 0;
  EXPECT_EQ(summary_table(runs),
            "method            seeds  updates  before  lowest  final   drop  forgotten  recovered\n"
            "WSRL                  1      250   50.0%   20.0%  90.0%  60.0%         no        200\n"
            "caf\u00e9, no warm-up      2    0-250   50.0%   20.0%  60.0%  60.0%         no        200\n"
            "success rate, mean over seeds: at the switch, lowest and last evaluation after it; recovered: steps since the switch\n"
            "no update: caf\u00e9, no warm-up, seed 0 (memory): fine-tuning made not one update, its policy is the pre-trained one\n"
            "one seed: no spread can be told; a difference of that size may be chance\n");
  EXPECT_NE(summary_table({in_memory({eval("pretrain", 1, 0, -3.25)})}).find("-3.25       -      -     -          -          -"),
            std::string::npos);
}

TEST(ReportTable, NothingIsAMeanOverTasks) {
  std::vector<RunFiles> runs = {in_memory(story(0.9), "WSRL"), in_memory(story(0.1), "WSRL")};
  runs[0].env = "maze", runs[1].env = "hopper";
  const std::string table = summary_table(runs);
  for (const char* part : {"maze\nmethod", "\n\nhopper\nmethod", "90.0%", "10.0%"})
    EXPECT_NE(table.find(part), std::string::npos) << part << table;
  EXPECT_EQ(table.find("50.0%   20.0%  50.0%"), std::string::npos) << table;
}

}  // namespace
}  // namespace warmstart
