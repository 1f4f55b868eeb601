// Options that `data info`, `verify`, `convert` and `pack` share: how a dataset is read, and for which task.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "warmstart/data/checked_steps.h"
#include "warmstart/envs/env.h"

namespace warmstart {

struct DataOptions {
  std::string file, keys, low, high;
  EnvConfig env;  ///< id and plug-in are empty when no task is named
  DataOptions() { env.id.clear(); }
  bool has_task() const { return !env.id.empty() || !env.plugin.empty(); }
};

/// --observation-keys, --env, --env-plugin, --action-low and --action-high, into `o`, which must live until the callback.
void add_data_options(CLI::App& verb, DataOptions& o);

/// What they ask of the file; of a task's data when one is named. Throws Error(kUsage) for bounds that are no numbers.
DatasetOptions asked_of(const DataOptions& o);

/// The file with its checks; with those of where it was recorded when a task is named.
std::unique_ptr<CheckedSteps> open_data(const DataOptions& o);

/// Notes and warnings, one a line.
void print_findings(const Findings& findings);

}  // namespace warmstart
