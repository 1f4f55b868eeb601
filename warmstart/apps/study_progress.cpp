#include "warmstart/apps/study_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <map>
#include <memory>

#include "warmstart/core/text.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {
namespace {

std::string title(const StudyPlan& plan, const StudyJob& job) {
  const std::string task = plan.tasks.size() > 1 ? job.task + ", " : "";
  switch (job.kind) {
    case JobKind::kDataset:
      return "dataset " + job.result.filename().string();
    case JobKind::kStart:
      return fmt::format("pre-training {}{}, seed {}", task, job.result.parent_path().filename().string(), job.seed);
    default:
      return fmt::format("{}{}, seed {}", task, job.arm, job.seed);
  }
}

// The run's last evaluation, for the line that says that it ended.
std::string outcome_text(const StudyPlan& plan, const StudyJob& job) {
  if (job.kind != JobKind::kRun) return "";
  const RunFiles run = read_run(job.result);
  const Outcome o = outcome(run, plan.metric);
  if (!o.before || !o.lowest || !o.last) return "";
  const bool percent = plan.metric == "success_rate";
  const double by = percent ? 100 : 1;
  return fmt::format("   {} {:.3g} -> lowest {:.3g} -> {:.3g}{}{}", plan.metric, by * *o.before, by * *o.lowest, by * *o.last,
                     percent ? " %" : "", without_update(run) ? ", but no update was made" : "");
}

}  // namespace

std::function<void(const LaunchProgress&)> study_progress(const StudyPlan& plan, bool quiet) {
  struct State {
    bool terminal = ::isatty(2), open = false;
  };
  auto state = std::make_shared<State>();
  return [state, &plan, quiet](const LaunchProgress& p) {
    const auto clear = [&] {
      if (state->open) fmt::print(stderr, "\r\x1b[K");
      state->open = false;
    };
    if (p.ended) {
      const bool done = p.state.status == JobStatus::kDone, asked = p.state.status == JobStatus::kInterrupted;
      if (quiet && (done || asked)) return;
      clear();
      fmt::print(stderr, "[{}/{}] {}: {}\n", p.done + p.failed, p.total, title(plan, *p.ended),
                 done    ? fmt::format("{}{}", duration_text(p.state.record.seconds), outcome_text(plan, *p.ended))
                 : asked ? "interrupted and saved"
                         : "failed, " + p.state.record.reason);
      return;
    }
    if (quiet || !state->terminal) return;
    fmt::print(stderr, "\r{} done, {} running, {} left{}, {}{}\x1b[K", p.done, p.running, p.total - p.done - p.failed - p.running,
               p.failed ? fmt::format(", {} failed", p.failed) : "", duration_text(p.seconds),
               p.seconds_left < 0 ? "" : fmt::format(", about {} more", duration_text(p.seconds_left)));
    std::fflush(stderr);
    state->open = true;
  };
}

std::string status_text(const StudyPlan& plan, const std::vector<JobState>& states) {
  std::map<JobStatus, int> counts;
  std::string out;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const JobState& s = states[i];
    ++counts[s.status];
    if (s.status == JobStatus::kDone || s.status == JobStatus::kWaiting) continue;
    out += fmt::format("{:<12} {}{}\n", status_name(s.status), title(plan, plan.jobs[i]),
                       s.record.reason.empty() ? "" : ": " + s.record.reason);
    if (s.status == JobStatus::kFailed)
      out += fmt::format("{:<12} log: {}\n", "", (plan.folder / "jobs" / (plan.jobs[i].id + ".log")).string());
  }
  std::string line;
  for (const auto& [status, count] : counts) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, status_name(status));
  return fmt::format("{}{}: {} jobs, {}\n", out, plan.folder.string(), states.size(), line);
}

std::string plan_text(const StudyPlan& plan, const std::vector<bool>& chosen) {
  std::string out = plan.name + "\n";
  if (!plan.question.empty()) out += "question  " + plan.question + "\n";
  if (!plan.claim.empty()) out += "claim     " + plan.claim + "\n";
  out += fmt::format("metric    {}{}\n", plan.metric, std::isnan(plan.threshold) ? "" : fmt::format(", threshold {:g}", plan.threshold));
  int counts[3] = {};
  double offline = 0, online = 0, updates = 0;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (!chosen[i]) continue;
    const StudyJob& job = plan.jobs[i];
    ++counts[static_cast<int>(job.kind)];
    for (const PlannedArm& arm : plan.arms) {
      if (arm.task != job.task || arm.arm != job.arm) continue;
      const Recipe r = parse_header_recipe(arm.recipe, "plan");
      if (job.kind == JobKind::kStart) offline += static_cast<double>(r.pretrain.steps);
      if (job.kind == JobKind::kRun)
        online += static_cast<double>(r.warm_up_steps() + r.finetune.steps),
            updates += static_cast<double>(r.finetune.steps * r.finetune.utd);
    }
  }
  for (const PlannedArm& arm : plan.arms) {
    std::string set;
    for (const auto& [key, value] : arm.set) set += fmt::format("{}{} = {}", set.empty() ? "   " : ", ", key, value);
    out += fmt::format("arm       {} / {}   start {}{}\n", arm.task, arm.arm, arm.start.empty() ? "none" : arm.start, set);
  }
  for (const std::string& note : plan.notes) out += "note      " + note + "\n";
  out += fmt::format("jobs      {} datasets, {} pre-trainings, {} runs\n", counts[0], counts[1], counts[2]);
  return out + fmt::format("steps     {:.0f} gradient steps offline, {:.0f} environment steps with {:.0f} critic steps online\n", offline,
                           online, updates);
}

}  // namespace warmstart
