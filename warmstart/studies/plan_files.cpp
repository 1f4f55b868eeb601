// The plan in its folder: plan.json, study.toml, recipes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/studies/plan.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

const char* const kKinds[] = {"dataset", "start", "run"};

Json pairs(const std::vector<Override>& set) {
  Json out = Json::object();
  for (const auto& [key, value] : set) out[key] = value;
  return out;
}

Json to_json(const StudyPlan& plan) {
  Json out = {{"name", plan.name},
              {"question", plan.question},
              {"claim", plan.claim},
              {"metric", plan.metric},
              {"threshold", std::isfinite(plan.threshold) ? Json(plan.threshold) : Json()},
              {"thresholds", plan.thresholds},
              {"interval", plan.interval},
              {"resamples", plan.resamples},
              {"tasks", plan.tasks},
              {"seeds", plan.seeds},
              {"arms", Json::array()},
              {"jobs", Json::array()}};
  for (const PlannedArm& a : plan.arms)
    out["arms"].push_back({{"task", a.task}, {"arm", a.arm}, {"set", pairs(a.set)}, {"start", a.start}, {"recipe", a.recipe}});
  for (const StudyJob& j : plan.jobs) {
    // relative to the study's folder, which may move
    out["jobs"].push_back({{"id", j.id},
                           {"kind", kKinds[static_cast<int>(j.kind)]},
                           {"result", j.result.lexically_relative(plan.folder).string()},
                           {"arguments", j.arguments},
                           {"needs", j.needs},
                           {"task", j.task},
                           {"arm", j.arm},
                           {"seed", j.seed},
                           {"work", j.work}});
  }
  return out;
}

StudyPlan from_json(const Json& in, const fs::path& folder) {
  StudyPlan plan{
      .folder = folder, .name = in.at("name"), .question = in.at("question"), .claim = in.at("claim"), .metric = in.at("metric")};
  plan.threshold = in.at("threshold").is_null() ? std::nan("") : in.at("threshold").get<double>();
  if (in.contains("thresholds")) plan.thresholds = in.at("thresholds").get<std::map<std::string, double>>();
  plan.interval = in.at("interval"), plan.resamples = in.at("resamples");
  plan.tasks = in.at("tasks").get<std::vector<std::string>>();
  plan.seeds = in.at("seeds").get<std::vector<std::int64_t>>();
  for (const Json& a : in.at("arms")) {
    PlannedArm arm{.task = a.at("task"), .arm = a.at("arm"), .recipe = a.at("recipe"), .start = a.at("start")};
    for (const auto& [key, value] : a.at("set").items()) arm.set.emplace_back(key, value.get<std::string>());
    plan.arms.push_back(std::move(arm));
  }
  for (const Json& j : in.at("jobs")) {
    const std::string kind = j.at("kind");
    plan.jobs.push_back({.id = j.at("id"),
                         .kind = static_cast<JobKind>(std::find(std::begin(kKinds), std::end(kKinds), kind) - std::begin(kKinds)),
                         .result = folder / j.at("result").get<std::string>(),
                         .arguments = j.at("arguments").get<std::vector<std::string>>(),
                         .needs = j.at("needs").get<std::vector<std::size_t>>(),
                         .task = j.at("task"),
                         .arm = j.at("arm"),
                         .seed = j.at("seed"),
                         .work = j.at("work")});
  }
  return plan;
}

void check_same(const StudyPlan& old, const StudyPlan& now) {
  const std::string where = (old.folder / "plan.json").string(),
                    remedy = "give the study file its earlier words again, or choose another --out for this one";
  if (old.name != now.name) throw usage_error("the folder holds another study, " + old.name, where, remedy);
  for (const PlannedArm& was : old.arms) {
    const auto is =
        std::find_if(now.arms.begin(), now.arms.end(), [&](const PlannedArm& a) { return a.task == was.task && a.arm == was.arm; });
    const std::string what = fmt::format("arm {} on {}", was.arm, was.task);
    if (is == now.arms.end()) throw usage_error("the folder holds a study with " + what + ", which the file has no more", where, remedy);
    const std::string changed = difference(parse_header_recipe(was.recipe, where), parse_header_recipe(is->recipe, where));
    if (!changed.empty()) throw usage_error(what + " changed since the study began: " + changed, where, remedy);
    if (was.start != is->start) throw usage_error(what + " has another start since the study began", where, remedy);
  }
}

// A study file that asks for the same, whatever becomes of the recipes it was written with.
std::string resolved_file(const StudyPlan& plan, StudyFile study) {
  const std::vector<StudyCell> cells = expand(study);
  study.recipe.clear();
  study.grid_name.clear();
  study.seeds = plan.seeds;
  std::string out = study.fields().toml();
  const auto text = [](const std::string& s) { return Json(s).dump(); };
  for (const std::string& task : plan.tasks) {
    out += fmt::format("\n[[task]]\nname = {}\nrecipes = {}\n", text(task), text("recipes/runs/" + file_name_of(task)));
    if (plan.thresholds.count(task)) out += fmt::format("threshold = {}\n", plan.thresholds.at(task));
  }
  std::vector<std::string> seen;
  for (const PlannedArm& arm : plan.arms) {
    if (std::find(seen.begin(), seen.end(), arm.arm) != seen.end()) continue;
    seen.push_back(arm.arm);
    out += fmt::format("\n[[arm]]\nname = {}\nrecipe = {}\n", text(arm.arm), text(file_name_of(arm.arm) + ".toml"));
    for (const StudyCell& cell : cells)
      if (cell.task == arm.task && cell.arm == arm.arm && !cell.start.empty()) out += fmt::format("start = {}\n", text(cell.start));
    if (!arm.set.empty()) out += "[arm.set]\n";
    Recipe any = parse_header_recipe(arm.recipe, "plan.json");
    const Fields fields = any.fields();
    for (const auto& [key, value] : arm.set) out += fmt::format("{} = {}\n", text(key), fields.at(key, "plan.json").toml());
  }
  return out;
}

void write_text(const fs::path& path, const std::string& text) {
  make_folder(path.parent_path());
  write_atomically(path, text);
}

}  // namespace

void save_plan(StudyPlan& plan, StudyFile study) {
  const bool begun = fs::exists(plan.folder / "plan.json");
  if (begun) {
    const StudyPlan old = load_plan(plan.folder);
    check_same(old, plan);
    std::vector<std::int64_t> seeds = old.seeds;
    for (const std::int64_t seed : plan.seeds)
      if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
    if (seeds != plan.seeds) plan = make_plan(study, plan.folder, seeds);
  }
  for (const StudyJob& job : plan.jobs) {
    const fs::path file = job.arguments[job.kind == JobKind::kDataset ? 2 : 1];
    if (begun && fs::exists(file)) continue;  // the same but for how the folder was spelled, which would change what runs resume with
    const auto arm =
        std::find_if(plan.arms.begin(), plan.arms.end(), [&](const PlannedArm& a) { return a.task == job.task && a.arm == job.arm; });
    Recipe recipe = parse_recipe(arm->recipe, "plan.json");
    // a pack is made from where the dataset lies; all others read the pack
    std::vector<std::size_t> needs = job.needs;
    for (const std::size_t need : job.needs) needs.insert(needs.end(), plan.jobs[need].needs.begin(), plan.jobs[need].needs.end());
    for (const std::size_t need : needs)
      if (plan.jobs[need].kind == JobKind::kDataset) recipe.data.path = plan.jobs[need].result.string(), recipe.data.collect = false;
    if (job.kind == JobKind::kStart) recipe.label = recipe.pretrain.agent;
    write_text(file, recipe.toml());
  }
  write_text(plan.folder / "study.toml", resolved_file(plan, study));
  write_text(plan.folder / "plan.json", to_json(plan).dump(1) + "\n");  // last: it says that the others are there
}

StudyPlan load_plan(const fs::path& folder) {
  const fs::path file = folder / "plan.json";
  if (!fs::exists(file))
    throw data_error("no study in this folder", folder.string(), "name a study file that was begun, or the folder given with --out");
  try {
    return from_json(Json::parse(read_text(file)), folder);
  } catch (const Json::exception& e) {
    throw data_error(fmt::format("damaged: {}", e.what()), file.string(),
                     "restore it from a copy, or begin the study in another folder with --out");
  }
}

}  // namespace warmstart
