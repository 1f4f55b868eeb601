#include "warmstart/io/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "../support.h"
#include "limited_disk.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/report_stats.h"

namespace warmstart {
namespace {

using nlohmann::json;

MetricsRow eval(const std::string& phase, std::int64_t step, double success, double ret, const std::string& kind = "eval") {
  return {phase, step, kind, {{"return_mean", ret}, {"success_rate", success}}};
}

// before 0.5, falls to 0.2, ends at `final`
std::vector<MetricsRow> story(double final) {
  return {eval("pretrain", 1000, 0.4, 40),
          {"pretrain", 1000, "train", {{"critic_loss", 0.125}, {"q_mean", -3.0625}}},
          eval("warmup", 0, 0.5, 50, "switch"),
          eval("finetune", 100, 0.2, 20),
          {"finetune", 100, "train", {{"critic_loss", 0.75}, {"q_online", 1.03125}}},
          eval("finetune", 200, final, 100 * final)};
}

RunFiles in_memory(std::vector<MetricsRow> rows, const std::string& label = "wsrl", const std::string& seed = "0") {
  RunFiles run;
  run.folder = "memory";
  run.label = label, run.seed = seed, run.rows = std::move(rows);
  return run;
}

void write_run(const fs::path& folder, const std::vector<MetricsRow>& rows, const json& info = {}, const std::string& recipe = "") {
  MetricsLog log(folder, {});
  for (const auto& row : rows) log.write(row);
  if (!info.is_null()) spill(folder / "run.json", info.dump());
  if (!recipe.empty()) spill(folder / "recipe.toml", recipe);
}

json page_data(const std::string& page) {
  const std::string open = "<script id=\"data\" type=\"application/json\">";
  const auto begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

std::string message_of(const std::function<void()>& call, Exit code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

// ---- statistics ----

TEST(ReportStats, OutcomeOfARun) {
  const Outcome o = outcome(in_memory(story(0.9)), "success_rate");
  EXPECT_EQ(o.before, 0.5);
  EXPECT_EQ(o.lowest, 0.2);
  EXPECT_EQ(o.last, 0.9);
  EXPECT_DOUBLE_EQ(*o.drop, 0.6);
  EXPECT_EQ(o.forgotten, false);
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

TEST(ReportStats, HeadlineMetric) {
  EXPECT_EQ(headline_metric({in_memory({eval("finetune", 1, 0, 5)})}), "return_mean");
  EXPECT_EQ(headline_metric({in_memory({eval("finetune", 1, 0.05, 5)})}), "success_rate");
  EXPECT_EQ(headline_metric({in_memory({{"finetune", 1, "eval", {{"normalized", 60}}}})}), "normalized");
}

TEST(ReportStats, GroupsByLabelAndTask) {
  std::vector<RunFiles> runs = {in_memory(story(1), "b", "0"), in_memory(story(1), "a", "0"), in_memory(story(1), "b", "1")};
  auto groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].label, "b");
  EXPECT_EQ(groups[0].runs.size(), 2u);
  runs[0].env = "maze", runs[1].env = runs[2].env = "hopper";
  groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].label, "b on maze");
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
  write_run(folder / "bad", story(1));
  for (const char* text : {"{", "[]", "\xff"}) {
    spill(folder / "bad" / "run.json", text);
    EXPECT_NE(message_of([&] { read_run(folder / "bad"); }, Exit::kData).find("run.json"), std::string::npos);
  }
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
  const std::vector<RunFiles> runs = {in_memory(story(0.9), "WSRL"), in_memory(story(0.3), "caf\u00e9, no warm-up", "0"),
                                      in_memory(story(0.9), "caf\u00e9, no warm-up", "1")};
  EXPECT_EQ(summary_table(runs),
            "method            seeds  before  lowest  final   drop  forgotten\n"
            "WSRL                  1   50.0%   20.0%  90.0%  60.0%         no\n"
            "caf\u00e9, no warm-up      2   50.0%   20.0%  60.0%  60.0%     1 of 2\n"
            "success rate, mean over seeds: at the switch, lowest and last evaluation after it\n");
  EXPECT_NE(summary_table({in_memory({eval("pretrain", 1, 0, -3.25)})}).find("-3.25       -      -     -          -"), std::string::npos);
}

// ---- the page ----

class ReportPage : public testing::Test {
 protected:
  void SetUp() override { spill(plotly(), "/* plotly @DATA@ @PLOTLY@ */ const s = '</script><b>';"); }
  fs::path plotly() const { return folder_ / "plotly.min.js"; }
  std::string page(const std::vector<RunFiles>& runs) const {
    write_report(runs, folder_ / "report.html", plotly());
    return read_text(folder_ / "report.html");
  }
  TemporaryFolder folder_;
};

TEST_F(ReportPage, HoldsTheNumbersOfTheMetrics) {
  const json data =
      page_data(page({in_memory(story(0.9), "WSRL", "0"), in_memory(story(0.7), "WSRL", "1"), in_memory(story(0.3), "SAC", "0")}));
  ASSERT_EQ(data["groups"].size(), 2u);
  EXPECT_EQ(data["metric"], "success_rate");
  const json& h = data["headline"][0]["success_rate"];
  EXPECT_EQ(h["before"]["mean"], 0.5);
  EXPECT_EQ(h["final"]["mean"], 0.8);
  EXPECT_EQ(h["final"]["low"], 0.7);
  EXPECT_EQ(h["final"]["high"], 0.9);
  EXPECT_EQ(h["final"]["count"], 2);
  EXPECT_EQ(data["headline"][1]["success_rate"]["forgotten"], 1);
  const json& online = data["eval"]["online"]["return_mean"][0];
  EXPECT_EQ(online["x"], json({0, 100, 200}));
  EXPECT_EQ(online["mean"], json({50.0, 20.0, 80.0}));
  EXPECT_EQ(online["seeds"][1]["y"], json({50.0, 20.0, 70.0}));
  EXPECT_EQ(data["eval"]["pretrain"]["success_rate"][1]["mean"], json({0.4}));
  EXPECT_EQ(data["train"]["online"]["q_online"][0]["mean"], json({1.03125}));
  EXPECT_EQ(data["train"]["pretrain"]["critic_loss"][0]["mean"], json({0.125}));
  EXPECT_FALSE(data["train"]["pretrain"].contains("q_online"));
  EXPECT_EQ(data["evaluations"].size(), 12u);
  EXPECT_EQ(data["evaluations"][3]["values"]["success_rate"], 0.9);
}

TEST_F(ReportPage, EscapesWhatUsersWrite) {
  const std::string evil = "</script><script>alert(1)</script><!-- & \u2028";
  const std::vector<MetricsRow> rows = {{"finetune", 1, "train", {{evil, 1}}}, eval("finetune", 1, 0.5, 1)};
  RunFiles run = in_memory(rows, evil, evil);
  run.env = run.method = run.status = run.recipe = evil;
  run.info = json({{"command", evil}, {evil, evil}}).dump();
  const std::string text = page({run});
  EXPECT_EQ(text.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(text.find("<!-- &"), std::string::npos);
  const json data = page_data(text);
  EXPECT_EQ(data["groups"][0]["label"], evil);
  EXPECT_EQ(data["runs"][0]["recipe"], evil);
  EXPECT_EQ(data["runs"][0]["info"][evil], evil);
}

TEST_F(ReportPage, EmbedsTheScriptOnceAndWhole) {
  const std::string text = page({in_memory(story(0.9))});
  EXPECT_NE(text.find("/* plotly @DATA@ @PLOTLY@ */ const s = '<\\/script><b>';"), std::string::npos);
  std::size_t opened = 0, closed = 0;
  for (std::size_t at = 0; (at = text.find("<script", at)) != std::string::npos; ++at) ++opened;
  for (std::size_t at = 0; (at = text.find("</script", at)) != std::string::npos; ++at) ++closed;
  EXPECT_EQ(opened, 4u);
  EXPECT_EQ(closed, opened);
}

TEST_F(ReportPage, RefersToNothingOutside) {
  const std::string text = page({in_memory(story(0.9))});
  EXPECT_EQ(text.find("http://"), std::string::npos);
  EXPECT_EQ(text.find("https://"), std::string::npos);
  EXPECT_NE(text.find("default-src 'none'"), std::string::npos);
}

TEST_F(ReportPage, SurvivesInvalidTextAndNaN) {
  RunFiles run = in_memory({eval("finetune", 1, std::nan(""), 1.5)}, "bad \xff label");
  run.recipe = "not toml [";
  const json data = page_data(page({run}));
  EXPECT_TRUE(data["evaluations"][0]["values"]["success_rate"].is_null());
  EXPECT_EQ(data["runs"][0]["recipe"], "not toml [");
  EXPECT_TRUE(data["configuration"].empty());
}

TEST_F(ReportPage, ComparesConfigurations) {
  RunFiles a = in_memory(story(1), "a", "0"), b = in_memory(story(1), "a", "1"), c = in_memory(story(1), "c", "0");
  a.recipe = "[run]\nseed = 0\n[warmup]\nsteps = 5000\n[agent]\ndiscount = 0.99\n";
  b.recipe = "[run]\nseed = 1\n[warmup]\nsteps = 5000\n[agent]\ndiscount = 0.99\n";
  c.recipe = "[run]\nseed = 0\n[warmup]\nsteps = 0\n[agent]\ndiscount = 0.99\n";
  const json config = page_data(page({a, b, c}))["configuration"];
  ASSERT_EQ(config.size(), 3u);
  EXPECT_EQ(config[0], json({{"key", "agent.discount"}, {"values", {"0.99", "0.99"}}, {"differs", false}}));
  EXPECT_EQ(config[1]["values"], json({"0, 1", "0"}));
  EXPECT_EQ(config[2], json({{"key", "warmup.steps"}, {"values", {"5000", "0"}}, {"differs", true}}));
}

TEST_F(ReportPage, ErrorsNameTheRemedy) {
  const std::vector<RunFiles> runs = {in_memory(story(1))};
  EXPECT_NE(message_of([&] { write_report(runs, folder_ / "r.html", folder_ / "none.js"); }, Exit::kMachine).find("make setup"),
            std::string::npos);
  message_of([&] { write_report({}, folder_ / "r.html", plotly()); }, Exit::kUsage);
  message_of([&] { write_report(runs, folder_ / "no folder" / "r.html", plotly()); }, Exit::kMachine);
  const LimitedDisk disk(4096);
  message_of([&] { write_report(runs, folder_ / "r.html", plotly()); }, Exit::kMachine);
  EXPECT_FALSE(fs::exists(folder_ / "r.html"));
}

TEST(ReportScript, ThePinnedPlotlyIsThere) { EXPECT_GT(fs::file_size(plotly_script()), 1000000u) << plotly_script(); }

}  // namespace
}  // namespace warmstart
