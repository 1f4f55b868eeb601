#include "warmstart/apps/run_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/apps/path_option.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/core/threads.h"
#include "warmstart/io/report.h"
#include "warmstart/phases/recipe_files.h"

namespace warmstart {
namespace {

namespace fs = std::filesystem;

// A word without a section can only be meant as one of the verb's own options.
Error unknown_option(const std::string& name, const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& known : option->get_lnames()) names.push_back(known);
  std::string meant = "--" + nearest_name(name, names);
  Recipe any;
  std::vector<std::string> keys;
  const Fields fields = any.fields();
  for (const Field& f : fields.list()) keys.push_back(f.key);
  // a key's last part alone; options win over keys that are merely alike
  for (const std::string& key : nearest_keys(name, keys))
    if (key.ends_with("." + name)) meant = (meant.ends_with("." + name) ? meant + " or --" : "--") + key;
  // the option of another verb: --env-plugin is --env.plugin here
  std::string as_key = name;
  if (const auto dash = as_key.find('-'); dash != std::string::npos) as_key[dash] = '.';
  std::replace(as_key.begin(), as_key.end(), '-', '_');
  if (std::find(keys.begin(), keys.end(), as_key) != keys.end()) meant = "--" + as_key;
  return usage_error("unknown option --" + name, "command line", "did you mean " + meant + "? keys are given as --section.key VALUE");
}

// A finished run must not count as failed because the report's script is not installed.
void report(const std::vector<RunFiles>& runs, const fs::path& html) {
  try {
    write_report(runs, html, plotly_script());
  } catch (const Error& e) {
    fmt::print(stderr, "no report: {}\n", e.what());
  }
}

// What the run has not said itself. A full disk must not hide why it ended.
void end_as(Run& run, const std::string& status) {
  try {
    if (run_status(run.options.folder) == "running") run.write_info(status);
  } catch (const std::exception&) {
  }
}

}  // namespace

Recipe read_named_recipe(const std::string& name, const std::vector<Override>& overrides, RecipeSize size, PhasesToRun phases) {
  std::vector<std::string> notes;
  const fs::path file = find_recipe(name, notes);
  Recipe recipe = load_recipe(file, overrides, size, phases);
  recipe.notes.insert(recipe.notes.begin(), notes.begin(), notes.end());
  for (const std::string& note : recipe.notes) fmt::print(stderr, "note: {}\n", note);
  return recipe;
}

std::vector<Override> parse_overrides(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  std::vector<Override> out;
  for (std::size_t i = 0; i < extras.size(); ++i) {
    const std::string& word = extras[i];
    if (word.rfind("--", 0) != 0)
      throw usage_error("unexpected argument " + word, "command line", "keys are given as --section.key value; see --help");
    const auto equals = word.find('=');
    const std::string key = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (key.find('.') == std::string::npos) {
      Recipe any;
      const Fields known = any.fields();  // name, label and summary have no section
      if (std::none_of(known.list().begin(), known.list().end(), [&](const Field& f) { return f.key == key; }))
        throw unknown_option(key, app);
    }
    if (equals != std::string::npos) out.emplace_back(key, word.substr(equals + 1));
    else if (i + 1 < extras.size()) out.emplace_back(key, extras[++i]);
    else throw usage_error("no value for " + word, "command line", "give it as " + word + " VALUE");
  }
  return out;
}

std::string& command_line() {
  static std::string line;
  return line;
}

void add_run_options(CLI::App& app, RunArguments& args) {
  as_path(app.add_option("RECIPE", args.recipe, "recipe file (TOML); `warmstart list recipes` shows the bundled ones"))->required();
  as_path(app.add_option("--out", args.out, "folder of the run (default runs/RECIPE-seedN)"));
  app.add_option("--seed", args.seed, "seed of every random stream (default: the recipe's run.seed, 0)")
      ->check(CLI::Range(std::int64_t{0}, kMaxSeed));
  app.add_option("--seeds", args.seeds, "run that many seeds, seed, seed+1, ..., and report them together")->check(CLI::Range(1, 1000));
  app.add_option("--threads", args.threads, "threads (default: all CPUs); the result does not depend on it")->check(CLI::Range(1, 1024));
  app.add_option("--precision", args.precision, "fp32 or bf16 instead of the recipe's run.precision; `warmstart explain run.precision`");
  as_path(app.add_option("--data", args.data, "dataset file instead of the recipe's data.path"));
  app.add_flag(
      "--small", args.small,
      "the reduced sizes of the recipe's family (its small.toml; docs/results.md), below what other options say; runs/RECIPE-small-seedN");
  app.add_flag("--resume", args.resume, "continue the run in the folder, bit for bit; start it when there is none");
  app.add_flag("--overwrite", args.overwrite, "replace the run in the folder");
  app.add_flag("--dry-run", args.dry_run, "print the resolved recipe and stop");
  app.add_flag("--quiet", args.quiet, "no progress");
  app.add_flag("--no-report", args.no_report, "leave out report.html; `warmstart report` makes it later");
  app.allow_extras();
  app.footer("Every key of a recipe can be given as --section.key VALUE, e.g. --agent.tau 0.01; `warmstart explain KEY` says what it is.");
}

void for_each_seed(RunArguments& args, const CLI::App& app, const std::function<void(Run&)>& body) {
  args.overrides = parse_overrides(app);
  if (!args.data.empty()) args.overrides.emplace_back("data.path", args.data), args.overrides.emplace_back("data.collect", "false");
  if (!args.precision.empty()) args.overrides.emplace_back("run.precision", args.precision);
  Recipe recipe = read_named_recipe(args.recipe, args.overrides, args.small ? RecipeSize::kSmall : RecipeSize::kFull, args.phases);
  if (const PrecisionChoice choice = choose_precision(recipe.run.precision); !choice.note.empty())
    fmt::print(stderr, "note: {}\n", choice.note);
  const std::int64_t first = args.seed >= 0 ? args.seed : recipe.run.seed;
  std::vector<fs::path> folders;
  for (int i = 0; i < args.seeds; ++i) {
    recipe.run.seed = first + i;
    if (args.dry_run) {
      fmt::print("{}", recipe.toml());
      return;
    }
    const std::string seed_name = "seed" + std::to_string(recipe.run.seed);
    RunOptions options{.folder = args.out.empty() ? fs::path("runs") / (recipe.name + "-" + seed_name)
                                 : args.seeds > 1 ? fs::path(args.out) / seed_name
                                                  : fs::path(args.out),
                       .threads = args.threads > 0 ? args.threads : available_cpus(),
                       .resume = args.resume,
                       .overwrite = args.overwrite,
                       .from = args.from,
                       .phases = args.phases,
                       .command = command_line()};
    const std::string title = args.seeds > 1 ? fmt::format("[{} {}]", recipe.label, seed_name) : fmt::format("[{}]", recipe.label);
    if (!args.quiet) options.progress = progress_display(title);
    Run run(recipe, options);
    folders.push_back(options.folder);
    if (run.resumed() && run.finished()) fmt::print(stderr, "{} finished before, nothing to do\n", options.folder.string());
    try {
      body(run);
      if (!run.stopped().empty()) fmt::print(stderr, "{} {}\n", title, run.stopped());
    } catch (const Error& error) {
      end_as(run, error.code() == Exit::kInterrupted ? "interrupted" : "failed");
      throw;
    }
    end_as(run, "stopped");  // a verb that had nothing to do for a run on its way
    if (!args.no_report) report({read_run(options.folder)}, options.folder / "report.html");
  }
  std::vector<RunFiles> runs;
  for (const auto& folder : folders) runs.push_back(read_run(folder));
  if (runs.size() > 1 && !args.no_report)
    report({runs}, args.out.empty() ? fs::path("runs") / (recipe.name + "-report.html") : fs::path(args.out) / "report.html");
  fmt::print("{}", summary_table(runs));
}

}  // namespace warmstart
