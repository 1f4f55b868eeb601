// Options that every verb with a run shares.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "warmstart/phases/run.h"

namespace warmstart {

struct RunArguments {
  std::string recipe, out, data, from, precision;
  std::int64_t seed = -1;
  int seeds = 1, threads = 0;
  bool small = false, resume = false, overwrite = false, dry_run = false, quiet = false, no_report = false;
  std::string command;  ///< as typed
  PhasesToRun phases;   ///< of the verb

  /// Extras of the form --section.key value or --section.key=value.
  std::vector<Override> overrides;
};

/// Adds RECIPE, --out, --seed, --seeds, --threads, --precision, --small, --resume, --overwrite, --dry-run, --data, --quiet, --no-report and
/// the overrides.
void add_run_options(CLI::App& app, RunArguments& args);

/// The recipe that `name` means (phases/recipe_files.h), with `overrides`; what its user should know goes to standard error.
Recipe read_named_recipe(const std::string& name, const std::vector<Override>& overrides = {}, RecipeSize size = RecipeSize::kFull,
                         PhasesToRun phases = {});

/// What the command line says beyond `app`'s options, which must be keys of a recipe. Throws Error(kUsage) for other words.
std::vector<Override> parse_overrides(const CLI::App& app);

/// Calls `body` for one prepared run per seed, with progress on standard error; prints where things lie, writes the
/// report and the summary table at the end.
void for_each_seed(RunArguments& args, const CLI::App& app, const std::function<void(Run&)>& body);

/// A progress display on standard error: one line in place on a terminal, plain lines otherwise.
std::function<void(const Progress&)> progress_display(const std::string& title);

/// The same for an evaluation of its own, after the first second: which of `episodes` it is in, and its step.
std::function<void(int episode, std::int64_t step)> evaluation_display(int episodes);

/// The command line as typed, for reports; set by main.
std::string& command_line();

}  // namespace warmstart
