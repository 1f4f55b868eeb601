// Tables of a study whose runs were written by hand.
#include "warmstart/studies/results.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "../support.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

using nlohmann::json;

class Results : public ::testing::Test {
 protected:
  Results() {
    folder.write("r.toml", "[env]\nid = \"PointMaze_UMaze_Episodic-v3\"\n[pretrain]\nsteps = 0\n");
    const std::string text = "recipe = \"r.toml\"\nthreshold = 0.5\nquestion = \"why?\"\nseeds = [0, 1, 2]\n" +
                             std::string("[[arm]]\nname = \"a\"\nset = { warm_up.steps = 7 }\n[[arm]]\nname = \"b, |c\"\n");
    plan = make_plan(read_study(folder.write("s.toml", text)), folder / "out", {0, 1, 2});
  }
  void finish(const std::string& arm, std::int64_t seed, double before, double lowest, double last, const std::string& status = "done",
              json more = json::object()) {
    const fs::path run = folder / "out/runs/PointMaze_UMaze_Episodic-v3" / arm / ("seed" + std::to_string(seed));
    MetricsLog log(run, {});
    const auto row = [&](const char* phase, std::int64_t step, const char* kind, double j) {
      log.write({phase, step, kind, {{"return_mean", j}, {"success_rate", j}}});
    };
    row("warmup", 0, "switch", before), row("finetune", 500, "eval", lowest), row("finetune", 1000, "eval", last);
    log.write({"finetune", 1000, "diagnostics", {{"q_online", -3.5}}});
    log.sync();
    json info = {
        {"status", status},           {"seed", seed}, {"cpu", "a CPU"}, {"version", "0"}, {"seconds", {{"warmup", 4}, {"finetune", 16}}},
        {"steps", {{"online", 1000}}}};
    info.update(more);
    spill(run / "run.json", info.dump());
  }
  TemporaryFolder folder;
  StudyPlan plan;
};

TEST_F(Results, NumbersOfRunsAndArms) {
  finish("a", 0, 0.5, 0.2, 0.9), finish("a", 1, 0.5, 0.4, 0.6), finish("a", 2, 0.5, 0.1, 0.3);
  finish("b,-c", 0, 0, 0, 0.1);
  const StudyResults results = gather_results(plan);
  const json s = json::parse(summary_json(results));
  EXPECT_EQ(s["metric"], "success_rate");
  EXPECT_EQ(s["question"], "why?");
  ASSERT_EQ(s["arms"].size(), 2u);
  const json& a = s["arms"][0];
  EXPECT_EQ(a["set"], (json{{"warm_up.steps", "7"}}));
  EXPECT_EQ(a["seeds"], 3);
  EXPECT_NEAR(a["measures"]["final"]["mean"].get<double>(), 0.6, 1e-12);
  EXPECT_LE(a["measures"]["final"]["low"].get<double>(), 0.6);
  EXPECT_GE(a["measures"]["final"]["low"].get<double>(), 0.3);
  EXPECT_NEAR(a["measures"]["drop"]["mean"].get<double>(), (0.6 + 0.2 + 0.8) / 3, 1e-12);
  EXPECT_EQ(a["measures"]["steps_to_threshold"]["reached"], 3) << "0.5 at the switch";
  EXPECT_EQ(a["measures"]["steps_to_recover"]["reached"], 2);
  EXPECT_EQ(a["measures"]["steps_per_second"]["mean"], 50);
  // areas: (0.35 + 0.55) / 2, ...; the reference is a's mean final
  EXPECT_NEAR(a["measures"]["area"]["mean"].get<double>(), (0.45 + 0.475 + 0.25) / 3, 1e-12);
  EXPECT_NEAR(a["measures"]["regret"]["mean"].get<double>(), 0.6 - (0.45 + 0.475 + 0.25) / 3, 1e-12);
  const json& b = s["arms"][1];
  EXPECT_EQ(b["seeds"], 1);
  EXPECT_TRUE(b["measures"]["final"]["low"].is_null()) << "no interval of one seed";
  EXPECT_TRUE(b["measures"]["drop"]["mean"].is_null()) << "nothing to lose";
  EXPECT_EQ(b["measures"]["steps_to_threshold"]["reached"], 0);
  EXPECT_EQ(s["unfinished"].size(), 2u);
  EXPECT_EQ(s["machine"]["cpu"], "a CPU");
}

// An arm that learned nothing ends with the pre-trained policy: here it would be the best, and make regret of what learned.
TEST_F(Results, AnArmWithoutUpdatesIsMarkedAndComparesNothing) {
  const json idle = {{"updates", 0}}, learned = {{"updates", 1000}};
  finish("a", 0, 0.9, 0.2, 0.6, "done", learned), finish("a", 1, 0.9, 0.2, 0.6, "done", learned);
  finish("b,-c", 0, 0.9, 0.8, 0.9, "done", idle);
  const StudyResults results = gather_results(plan);
  const json s = json::parse(summary_json(results)), &a = s["arms"][0], &b = s["arms"][1];
  EXPECT_EQ(a["without_update"], 0);
  EXPECT_EQ(b["without_update"], 1);
  EXPECT_NEAR(a["measures"]["regret"]["mean"].get<double>(), 0.6 - 0.475, 1e-12);  // from its own level, not from 0.9
  for (const char* measure : {"drop", "regret", "forgotten", "steps_to_recover"})
    EXPECT_TRUE(b["measures"][measure]["mean"].is_null()) << measure;
  EXPECT_EQ(b["measures"]["final"]["mean"], 0.9);
  const std::string table = summary_markdown(results);
  EXPECT_NE(table.find("b, \\|c (no update) | 1 |"), std::string::npos) << table;
  EXPECT_NE(table.find("Without one update"), std::string::npos) << table;
  EXPECT_NE(table.find("/ b, |c / seed 0\n"), std::string::npos) << table;
}

TEST_F(Results, OneLinePerRunAndOnePerNumber) {
  finish("a", 0, 0.5, 0.2, 0.9), finish("a", 1, 0.5, 0.2, 0.9, "running");
  const StudyResults results = gather_results(plan);
  const std::string csv = results_csv(results);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_NE(csv.find("PointMaze_UMaze_Episodic-v3,a,0,done,0.5,0.2,0.9,"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",a,1,interrupted,,,"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",\"b, |c\",2,waiting,"), std::string::npos) << csv;
  const std::string curves = curves_csv(results);
  EXPECT_NE(curves.find("PointMaze_UMaze_Episodic-v3,a,0,500,success_rate,0.2\n"), std::string::npos) << curves;
  EXPECT_EQ(std::count(curves.begin(), curves.end(), '\n'), 1 + 2 * 3) << "two metrics, three evaluations";
  EXPECT_NE(diagnostics_csv(results).find(",a,0,finetune,1000,q_online,-3.5\n"), std::string::npos);
  const std::string table = summary_markdown(results);
  EXPECT_NE(table.find("| a | 1 | 50.0 | 20.0 | 90.0 |"), std::string::npos) << table;
  EXPECT_NE(table.find("b, \\|c"), std::string::npos);
  EXPECT_NE(table.find("| 0 (1/1) | 1000 (1/1) |"), std::string::npos) << table;
  EXPECT_NE(table.find("seed 1: interrupted"), std::string::npos);
  // returns have as many decimals as their size asks for
  plan.metric = "return_mean";
  EXPECT_NE(summary_markdown(gather_results(plan)).find("| a | 1 | 0.500 | 0.200 | 0.900 |"), std::string::npos);
  finish("a", 2, 320.75, -40.5, 400);
  EXPECT_NE(summary_markdown(gather_results(plan)).find("| b, \\|c | 0 |"), std::string::npos);
  EXPECT_NE(summary_markdown(gather_results(plan)).find("| a | 2 | 160.6 ["), std::string::npos);
}

TEST_F(Results, FailuresSayWhy) {
  const StudyJob& job = plan.jobs[0];
  spill(job_file(plan, job, ".log"), "== warmstart train\nsome line\nerror: the disk is full (x): remedy\n");
  EXPECT_EQ(end_job(plan, job, 5 << 8, 1, 1, 1).status, JobStatus::kFailed);
  const json s = json::parse(summary_json(gather_results(plan)));
  ASSERT_EQ(s["failures"].size(), 1u);
  EXPECT_EQ(s["failures"][0]["reason"], "exit code 5: the disk is full (x): remedy");
  EXPECT_EQ(s["arms"][0]["failed"], 1);
  // the last attempt counts
  spill(job_file(plan, job, ".log"), "== warmstart train\nerror: old\n== warmstart train\nnew\n");
  EXPECT_EQ(end_job(plan, job, 3 << 8, 1, 1, 1).record.reason, "exit code 3: new");
  spill(job_file(plan, job, ".log"), "== warmstart train\nerror: a\n== warmstart train\n");
  EXPECT_EQ(end_job(plan, job, 9, 1, 1, 1).record.reason, "killed by signal 9 (Killed)");
  EXPECT_EQ(end_job(plan, job, 130 << 8, 1, 1, 1).status, JobStatus::kInterrupted);
  EXPECT_EQ(job_states(plan)[0].record.attempts, 4);
}

TEST_F(Results, ALockIsSeenFromOutside) {
  const fs::path file = folder / "lock";
  EXPECT_EQ(FileLock::holder(file), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::take(file);
    ::pause();
  }
  for (int i = 0; i < 1000 && FileLock::holder(file) == 0; ++i) ::usleep(1000);
  EXPECT_EQ(FileLock::holder(file), child);
  EXPECT_FALSE(FileLock::take(file));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(FileLock::holder(file), 0);
  EXPECT_TRUE(FileLock::take(file));
}

}  // namespace
}  // namespace warmstart
