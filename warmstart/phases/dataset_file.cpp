#include "warmstart/phases/dataset_file.h"

#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/demonstrations.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {

namespace {

const char* const kAnew = "to make it anew, remove the file, or name another data.path";

// data come from the world as it was
EnvConfig original_world(const Recipe& recipe) {
  EnvConfig original = recipe.env;
  original.friction_scale = original.mass_scale = 1, original.clearance = 0;
  return original;
}

// Recording moves a machine, or something that may be one: a plug-in, or a task of a program's own that cannot be saved.
bool may_move_a_machine(const EnvConfig& env) { return !env.plugin.empty() || !make_env(env)->can_save(); }

}  // namespace

std::string collection_difference(const Recipe& recipe) {
  // a file that cannot be opened says so when it is read
  std::map<std::string, std::string> recorded;
  std::map<std::string, std::string> wanted;
  EnvSpec spec = env_spec(recipe.env);
  spec.max_episode_steps = time_limit(recipe.env);
  try {
    recorded = open_steps(recipe.data.path, steps_options(spec, recipe.observation_keys()))->layout().metadata;
  } catch (const Error&) {
    return "";
  }
  if (!recorded.contains("collector_version"))
    return fmt::format("{} is there already and was not made by `collect`: it is used as it is, whatever the collect section says; {}",
                       recipe.data.path, kAnew);
  try {
    wanted = describe_collection(original_world(recipe), spec, recipe.collect);
  } catch (const Error& error) {  // the expert's file, or the agent's
    return fmt::format("{} is there already and is used as it is; it cannot be compared with the collect section: {}", recipe.data.path,
                       error.what());
  }
  std::vector<std::string> differ;
  for (const auto& [key, value] : wanted) {
    if (key == "simulator") continue;  // other versions are said by `data info`
    const auto found = recorded.find(key);
    if (found == recorded.end() || found->second != value)
      differ.push_back(fmt::format("{} = {} instead of {}", key, found == recorded.end() ? "(not recorded)" : found->second, value));
  }
  for (const char* key : {"friction_scale", "mass_scale", "clearance"})
    if (recorded.contains(key)) differ.push_back(fmt::format("{} = {} instead of the task's own", key, recorded[key]));
  if (differ.empty()) return "";
  return fmt::format("{} is there already and was collected with {} of this recipe; it is used as it is: {}", recipe.data.path,
                     join(differ), kAnew);
}

void collect_if_missing(const Recipe& recipe, const std::function<void(const std::string&)>& note) {
  if (!recipe.data.collect) return;
  if (fs::exists(recipe.data.path)) {
    if (const std::string other = collection_difference(recipe); !other.empty()) note("warning: " + other);
    return;
  }
  const fs::path folder = fs::path(recipe.data.path).parent_path();
  if (!folder.empty()) make_folder(folder);
  // of several runs that begin together one collects and the others wait
  const fs::path lock = recipe.data.path + ".lock";
  ExclusiveLock mine(lock, "name a data.path in a folder you may write to");
  if (!mine.try_lock()) {
    note("another run collects " + recipe.data.path + ": waiting for it");
    mine.lock();
  }
  if (fs::exists(recipe.data.path)) return;
  note(recipe.collect.protocol == "demonstrations"
           ? fmt::format("collecting {} demonstrations and their clone's episodes into {}", recipe.collect.demonstrations, recipe.data.path)
           : fmt::format("collecting {} steps into {}", recipe.collect.steps, recipe.data.path));
  // a machine keeps its limits whoever acts; simulated data do not depend on those of the run that asks for them first
  const SafetyConfig safety = !recipe.safety.off() && may_move_a_machine(original_world(recipe)) ? recipe.safety : SafetyConfig{};
  const CollectReport report = collect(original_world(recipe), recipe.collect, recipe.data.path, {}, safety);
  for (const std::string& line : report.notes) note(line);
  std::error_code none;
  fs::remove(lock, none);
  note(fmt::format("collected {} episodes, success {:.0f}%, {:.0f} steps/s", report.episodes, 100 * report.success_share,
                   report.steps_per_second));
}

}  // namespace warmstart
