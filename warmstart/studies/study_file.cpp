#include "warmstart/studies/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "warmstart/core/error.h"
#include "warmstart/core/paths.h"
#include "warmstart/core/text.h"
#include "warmstart/io/toml.h"
#include "warmstart/phases/recipe_files.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

// As a command line would write it.
std::string text_of(const Json& value) {
  if (value.is_null()) return "nan";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

ConfigValue config_value(const Json& value, const std::string& where) {
  if (value.is_null()) return std::nan("");
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  const auto all = [&](auto test) { return std::all_of(value.begin(), value.end(), test); };
  if (value.is_array() && all([](const Json& x) { return x.is_number_integer(); })) return value.get<std::vector<std::int64_t>>();
  if (value.is_array() && all([](const Json& x) { return x.is_number(); })) return value.get<std::vector<double>>();
  throw usage_error("wrong type: " + value.dump(), where, "see docs/studies/README.md for what goes here");
}

const Json& table_of(const Json& value, const std::string& where) {
  if (!value.is_object()) throw usage_error("not a table", where, "write it as a table of keys and values");
  return value;
}

// Keys that a study decides itself.
const std::map<std::string, std::string> kOwn = {
    {"run.seed", "list the seeds in `seeds`"},
    {"name", "names come from the study"},
    {"label", "an arm's name is its label"},
    {"run.max_steps", "a run of a study goes to its end: lower finetune.steps"},
    {"run.max_seconds", "a run of a study goes to its end: lower finetune.steps"},
};

void check_switch(const std::string& key, const std::string& value, const std::string& where) {
  if (const auto own = kOwn.find(key); own != kOwn.end()) throw usage_error("a study sets " + key + " itself", where, own->second);
  Recipe any;
  any.fields().at(key, where).set_text(value, where);
}

// {"warm_up": {"steps": 0}} and {"warm_up.steps": 0} are one thing: TOML has both spellings.
void flatten(const Json& table, const std::string& prefix, std::vector<std::pair<std::string, Json>>& out) {
  for (const auto& [name, value] : table.items()) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    if (value.is_object()) flatten(value, key, out);
    else out.emplace_back(key, value);
  }
}

std::vector<Override> read_set(const Json& table, const std::string& where) {
  std::vector<std::pair<std::string, Json>> flat;
  flatten(table_of(table, where), "", flat);
  std::vector<Override> out;
  for (const auto& [key, value] : flat) {
    check_switch(key, text_of(value), where);
    out.emplace_back(key, text_of(value));
  }
  return out;
}

std::vector<GridKey> read_grid(const Json& table, const std::string& file) {
  const std::string where = file + ", [grid]";
  std::vector<std::pair<std::string, Json>> flat;
  flatten(table_of(table, where), "", flat);
  if (flat.empty()) throw usage_error("the grid is empty", where, "give a key and a list of values, or remove [grid]");
  std::vector<GridKey> out;
  for (const auto& [key, values] : flat) {
    if (!values.is_array()) throw usage_error("the grid needs a list of values", where + ", key " + key, "write [value, value, ...]");
    if (values.empty()) throw usage_error("the grid is empty", where + ", key " + key, "give at least one value, or remove the key");
    GridKey entry{key, {}};
    for (const Json& value : values) {
      check_switch(key, text_of(value), where);
      if (std::find(entry.values.begin(), entry.values.end(), text_of(value)) != entry.values.end())
        throw usage_error("a value is given twice: " + text_of(value), where + ", key " + key, "remove one");
      entry.values.push_back(text_of(value));
    }
    out.push_back(std::move(entry));
  }
  return out;
}

// Sets `fields` from `table`; tables of the names in `apart` are left to the caller.
void assign(const Fields& fields, const Json& table, const std::string& where, const std::vector<std::string>& apart) {
  std::vector<std::string> known = apart;
  for (const Field& f : fields.list()) known.push_back(f.key);
  for (const auto& [key, value] : table.items()) {
    if (std::find(apart.begin(), apart.end(), key) != apart.end()) continue;
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw usage_error("unknown key " + key, where, "did you mean " + nearest_name(key, known) + "? recipe keys go into a `set` table");
    fields.at(key, where).set(config_value(value, where + ", key " + key), where);
  }
}

template <class Entry>
std::vector<Entry> read_entries(const Json& root, const std::string& table, const std::string& file) {
  std::vector<Entry> out;
  if (!root.contains(table)) return out;
  const std::string where = file + ", [[" + table + "]]";
  if (!root[table].is_array()) throw usage_error("one table where a list is expected", where, "write [[" + table + "]]");
  for (const Json& item : root[table]) {
    Entry entry;
    table_of(item, where);
    const std::string here =
        item.contains("name") && item["name"].is_string() ? where + " " + item["name"].template get<std::string>() : where;
    assign(entry.fields(), item, here, {"set"});
    if (entry.name.empty()) throw usage_error("no name", where, "give `name = \"...\"`");
    if (item.contains("set")) entry.set = read_set(item["set"], here + ", set");
    for (const Entry& other : out)
      if (other.name == entry.name) throw usage_error("two of one name: " + entry.name, where, "give each its own name");
    out.push_back(std::move(entry));
  }
  return out;
}

struct Combination {
  std::string name;
  std::vector<Override> set;
};

std::string combination_name(const std::vector<Override>& values, const std::string& pattern, const std::string& file) {
  if (pattern.empty()) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : values) parts.push_back(key + "=" + value);
    return join(parts);
  }
  std::string out = pattern;
  for (const auto& [key, value] : values) {
    const auto at = out.find("{" + key + "}");
    if (at == std::string::npos)
      throw usage_error("grid_name leaves out a key of the grid", file + ", key grid_name", "put {" + key + "} into it");
    out.replace(at, key.size() + 2, value);
  }
  return out;
}

// The cross product, the last key fastest; one combination without keys when there is no grid.
std::vector<Combination> combinations(const StudyFile& study) {
  std::vector<Combination> all = {{}};
  for (const GridKey& g : study.grid) {
    std::vector<Combination> next;
    for (const Combination& before : all)
      for (const std::string& value : g.values) {
        next.push_back(before);
        next.back().set.emplace_back(g.key, value);
      }
    all = std::move(next);
  }
  for (Combination& c : all)
    if (!c.set.empty()) c.name = combination_name(c.set, study.grid_name, study.path.string());
  return all;
}

fs::path recipe_path(StudyFile& study, const StudyTask& task, const StudyArm& arm, const std::string& where) {
  const std::string& own = arm.recipe;
  const fs::path name = !own.empty() ? fs::path(task.recipes) / own : fs::path(!task.recipe.empty() ? task.recipe : study.recipe);
  if (name.empty()) throw usage_error("no recipe", where, "give `recipe = \"...\"` at the top, in the task or in the arm");
  const fs::path here = study.path.has_parent_path() ? study.path.parent_path() : ".";
  return find_bundled(name.string(), "recipes", here, "recipe", where + ", key recipe", study.notes).lexically_normal();
}

// Paths that the study file sets start where its other paths do.
void resolve_paths(StudyFile& study, std::vector<Override>& overrides, const std::string& where) {
  Recipe any;
  const Fields fields = any.fields();
  for (auto& [key, text] : overrides)
    if (fields.at(key, where).doc.path) text = path_named_by(study.path, expand_home(text, where + ", key " + key), key, study.notes);
}

}  // namespace

StudyFile::StudyFile() : threshold(std::numeric_limits<double>::quiet_NaN()) {}
StudyTask::StudyTask() : threshold(std::numeric_limits<double>::quiet_NaN()) {}

Fields StudyTask::fields() {
  Fields all("");
  all.add("name", name, {"how results name the task", "", "always"});
  all.add("recipe", recipe, path_of("recipe of the arms that name none", "tasks with recipes of their own"));
  all.add("recipes", recipes, path_of("folder of the arms' recipes", "arms that are other recipes on each task"));
  all.add("threshold", threshold,
          {"instead of the study's; nan = that one", "", "tasks whose returns differ in size", -1e12, 1e12, {}, true});
  return all;
}

Fields StudyArm::fields() {
  Fields all("");
  all.add("name", name, {"how results name the arm", "", "always"});
  all.add("recipe", recipe, path_of("recipe instead of the task's or the study's", "arms that are methods of their own"));
  all.add(
      "start", start,
      {"another arm whose pre-training this one takes although their settings differ", "", "to compare online learners from one start"});
  all.add("grid", grid, {"combine this arm with the grid", "", "false for an arm that stands beside the grid"});
  return all;
}

Fields StudyFile::fields() {
  Fields all("");
  all.add("name", name, {"names the output folder; the file's name unless given", "", "two versions of one study side by side"});
  all.add("question", question, {"what the study asks, one sentence", "", "always"});
  all.add("claim", claim, {"what the paper says about it", "", "when it does"});
  all.add("recipe", recipe, path_of("recipe of the arms that name none", "always, unless tasks or arms name theirs"));
  all.add("seeds", seeds, {"seeds of every arm", "", "more for narrower intervals"});
  all.add("metric", metric,
          choice("what is compared; auto is success_rate where the tasks report success, else return_mean", "tasks with a normalised score",
                 {"auto", "success_rate", "return_mean", "normalized"}));
  all.add("threshold", threshold,
          {"level of the metric for `steps_to_threshold`; nan = none", "", "the level that is good enough for you", -1e12, 1e12, {}, true});
  all.add("interval", interval,
          {"coverage of the bootstrap interval of the mean over seeds", "", "0.68 for a standard error", 0.01, 0.999});
  all.add("resamples", resamples, {"resamples of the bootstrap", "", "more for the tails of wide intervals", 100, 1e6});
  all.add("grid_name", grid_name,
          {"how combinations of the grid are named, {key} standing for a value; \"\" = key=value, ...", "", "shorter names in reports"});
  return all;
}

std::string file_name_of(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool fine = std::isalnum(static_cast<unsigned char>(c)) || std::string(".,_=+-").find(c) != std::string::npos;
    if (fine) out += c;
    else if (out.empty() || out.back() != '-') out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() || out[0] == '.' ? "_" + out : out;
}

StudyFile read_study(const fs::path& path) {
  const std::string where = path.string();
  const Json root = Json::parse(toml_as_json(path, "study file"));
  StudyFile study;
  study.path = path;
  study.name = path.stem().string();
  assign(study.fields(), root, where, {"set", "task", "grid", "arm"});
  if (study.name != file_name_of(study.name))
    throw usage_error("the name cannot be a folder's: " + study.name, where + ", key name", "use " + file_name_of(study.name));
  if (study.seeds.empty()) throw usage_error("no seed", where + ", key seeds", "give at least one, e.g. [0, 1, 2]");
  std::set<std::int64_t> seen;
  for (const std::int64_t seed : study.seeds) {
    if (seed < 0) throw usage_error(fmt::format("a negative seed: {}", seed), where + ", key seeds", "seeds are 0 or more");
    if (!seen.insert(seed).second) throw usage_error(fmt::format("a seed is given twice: {}", seed), where + ", key seeds", "remove one");
  }
  if (root.contains("set")) study.set = read_set(root["set"], where + ", [set]");
  study.tasks = read_entries<StudyTask>(root, "task", where);
  study.arms = read_entries<StudyArm>(root, "arm", where);
  if (root.contains("grid")) study.grid = read_grid(root["grid"], where);
  if (study.grid.empty() && study.arms.empty())
    throw usage_error("nothing to compare: no [grid] and no [[arm]]", where, "add a key with a list of values below [grid]");
  if (study.tasks.empty()) study.tasks.emplace_back();
  if (study.arms.empty()) study.arms.emplace_back();
  return study;
}

namespace {

// By default each arm would begin to learn with one whole batch of its own, so a grid of batches or UTDs would compare beginnings as well.
void begin_to_learn_together(std::span<StudyCell> cells, std::span<const fs::path> recipes, const std::string& where) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::int64_t most = 0;
    bool varies = false;
    for (std::size_t k = 0; k < cells.size(); ++k) {
      if (recipes[k] != recipes[i] || cells[k].recipe.finetune.min_buffer > 0) continue;
      most = std::max(most, cells[k].recipe.rows_before_update());
      for (const auto& [key, value] : cells[k].set) varies = varies || key == "finetune.batch" || key == "finetune.utd";
    }
    StudyCell& cell = cells[i];
    Recipe& r = cell.recipe;
    // where the warm-up is longer, learning begins behind it
    if (!varies || r.finetune.min_buffer > 0 || r.rows_before_update() == most || (!r.warm_up.automatic() && r.warm_up_steps() >= most))
      continue;
    cell.waits = true;
    cell.set.emplace_back("finetune.min_buffer", std::to_string(most));
  }
  for (StudyCell& cell : cells) {
    if (!cell.waits) continue;
    cell.recipe.finetune.min_buffer = std::stoll(cell.set.back().second);
    try {
      cell.recipe.validate();
    } catch (const Error& e) {
      throw Error(e.code(), e.what(), where + ", arm " + cell.arm,
                  "all arms of a grid of batches or UTDs begin to learn with the largest batch: set finetune.min_buffer for each to choose "
                  "otherwise");
    }
  }
}

}  // namespace

std::vector<StudyCell> expand(StudyFile& study) {
  const std::string where = study.path.string();
  std::vector<StudyCell> cells;
  std::vector<fs::path> recipes;  // of each cell
  for (StudyTask& task : study.tasks) {
    std::set<std::string> names, files;
    const std::size_t first = cells.size();
    for (const StudyArm& arm : study.arms) {
      const std::vector<Combination> none = {{}};
      for (const Combination& values : arm.grid ? combinations(study) : none) {
        StudyCell cell;
        cell.arm = arm.name.empty() ? values.name : values.name.empty() ? arm.name : arm.name + ", " + values.name;
        cell.start = arm.start;
        cell.set = arm.set;
        cell.set.insert(cell.set.end(), values.set.begin(), values.set.end());
        const std::string here = where + (task.name.empty() ? "" : ", task " + task.name) + ", arm " + cell.arm;
        if (!names.insert(cell.arm).second)
          throw usage_error("two arms of one name, " + cell.arm, where, "give each arm, or grid_name, its own words");
        if (!files.insert(file_name_of(cell.arm)).second)
          throw usage_error("two arms whose folders would both be " + file_name_of(cell.arm), here,
                            "folders keep letters, digits and a few signs: give each arm other words");
        std::vector<Override> overrides = study.set;
        overrides.insert(overrides.end(), task.set.begin(), task.set.end());
        overrides.insert(overrides.end(), cell.set.begin(), cell.set.end());
        overrides.emplace_back("label", cell.arm);
        resolve_paths(study, overrides, here);
        const fs::path recipe = recipe_path(study, task, arm, here);
        try {
          cell.recipe = load_recipe(recipe, overrides);
        } catch (const Error& e) {
          throw Error(e.code(), e.what(), here, "correct the recipe " + recipe.string() + " or what the study sets");
        }
        if (cell.recipe.run.max_steps > 0 || cell.recipe.run.max_seconds > 0)
          throw usage_error("the recipe stops its runs early", here + ", run.max_steps or run.max_seconds of " + recipe.string(),
                            kOwn.at("run.max_steps"));
        cell.recipe.run.seed = 0;
        study.notes.insert(study.notes.end(), cell.recipe.notes.begin(), cell.recipe.notes.end());
        if (task.name.empty()) task.name = cell.recipe.env.id;
        cell.task = task.name;
        cells.push_back(std::move(cell));
        recipes.push_back(recipe);
      }
    }
    begin_to_learn_together(std::span(cells).subspan(first), std::span<const fs::path>(recipes).subspan(first), where);
    // `start` names an arm of the same task, after the grid
    for (std::size_t i = first; i < cells.size(); ++i) {
      if (cells[i].start.empty()) continue;
      if (!names.count(cells[i].start))
        throw usage_error("no arm of the name " + cells[i].start, where + ", arm " + cells[i].arm + ", key start",
                          "did you mean " + nearest_name(cells[i].start, {names.begin(), names.end()}) + "?");
    }
  }
  std::vector<std::string> once;  // arms share files
  for (const std::string& note : study.notes)
    if (std::find(once.begin(), once.end(), note) == once.end()) once.push_back(note);
  study.notes = std::move(once);
  std::set<std::string> folders;
  for (const StudyTask& task : study.tasks)
    if (!folders.insert(file_name_of(task.name)).second)
      throw usage_error("two tasks of one name, or of one folder, " + task.name, where, "give each task its own name");
  return cells;
}

}  // namespace warmstart
