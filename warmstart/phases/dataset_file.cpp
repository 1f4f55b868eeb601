#include "warmstart/phases/dataset_file.h"

#include <fmt/format.h>

#include "warmstart/core/files.h"

namespace warmstart {

void collect_if_missing(const Recipe& recipe, const std::function<void(const std::string&)>& note) {
  if (fs::exists(recipe.data.path) || !recipe.data.collect) return;
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
  EnvConfig original = recipe.env;  // data come from the world as it was
  original.friction_scale = original.mass_scale = 1, original.clearance = 0;
  // a machine keeps its limits whoever acts; simulated data do not depend on those of the run that asks for them first
  const SafetyConfig safety = recipe.env.plugin.empty() ? SafetyConfig{} : recipe.safety;
  const CollectReport report = collect(original, recipe.collect, recipe.data.path, {}, safety);
  for (const std::string& line : report.notes) note(line);
  std::error_code none;
  fs::remove(lock, none);
  note(fmt::format("collected {} episodes, success {:.0f}%, {:.0f} steps/s", report.episodes, 100 * report.success_share,
                   report.steps_per_second));
}

}  // namespace warmstart
