#include "warmstart/apps/data_options.h"

#include <fmt/format.h>

#include "warmstart/apps/path_option.h"
#include "warmstart/core/fields.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {

void add_data_options(CLI::App& verb, DataOptions& o) {
  verb.add_option("--observation-keys", o.keys, "Dict observations: keys to take, in order, comma-separated (default: the task's)");
  CLI::Option* env =
      verb.add_option("--env", o.env.id, "task of the data: its sizes, rewards, bounds of actions and time limit are checked");
  CLI::Option* plugin = as_path(verb.add_option("--env-plugin", o.env.plugin, "shared object with a task of your own, in place of --env"));
  env->excludes(plugin);
  verb.add_option("--action-low", o.low, "the file's action that becomes -1: one number, or one for each coordinate, comma-separated");
  verb.add_option("--action-high", o.high, "the file's action that becomes 1, likewise");
}

DatasetOptions asked_of(const DataOptions& o) {
  DatasetOptions asked = o.has_task() ? dataset_options(env_spec(o.env), o.keys) : DatasetOptions{.observation_keys = o.keys};
  asked.source = o.file;
  Fields bounds("data");
  bounds.add("action_low", asked.action_low, {"what becomes -1"});
  bounds.add("action_high", asked.action_high, {"what becomes 1"});
  if (!o.low.empty()) bounds.at("data.action_low", "--action-low").set_text(o.low, "--action-low");
  if (!o.high.empty()) bounds.at("data.action_high", "--action-high").set_text(o.high, "--action-high");
  return asked;
}

std::unique_ptr<CheckedSteps> open_data(const DataOptions& o) {
  auto steps = open_checked(o.file, asked_of(o));
  if (o.has_task()) {
    const auto& metadata = steps->layout().metadata;
    if (const auto env = metadata.find("env"); env != metadata.end()) check_body(env->second, env_spec(o.env), steps->early());
  }
  return steps;
}

void print_findings(const Findings& findings) {
  for (const Finding& f : findings) fmt::print("{}\n", labeled(f));
}

}  // namespace warmstart
