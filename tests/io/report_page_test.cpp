#include <gtest/gtest.h>

#include <cmath>

#include "limited_disk.h"
#include "report_runs.h"

namespace warmstart {
namespace {

// what the page shows, whole
json whole_data(const std::string& page) {
  const std::string open = "<script id=\"data\" type=\"application/json\">";
  const auto begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

// ... of its only task
json page_data(const std::string& page) {
  const json data = whole_data(page);
  EXPECT_EQ(data["tasks"].size(), 1u);
  return data["tasks"][0];
}

class ReportPage : public testing::Test {
 protected:
  void SetUp() override { spill(plotly(), "/* plotly %DATA% %PLOTLY% %LIVE% */ const s = '</script><b>';"); }
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

TEST_F(ReportPage, TasksStayApart) {
  std::vector<RunFiles> runs = {in_memory(story(0.9), "a"), in_memory({eval("finetune", 5, 0, -7)}, "a"), in_memory(story(0.5), "a", "1")};
  runs[0].env = runs[2].env = "maze", runs[1].env = "hopper";
  const json tasks = whole_data(page(runs))["tasks"];
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0]["env"], "maze");
  EXPECT_EQ(tasks[0]["metric"], "success_rate");
  EXPECT_EQ(tasks[0]["headline"][0]["success_rate"]["final"]["mean"], 0.7);
  EXPECT_EQ(tasks[1]["metric"], "return_mean");
  EXPECT_EQ(tasks[1]["headline"][0]["return_mean"]["final"]["mean"], -7);
  EXPECT_EQ(tasks[1]["runs"].size(), 1u);
}

TEST_F(ReportPage, DiagnosticsEpisodesAndWarnings) {
  auto rows = story(0.9);
  rows.push_back({"finetune", 100, "diagnostics", {{"q_offline", -1.5}, {"kl_online", 0.25}}});
  rows.push_back({"finetune", 120, "monitor", {{"q_diverging", 1}, {"q_now", -80.5}}});
  rows.push_back({"finetune", 130, "monitor", {{"rolled_back_to", 100}}});
  rows.push_back({"warmup", 40, "episode", {{"return", 3}, {"success", 1}}});
  rows.push_back({"finetune", 90, "episode", {{"return", 5}, {"success", 0}}});
  RunFiles run = in_memory(rows);
  run.timing = {{"finetune", 100, "timing", {{"seconds", 2}, {"steps_per_second", 50}}}};
  const json data = page_data(page({run}));
  EXPECT_EQ(data["diagnostics"]["online"]["q_offline"][0]["mean"], json({-1.5}));
  EXPECT_EQ(data["diagnostics"]["online"]["kl_online"][0]["x"], json({100}));
  EXPECT_TRUE(data["diagnostics"]["pretrain"].empty());
  ASSERT_EQ(data["warnings"].size(), 2u);
  EXPECT_EQ(data["warnings"][0]["reasons"], json({"q_diverging"}));
  EXPECT_EQ(data["warnings"][0]["evidence"], json({{"q_now", -80.5}}));
  EXPECT_EQ(data["warnings"][0]["step"], 120);
  EXPECT_EQ(data["warnings"][1]["evidence"]["rolled_back_to"], 100);
  EXPECT_EQ(data["episodes"][0][0]["y"], json({3.0, 5.0}));
  EXPECT_EQ(data["episodes"][0][0]["mean"], json({3.0, 4.0}));
  EXPECT_EQ(data["speed"]["online"]["steps_per_second"][0]["mean"], json({50.0}));
}

TEST_F(ReportPage, StudyAndFilms) {
  const std::vector<RunFiles> runs = {in_memory(story(0.9))};
  ReportExtras extras{.study = R"({"name":"s","arms":[{"task":"t","arm":"</script>","measures":{}}]})", .films = {}};
  extras.films.push_back({.label = "wsrl", .policy = "final", .caption = "c", .media_type = "image/gif", .picture = {0, 1, 2, 255}});
  extras.films.push_back(extras.films[0]);  // the same picture travels once
  extras.films.push_back({.label = "wsrl", .policy = "pre-trained", .caption = "no camera"});
  write_report(runs, folder_ / "report.html", plotly(), extras);
  const json data = whole_data(read_text(folder_ / "report.html"));
  EXPECT_EQ(data["study"]["arms"][0]["arm"], "</script>");
  EXPECT_EQ(data["films"]["pictures"], json({"data:image/gif;base64,AAEC/w=="}));
  EXPECT_EQ(data["films"]["list"][1]["picture"], 0);
  EXPECT_TRUE(data["films"]["list"][2]["picture"].is_null());
  for (const char* bad : {"{", "[]", "{\"arms\": 3}"})
    EXPECT_NE(message_of([&] { report_data(runs, {.study = bad, .films = {}}); }, Exit::kData).find("arms"), std::string::npos);
  EXPECT_TRUE(whole_data(page(runs))["study"].is_null());
}

TEST_F(ReportPage, TheCommandThatMakesItAgain) {
  RunFiles run = in_memory(story(0.9));
  run.folder = "runs/my run", run.recipe = "[run]\nseed = 0\n";
  run.info = R"({"command":"bin/warmstart train x.toml --resume","from":""})";
  EXPECT_EQ(page_data(page({run}))["runs"][0]["again"], "bin/warmstart train 'runs/my run/recipe.toml' --out 'runs/my run-again'");
  run.info = R"({"command":"warmstart train x.toml","from":"a/it's"})";
  EXPECT_EQ(page_data(page({run}))["runs"][0]["again"],
            "warmstart finetune 'runs/my run/recipe.toml' --from 'a/it'\\''s' --out 'runs/my run-again'");
  run.info = R"({"command":"somebody else"})";
  EXPECT_EQ(page_data(page({run}))["runs"][0]["again"], "");
}

TEST_F(ReportPage, OnlyALivePageMayAskItsServer) {
  EXPECT_NE(report_page("{}", plotly()).find("connect-src 'none'"), std::string::npos);
  const std::string live = report_page("{}", plotly(), true);
  EXPECT_NE(live.find("connect-src 'self'"), std::string::npos);
  EXPECT_NE(live.find("data-live=\"yes\""), std::string::npos);
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
  EXPECT_NE(text.find("/* plotly %DATA% %PLOTLY% %LIVE% */ const s = '<\\/script><b>';"), std::string::npos);
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
  EXPECT_EQ(config[0], json({{"key", "agent.discount"}, {"values", {"0.99", "0.99"}}, {"differs", false}, {"mixed", json::array()}}));
  EXPECT_EQ(config[1]["values"], json({"0, 1", "0"}));
  EXPECT_EQ(config[1]["mixed"], json({0}));
  EXPECT_EQ(config[2], json({{"key", "warmup.steps"}, {"values", {"5000", "0"}}, {"differs", true}, {"mixed", json::array()}}));
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
