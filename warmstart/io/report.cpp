#include "warmstart/io/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/install.h"
#include "warmstart/io/report_stats.h"

namespace warmstart {
namespace {

using nlohmann::json;

// the value of a key as text, whatever its type; "" when absent
std::string text_of(const json& object, const char* key) {
  if (!object.contains(key) || object[key].is_null()) return "";
  return object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
}

std::map<std::string, double> numbers_of(const json& object, const char* key) {
  std::map<std::string, double> out;
  if (!object.contains(key) || !object[key].is_object()) return out;
  for (const auto& [name, value] : object[key].items())
    if (value.is_number()) out[name] = value.get<double>();
  return out;
}

json parse_info(const std::string& text, const fs::path& path) {
  if (text.empty()) return json::object();
  try {
    json info = json::parse(text);
    if (info.is_object()) return info;
    throw data_error("not a JSON object", path.string(), "remove the file: the report then leaves its part out");
  } catch (const json::exception& error) {
    throw data_error(fmt::format("malformed JSON: {}", error.what()), path.string(),
                     "remove the file: the report then leaves its part out");
  }
}

std::string text_if_there(const fs::path& path) { return fs::is_regular_file(path) ? read_text(path) : ""; }

bool is_run(const fs::path& folder) { return fs::is_regular_file(folder / "metrics.jsonl"); }

void find_below(const fs::path& folder, int levels, std::vector<fs::path>& out) {
  if (is_run(folder)) {
    out.push_back(folder);
    return;
  }
  if (levels == 0) return;
  std::vector<fs::path> children;
  for (const auto& entry : fs::directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_directory()) children.push_back(entry.path());
  std::sort(children.begin(), children.end());
  for (const fs::path& child : children) find_below(child, levels - 1, out);
}

std::string cell(const Spread& s, bool percent) {
  if (s.count == 0) return "-";
  return percent ? fmt::format("{:.1f}%", 100 * s.mean) : fmt::format("{:.4g}", s.mean);
}

// columns a terminal shows for a UTF-8 text, combining marks aside
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// "3", or "3 (1 failed)"
std::string seeds_cell(const RunGroup& group) {
  const auto failed = std::count_if(group.runs.begin(), group.runs.end(), [](const RunFiles* run) { return run->status == "failed"; });
  return failed ? fmt::format("{} ({} failed)", group.runs.size(), failed) : std::to_string(group.runs.size());
}

std::string name_of(const RunFiles& run) { return run.label + (run.seed.empty() ? "" : ", seed " + run.seed); }

// what the numbers of a table do not say by themselves
std::string remarks(const TaskRuns& task) {
  std::string out;
  bool single = false;
  for (const RunGroup& group : group_runs(task)) {
    single = single || group.runs.size() == 1;
    for (const RunFiles* run : group.runs) {
      if (run->status == "failed")
        out += fmt::format("failed: {} ({}): its numbers end where it failed\n", name_of(*run), run->folder.string());
      if (without_update(*run))
        out += fmt::format("no update: {} ({}): fine-tuning made not one update, its policy is the pre-trained one\n", name_of(*run),
                           run->folder.string());
    }
  }
  if (single) out += "one seed: no spread can be told; a difference of that size may be chance\n";
  return out;
}

// of every seed when they differ: one that learned nothing must not hide in a mean
std::string updates_of(const RunGroup& group) {
  std::optional<std::int64_t> least, most;
  for (const RunFiles* run : group.runs) {
    if (!run->updates) continue;
    least = std::min(least.value_or(*run->updates), *run->updates), most = std::max(most.value_or(*run->updates), *run->updates);
  }
  if (!least) return "-";
  return *least == *most ? std::to_string(*least) : fmt::format("{}-{}", *least, *most);
}

std::string task_table(const TaskRuns& task) {
  const std::string metric = headline_metric(task);
  const bool percent = metric == "success_rate";
  std::vector<std::vector<std::string>> table = {
      {"method", "seeds", "updates", "before", "lowest", "final", "drop", "forgotten", "recovered"}};
  for (const RunGroup& group : group_runs(task)) {
    const GroupOutcome o = outcome(group, metric);
    std::string forgotten = "-";
    if (o.judged == 1) forgotten = o.forgotten ? "yes" : "no";
    else if (o.judged > 1) forgotten = fmt::format("{} of {}", o.forgotten, o.judged);
    const std::string recovered = o.recovered_at.count ? fmt::format("{:.0f}", o.recovered_at.mean) : "-";
    table.push_back({group.label, seeds_cell(group), updates_of(group), cell(o.before, percent), cell(o.lowest, percent),
                     cell(o.last, percent), cell(o.drop, true), forgotten, recovered});
  }
  std::vector<std::size_t> widths(table[0].size(), 0);
  for (const auto& line : table)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  std::string out;
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string gap(widths[i] - width(line[i]), ' ');
      out += i == 0 ? line[i] + gap : "  " + gap + line[i];
    }
    out += '\n';
  }
  const char* what = percent ? "success rate" : metric == "normalized" ? "normalized score" : "return";
  return out +
         fmt::format("{}, mean over seeds: at the switch, lowest and last evaluation after it; recovered: steps since the switch\n", what) +
         remarks(task);
}

}  // namespace

RunFiles read_run(const fs::path& folder, bool begun) {
  if (!fs::is_directory(folder))
    throw data_error("no such run folder", folder.string(), "name a folder that `warmstart train` has written");
  if (!is_run(folder))
    throw data_error("no metrics.jsonl in this folder", folder.string(), "name a folder that `warmstart train` has written");
  RunFiles run;
  run.folder = folder;
  run.rows = read_metrics(folder);
  if (run.rows.empty() && !begun)
    throw data_error("the run has logged nothing yet", (folder / "metrics.jsonl").string(),
                     "wait for its first evaluation, or name another run");
  run.timing = read_timing(folder);
  run.recipe = text_if_there(folder / "recipe.toml");
  run.info = text_if_there(folder / "run.json");
  const json info = parse_info(run.info, folder / "run.json");
  fs::path name = fs::weakly_canonical(folder).filename();
  for (const char* key : {"label", "name", "method"})
    if (run.label.empty()) run.label = text_of(info, key);
  if (run.label.empty()) run.label = name.string();
  run.method = text_of(info, "method");
  run.env = text_of(info, "env");
  run.status = text_of(info, "status");
  run.seed = text_of(info, "seed");
  run.seconds = numbers_of(info, "seconds");
  run.at_switch = numbers_of(info, "switch");
  // while a run goes on, its file says what was so at its last checkpoint
  if (run.status != "running" && info.contains("updates") && info["updates"].is_number_integer())
    run.updates = info["updates"].get<std::int64_t>();
  if (info.contains("warm_up_steps") && info["warm_up_steps"].is_number_integer())
    run.warm_up_steps = info["warm_up_steps"].get<std::int64_t>();
  else
    for (const MetricsRow& row : run.rows)
      if (row.phase == "warmup") run.warm_up_steps = std::max(run.warm_up_steps, row.step);
  return run;
}

std::vector<fs::path> find_runs(const fs::path& path) {
  if (!fs::is_directory(path)) throw data_error("no such run folder", path.string(), "name a folder that `warmstart train` has written");
  std::vector<fs::path> out;
  find_below(path, 2, out);
  if (out.empty())
    throw data_error("no run in this folder: neither it nor a folder in it holds metrics.jsonl", path.string(),
                     "name a folder that `warmstart train` has written");
  return out;
}

fs::path plotly_script() { return find_shared("plotly.min.js", fs::path(WARMSTART_SITE) / "plotly" / "package_data" / "plotly.min.js"); }

std::string summary_table(const std::vector<RunFiles>& runs) {
  std::string out;
  const std::vector<TaskRuns> tasks = by_task(runs);
  for (const TaskRuns& task : tasks) {
    if (tasks.size() > 1) out += fmt::format("{}{}\n", out.empty() ? "" : "\n", task.env.empty() ? "(unknown task)" : task.env);
    out += task_table(task);
  }
  return out;
}

}  // namespace warmstart
