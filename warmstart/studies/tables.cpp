// The files of a study's results.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/io/json_text.h"
#include "warmstart/studies/results.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string csv_row(const StudyRun& run) { return fmt::format("{},{},{}", csv_field(run.arm->task), csv_field(run.arm->arm), run.seed); }

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

Json summary_of(const StudyResults& results, const PlannedArm& arm, const std::string& measure) {
  const Summary s = results.summary(arm, measure);
  Json out = {{"mean", s.count ? number(s.mean) : Json()},
              {"iqm", s.count ? number(s.iqm) : Json()},
              {"low", number(s.low)},
              {"high", number(s.high)}};
  if (measure.rfind("steps_to", 0) == 0) out["reached"] = s.count;
  return out;
}

int finished(const StudyResults& results, const PlannedArm& arm) {
  int count = 0;
  for (const StudyRun* run : results.runs_of(arm)) count += run->files.has_value();
  return count;
}

int idle(const StudyResults& results, const PlannedArm& arm) {
  int count = 0;
  for (const StudyRun* run : results.runs_of(arm)) count += run->idle();
  return count;
}

bool has_failed(const StudyRun& run) { return run.state.status == JobStatus::kFailed || run.state.status == JobStatus::kBlocked; }

// Of the finished runs: where they were made. Several machines or versions are all named.
Json machine(const StudyResults& results) {
  Json out = Json::object();
  for (const char* key : {"cpu", "cpus", "isa", "version", "compiler", "threads", "precision"}) {
    std::vector<std::string> seen;
    for (const StudyRun& run : results.runs) {
      if (!run.files) continue;
      const Json info = Json::parse(run.files->info, nullptr, false);
      if (!info.is_object() || !info.contains(key)) continue;
      const std::string text = info[key].is_string() ? info[key].get<std::string>() : info[key].dump();
      if (std::find(seen.begin(), seen.end(), text) == seen.end()) seen.push_back(text);
    }
    if (!seen.empty()) out[std::string(key) == "cpus" ? "cores" : key] = join(seen, "; ");
  }
  return out;
}

// "81.7 [75.0, 88.3]"
std::string cell(const Summary& s, double scale, int digits) {
  if (s.count == 0) return "-";
  std::string text = fmt::format("{:.{}f}", scale * s.mean, digits);
  if (!std::isnan(s.low)) text += fmt::format(" [{:.{}f}, {:.{}f}]", scale * s.low, digits, scale * s.high, digits);
  return text;
}

// Decimals that a task's levels are shown with: three digits or so, whatever their size.
int decimals(const StudyResults& results, const std::string& task, double scale) {
  double largest = 0;
  for (const StudyRun& run : results.runs)
    if (run.arm->task == task)
      for (const auto& level : {run.measures.before, run.measures.lowest, run.measures.best})
        largest = std::max(largest, scale * std::abs(level.value_or(0)));
  return largest >= 20 ? 1 : largest >= 2 ? 2 : 3;
}

// "1500 (2/3)": the mean of those that get there, and how many of those that could.
std::string steps_cell(const Summary& s, int could) {
  if (could == 0) return "-";
  return s.count == 0 ? fmt::format("never (0/{})", could) : fmt::format("{:.0f} ({}/{})", s.mean, s.count, could);
}

std::string markdown_text(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '|') text.insert(i++, "\\");
  return text;
}

}  // namespace

std::string summary_json(const StudyResults& results) {
  const StudyPlan& plan = *results.plan;
  Json out = {{"name", plan.name},
              {"question", plan.question},
              {"claim", plan.claim},
              {"tasks", plan.tasks},
              {"seeds", plan.seeds},
              {"metric", plan.metric},
              {"threshold", number(plan.threshold)},
              {"thresholds", plan.thresholds},
              {"interval", plan.interval},
              {"resamples", plan.resamples},
              {"arms", Json::array()},
              {"failures", Json::array()},
              {"unfinished", Json::array()}};
  for (const PlannedArm& arm : plan.arms) {
    int failed = 0;
    for (const StudyRun* run : results.runs_of(arm)) failed += has_failed(*run);
    Json set = Json::object(), measures = Json::object();
    for (const auto& [key, value] : arm.set) set[key] = value;
    for (const auto& [name, value] : named({})) measures[name] = summary_of(results, arm, name);
    out["arms"].push_back({{"task", arm.task},
                           {"arm", arm.arm},
                           {"set", set},
                           {"seeds", finished(results, arm)},
                           {"failed", failed},
                           {"without_update", idle(results, arm)},
                           {"measures", measures}});
  }
  for (const StudyRun& run : results.runs) {
    Json entry = {{"task", run.arm->task}, {"arm", run.arm->arm}, {"seed", run.seed}};
    if (has_failed(run)) entry["reason"] = run.state.record.reason, out["failures"].push_back(entry);
    else if (!run.files) entry["status"] = status_name(run.state.status), out["unfinished"].push_back(entry);
  }
  out["machine"] = machine(results);
  return json_text(out, 1) + "\n";
}

std::string summary_markdown(const StudyResults& results) {
  const StudyPlan& plan = *results.plan;
  const bool percent = plan.metric == "success_rate";
  const double scale = percent ? 100 : 1;
  std::string out = fmt::format("# {}\n", plan.name);
  if (!plan.question.empty()) out += "\nQuestion: " + plan.question + "\n";
  if (!plan.claim.empty()) out += "\nThe paper: " + plan.claim + "\n";
  for (const std::string& task : plan.tasks) {
    const double threshold = plan.threshold_of(task);
    const int digits = decimals(results, task, scale);
    out += fmt::format(
        "\n## {}\n\n| arm | seeds | before{} | lowest | final | final, IQM | area | regret | drop, % | forgotten | steps to {} | steps to "
        "recover | "
        "steps/s |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        task, percent ? ", %" : "", std::isnan(threshold) ? "threshold" : fmt::format("{:g}", scale * threshold));
    for (const PlannedArm& arm : plan.arms) {
      if (arm.task != task) continue;
      const auto level = [&](const char* measure) { return cell(results.summary(arm, measure), scale, digits); };
      const Summary iqm = results.summary(arm, "final"), forgotten = results.summary(arm, "forgotten"),
                    speed = results.summary(arm, "steps_per_second");
      out += fmt::format("| {}{} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", markdown_text(arm.arm),
                         idle(results, arm) ? " (no update)" : "", finished(results, arm), level("before"), level("lowest"), level("final"),
                         iqm.count ? fmt::format("{:.{}f}", scale * iqm.iqm, digits) : "-", level("area"), level("regret"),
                         cell(results.summary(arm, "drop"), 100, 0),
                         forgotten.count ? fmt::format("{:.0f}/{}", forgotten.mean * forgotten.count, forgotten.count) : "-",
                         steps_cell(results.summary(arm, "steps_to_threshold"), std::isnan(threshold) ? 0 : finished(results, arm)),
                         steps_cell(results.summary(arm, "steps_to_recover"), forgotten.count),
                         speed.count ? fmt::format("{:.0f}", speed.mean) : "-");
    }
  }
  out += fmt::format(
      "\n{} over seeds: mean, in brackets the {:g}% percentile bootstrap interval of the mean ({} resamples). Steps: mean of the seeds "
      "that get there (how many of how many).\n",
      plan.metric, 100 * plan.interval, plan.resamples);
  std::string without;
  for (const StudyRun& run : results.runs)
    if (run.idle()) without += fmt::format("- {} / {} / seed {}\n", run.arm->task, run.arm->arm, run.seed);
  if (!without.empty())
    out +=
        "\nWithout one update, so the policy is the pre-trained one. These compare nothing: they have no drop, no regret and no steps to "
        "recover, and their arm is no reference for regret.\n\n" +
        without;
  bool single = false;
  for (const PlannedArm& arm : plan.arms) single = single || finished(results, arm) == 1;
  if (single) out += "\nAn arm with one seed has no interval: a difference from it may be chance.\n";
  std::string missing;
  for (const StudyRun& run : results.runs)
    if (!run.files)
      missing += fmt::format("- {} / {} / seed {}: {}{}\n", run.arm->task, run.arm->arm, run.seed, status_name(run.state.status),
                             run.state.record.reason.empty() ? "" : ", " + one_line(run.state.record.reason));
  return missing.empty() ? out : out + "\nWithout a result:\n\n" + missing;
}

std::string results_csv(const StudyResults& results) {
  std::string out = "task,arm,seed,status";
  for (const auto& [name, value] : named({})) out += "," + name;
  out += ",run,reason\n";
  for (const StudyRun& run : results.runs) {
    out += csv_row(run) + "," + status_name(run.state.status);
    for (const auto& [name, value] : named(run.measures)) out += value ? fmt::format(",{}", *value) : ",";
    out += "," + csv_field(results.plan->run_folder(*run.arm, run.seed).lexically_relative(results.plan->folder).string()) + "," +
           csv_field(run.files ? "" : one_line(run.state.record.reason)) + "\n";
  }
  return out;
}

std::string curves_csv(const StudyResults& results) {
  std::string out = "task,arm,seed,step,metric,value\n";
  for (const StudyRun& run : results.runs) {
    if (!run.files) continue;
    for (const char* metric : {"return_mean", "success_rate", "normalized"})
      for (const Point& p : evaluations(*run.files, Scope::kOnline, metric))
        out += fmt::format("{},{},{},{}\n", csv_row(run), p.step, metric, p.value);
  }
  return out;
}

std::string diagnostics_csv(const StudyResults& results) {
  std::string out;
  for (const StudyRun& run : results.runs) {
    if (!run.files) continue;
    for (const MetricsRow& row : run.files->rows)
      if (row.kind == "diagnostics" || row.kind == "monitor")
        for (const auto& [name, value] : row.values)
          if (std::isfinite(value)) out += fmt::format("{},{},{},{},{}\n", csv_row(run), row.phase, row.step, name, value);
  }
  return out.empty() ? "" : "task,arm,seed,phase,step,metric,value\n" + out;
}

void write_results(const StudyResults& results) {
  const fs::path& folder = results.plan->folder;
  write_atomically(folder / "results.csv", results_csv(results));
  write_atomically(folder / "curves.csv", curves_csv(results));
  const std::string diagnostics = diagnostics_csv(results);
  if (!diagnostics.empty()) write_atomically(folder / "diagnostics.csv", diagnostics);
  write_atomically(folder / "summary.json", summary_json(results));
  write_atomically(folder / "table.md", summary_markdown(results));
}

}  // namespace warmstart
