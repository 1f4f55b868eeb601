#include "warmstart/studies/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/io/pack.h"

namespace warmstart {
namespace {

bool begins(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }

std::string keys_of(Recipe recipe, const std::function<bool(const std::string&)>& counts) {
  std::string out;
  const Fields fields = recipe.fields();
  for (const Field& f : fields.list())
    if (counts(f.key)) out += f.key + " = " + f.toml() + "\n";
  return out;
}

// Data come from the world as it was, and pre-training sees the world in evaluations alone.
const std::set<std::string> kChangedWorld = {"env.friction_scale", "env.mass_scale", "env.clearance"};

bool needs_data(const Recipe& r) { return r.pretrain.steps > 0 || r.needs_dataset_online(); }

// What decides a pack: the file, what is taken of it, and the task, whose body it must show and whose time limit may end episodes.
std::string dataset_key(const Recipe& recipe) {
  return fmt::format("{}\n{}\n{}\n{}", recipe.data.path, recipe.observation_keys(), recipe.env.id, time_limit(recipe.env));
}

// How the dataset of this recipe would be collected.
std::string collection_key(const Recipe& recipe) {
  return keys_of(recipe, [&](const std::string& key) {
    return begins(key, "collect.") || (begins(key, "env.") && !kChangedWorld.count(key)) ||
           (begins(key, "safety.") && !recipe.env.plugin.empty());
  });
}

/// The arm whose pre-training `cell` takes, itself or another.
const StudyCell& start_of(const std::vector<StudyCell>& cells, const StudyCell& cell, const std::string& where) {
  const StudyCell* at = &cell;
  for (std::size_t hops = 0; !at->start.empty(); ++hops) {
    if (hops > cells.size())
      throw usage_error("arms start from each other", where + ", arm " + cell.arm + ", key start", "remove one `start`");
    at = &*std::find_if(cells.begin(), cells.end(), [&](const StudyCell& c) { return c.task == at->task && c.arm == at->start; });
  }
  if (at == &cell) return cell;
  const auto network = [](const std::string& key) { return begins(key, "network.") || key == "env.id"; };
  const std::string here = where + ", arm " + cell.arm + ", key start";
  if (at->recipe.pretrain.steps == 0)
    throw usage_error("arm " + at->arm + " has no pre-training", here, "name an arm with pretrain.steps above 0");
  if (keys_of(at->recipe, network) != keys_of(cell.recipe, network))
    throw usage_error("arm " + at->arm + " has another network", here, "the network sections of both must be the same");
  return *at;
}

std::string metric_of(const std::string& wanted, const std::vector<StudyCell>& cells, const std::string& where) {
  bool success = true;
  for (const StudyCell& cell : cells) {
    const EnvSpec& spec = env_spec(cell.recipe.env);
    success = success && spec.reports_success;
    if (wanted == "normalized" && spec.score_low == spec.score_high && !spec.counts_parts)
      throw usage_error("task " + cell.recipe.env.id + " has no normalised score", where + ", key metric", "choose another metric");
  }
  if (wanted == "success_rate" && !success)
    throw usage_error("a task of this study reports no success", where + ", key metric", "set metric = \"return_mean\"");
  return wanted != "auto" ? wanted : success ? "success_rate" : "return_mean";
}

class Planner {
 public:
  Planner(StudyPlan& plan, const std::vector<StudyCell>& cells, const std::string& where) : plan_(plan), cells_(cells), where_(where) {}

  void datasets() {
    for (const StudyCell& cell : cells_) {
      const Recipe& r = cell.recipe;
      if (!needs_data(r)) continue;
      if (r.data.collect && !fs::exists(r.data.path)) {
        const auto [at, first] = collections_.emplace(r.data.path, &cell);
        if (!first && collection_key(at->second->recipe) != collection_key(r))
          throw usage_error("two different datasets would be collected into one file, " + r.data.path,
                            fmt::format("{}, {}/{} and {}/{}", where_, at->second->task, at->second->arm, cell.task, cell.arm),
                            "give each its own data.path");
      }
      if (packs_.count(dataset_key(r)) || (fs::is_regular_file(r.data.path) && is_pack(r.data.path))) continue;
      // the hash is always there: a name must not depend on which datasets come before
      const std::string name = file_name_of(fs::path(r.data.path).stem().string()) + "-" + short_hash(dataset_key(r));
      const fs::path file = plan_.folder / "data" / (name + ".pack"), recipe = plan_.folder / "recipes/data" / (name + ".toml");
      packs_[dataset_key(r)] = plan_.jobs.size();
      plan_.jobs.push_back({.id = "data/" + name,
                            .kind = JobKind::kDataset,
                            .result = file,
                            .arguments = {"study", "dataset", recipe.string(), file.string()},
                            .task = cell.task,
                            .arm = cell.arm});
    }
  }

  void runs(std::int64_t seed) {
    for (std::size_t i = 0; i < cells_.size(); ++i) start(i, seed);
    for (std::size_t i = 0; i < cells_.size(); ++i) run(i, seed);
  }

  static std::string short_hash(const std::string& text) { return hex(checksum(text)).substr(0, 8); }

  static std::string start_name(const StudyCell& cell) {
    return cell.recipe.pretrain.agent + "-" + short_hash(pretraining_key(cell.recipe));
  }

 private:
  std::vector<std::size_t> dataset_of(const Recipe& r) const {
    const auto at = packs_.find(dataset_key(r));
    return at == packs_.end() ? std::vector<std::size_t>{} : std::vector{at->second};
  }

  StudyJob job(const StudyCell& cell, std::int64_t seed, JobKind kind, const std::string& id, const fs::path& result,
               const fs::path& recipe, const std::string& verb) const {
    StudyJob j{.id = id, .kind = kind, .result = result, .task = cell.task, .arm = cell.arm, .seed = seed};
    j.arguments = {verb, recipe.string(), "--seed", std::to_string(seed), "--out", result.string(), "--resume", "--quiet", "--no-report"};
    return j;
  }

  void start(std::size_t i, std::int64_t seed) {
    const StudyCell& cell = start_of(cells_, cells_[i], where_);
    if (cell.recipe.pretrain.steps == 0) return;
    const std::string name = start_name(cell);
    const std::string id = fmt::format("start/{}/seed{}", name, seed);
    if (starts_.count(id)) return;
    StudyJob j = job(cell, seed, JobKind::kStart, id, plan_.folder / "starts" / name / fmt::format("seed{}", seed),
                     plan_.folder / "recipes/starts" / (name + ".toml"), "pretrain");
    j.needs = dataset_of(cell.recipe);
    const Recipe& r = cell.recipe;
    j.work = static_cast<double>(r.pretrain.steps) * r.pretrain.batch * r.network.num_qs;
    starts_[id] = plan_.jobs.size();
    plan_.jobs.push_back(std::move(j));
  }

  void run(std::size_t i, std::int64_t seed) {
    const StudyCell& cell = cells_[i];
    const PlannedArm& arm = plan_.arms[i];
    const std::string name = file_name_of(cell.task) + "/" + file_name_of(cell.arm);
    StudyJob j = job(cell, seed, JobKind::kRun, fmt::format("run/{}/seed{}", name, seed), plan_.run_folder(arm, seed),
                     plan_.folder / "recipes/runs" / (name + ".toml"), arm.start.empty() ? "train" : "finetune");
    const Recipe& r = cell.recipe;
    if (r.needs_dataset_online()) j.needs = dataset_of(r);
    if (!arm.start.empty()) {
      j.arguments.insert(j.arguments.end(), {"--from", (plan_.start_folder(arm, seed) / "pretrained.safetensors").string()});
      j.needs.push_back(starts_.at(fmt::format("start/{}/seed{}", arm.start, seed)));
    }
    j.work = static_cast<double>(r.finetune.steps) * r.finetune.batch * r.finetune.utd * r.network.num_qs;
    plan_.jobs.push_back(std::move(j));
  }

  StudyPlan& plan_;
  const std::vector<StudyCell>& cells_;
  const std::string where_;
  std::map<std::string, const StudyCell*> collections_;
  std::map<std::string, std::size_t> packs_, starts_;
};

}  // namespace

std::string pretraining_key(const Recipe& recipe) {
  const std::string& agent = recipe.pretrain.agent;
  return keys_of(recipe, [&](const std::string& key) {
    for (const char* online : {"warm_up.", "finetune.", "retention.", "jsrl.", "eval.", "safety.", "log.", "monitor."})
      if (begins(key, online)) return false;
    if (begins(key, "run.")) return key == "run.backend" || key == "run.precision";
    if (begins(key, "iql.")) return agent == "iql";
    if (begins(key, "td3.")) return agent == "td3" || agent == "td3bc" || agent == "rebrac";
    return key.find('.') != std::string::npos && key != "env.plugin_timeout" && key != "env.plugin_reset_timeout" &&
           !kChangedWorld.count(key);
  });
}

fs::path StudyPlan::run_folder(const PlannedArm& arm, std::int64_t seed) const {
  return folder / "runs" / file_name_of(arm.task) / file_name_of(arm.arm) / fmt::format("seed{}", seed);
}

fs::path StudyPlan::start_folder(const PlannedArm& arm, std::int64_t seed) const {
  if (arm.start.empty()) return {};
  return folder / "starts" / arm.start / fmt::format("seed{}", seed);
}

StudyPlan make_plan(StudyFile study, const fs::path& folder, const std::vector<std::int64_t>& seeds) {
  const std::vector<StudyCell> cells = expand(study);
  const std::string where = study.path.string();
  StudyPlan plan{.folder = folder, .name = study.name, .question = study.question, .claim = study.claim};
  plan.metric = metric_of(study.metric, cells, where);
  plan.threshold = study.threshold, plan.interval = study.interval, plan.resamples = study.resamples;
  for (const StudyTask& task : study.tasks) {
    plan.tasks.push_back(task.name);
    if (!std::isnan(task.threshold)) plan.thresholds[task.name] = task.threshold;
  }
  plan.seeds = seeds;
  plan.notes = study.notes;
  for (const StudyCell& cell : cells) {
    const StudyCell& start = start_of(cells, cell, where);
    Recipe recipe = cell.recipe;
    plan.arms.push_back({.task = cell.task,
                         .arm = cell.arm,
                         .set = cell.set,
                         .recipe = recipe.toml(),
                         .start = start.recipe.pretrain.steps > 0 ? Planner::start_name(start) : ""});
  }
  std::map<std::string, std::vector<std::string>> waiting;  // rows -> arms
  for (const StudyCell& cell : cells)
    if (cell.waits) waiting[cell.set.back().second].push_back(cell.arm);
  for (auto& [rows, arms] : waiting) {
    std::sort(arms.begin(), arms.end());
    arms.erase(std::unique(arms.begin(), arms.end()), arms.end());
    plan.notes.push_back(
        fmt::format("finetune.min_buffer = {} for {}: all arms of one grid begin to learn at the same step", rows, fmt::join(arms, "; ")));
  }
  Planner planner(plan, cells, where);
  planner.datasets();
  for (const std::int64_t seed : seeds) planner.runs(seed);
  return plan;
}

}  // namespace warmstart
