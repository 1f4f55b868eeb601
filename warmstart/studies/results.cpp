#include "warmstart/studies/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/threads.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

Json info_of(const std::string& text) {
  const Json info = Json::parse(text, nullptr, false);
  return info.is_object() ? info : Json::object();
}

double steps_online(const Json& info) {
  return info.contains("steps") && info["steps"].contains("online") ? info["steps"]["online"].get<double>() : 0;
}

void add_clock(const StudyPlan& plan, StudyRun& run) {
  const auto& seconds = run.files->seconds;
  const auto value = [&](const char* phase) { return seconds.count(phase) ? seconds.at(phase) : 0.0; };
  RunMeasures& m = run.measures;
  m.seconds = value("warmup") + value("finetune");
  if (*m.seconds > 0) m.steps_per_second = steps_online(info_of(run.files->info)) / *m.seconds;
  const fs::path start = plan.start_folder(*run.arm, run.seed) / "run.json";
  if (run.arm->start.empty() || !fs::exists(start)) return;
  const Json info = info_of(read_text(start));
  if (info.contains("seconds") && info["seconds"].contains("pretrain")) m.pretrain_seconds = info["seconds"]["pretrain"].get<double>();
}

}  // namespace

std::vector<std::pair<std::string, std::optional<double>>> named(const RunMeasures& m) {
  return {{"before", m.before},
          {"lowest", m.lowest},
          {"final", m.final},
          {"best", m.best},
          {"area", m.area},
          {"regret", m.regret},
          {"success", m.success},
          {"drop", m.drop},
          {"forgotten", m.forgotten ? std::optional<double>(*m.forgotten) : std::nullopt},
          {"steps_to_threshold", m.steps_to_threshold},
          {"steps_to_recover", m.steps_to_recover},
          {"seconds", m.seconds},
          {"pretrain_seconds", m.pretrain_seconds},
          {"steps_per_second", m.steps_per_second}};
}

std::vector<const StudyRun*> StudyResults::runs_of(const PlannedArm& arm) const {
  std::vector<const StudyRun*> out;
  for (const StudyRun& run : runs)
    if (run.arm == &arm) out.push_back(&run);
  return out;
}

Summary StudyResults::summary(const PlannedArm& arm, const std::string& measure) const {
  std::vector<double> values;
  for (const StudyRun* run : runs_of(arm)) {
    if (!run->files) continue;
    for (const auto& [name, value] : named(run->measures))
      if (name == measure && value) values.push_back(*value);
  }
  return summarise(values, plan->interval, plan->resamples);
}

StudyResults gather_results(const StudyPlan& plan) {
  StudyResults results{.plan = &plan};
  const std::vector<JobState> states = job_states(plan);
  std::map<std::string, JobState> by_folder;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) by_folder[plan.jobs[i].result.string()] = states[i];
  for (const PlannedArm& arm : plan.arms)
    for (const std::int64_t seed : plan.seeds) {
      const fs::path folder = plan.run_folder(arm, seed);
      StudyRun run{.arm = &arm, .seed = seed, .state = by_folder[folder.string()]};
      if (run.state.status == JobStatus::kDone) {
        try {
          run.files = read_run(folder);
          run.files->label = arm.arm;
          if (plan.tasks.size() > 1) run.files->env = arm.task;  // two tasks may be one environment with other data
          run.measures = measure(*run.files, plan.metric, plan.threshold_of(arm.task));
          add_clock(plan, run);
        } catch (const Error& damaged) {  // of one run; the others have their results
          run.files.reset();
          run.measures = {};
          run.state.status = JobStatus::kFailed;
          run.state.record.reason = fmt::format("{}; {}", damaged.what(), remedy_for_damaged(folder));
        }
      }
      results.runs.push_back(std::move(run));
    }
  // the level that regret is measured from: the best arm of the task, of those that learned
  for (const std::string& task : plan.tasks) {
    std::optional<double> reference;
    for (const PlannedArm& arm : plan.arms) {
      const auto runs = results.runs_of(arm);
      const bool idle = std::any_of(runs.begin(), runs.end(), [](const StudyRun* run) { return run->idle(); });
      const Summary s = arm.task == task && !idle ? results.summary(arm, "final") : Summary{};
      if (s.count && (!reference || s.mean > *reference)) reference = s.mean;
    }
    for (StudyRun& run : results.runs)
      if (run.arm->task == task && reference && run.measures.area && !run.idle()) run.measures.regret = *reference - *run.measures.area;
  }
  return results;
}

}  // namespace warmstart
