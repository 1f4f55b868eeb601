// `warmstart import`: makes a start for fine-tuning from a checkpoint of the public reference implementation.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/flax_import.h"

namespace warmstart {
namespace {

struct Options {
  std::string checkpoint, recipe, out = "pretrained.safetensors";
  bool overwrite = false;
};

void run(const Options& o, const std::vector<Override>& overrides) {
  const Recipe recipe = read_named_recipe(o.recipe, overrides);
  if (!o.overwrite && std::filesystem::exists(o.out))
    throw usage_error("the file exists", o.out, "replace it with --overwrite, or choose another --out");
  const FlaxCheckpoint file = read_flax_checkpoint(o.checkpoint);
  FlaxImport import = import_flax(file, recipe);
  write_imported(import, file, recipe, o.out);
  fmt::print("{} after {} updates: {}, each with its optimiser\n", file.where, import.steps, join(import.modules));
  for (const std::string& note : import.notes) fmt::print("note: {}\n", note);
  std::string keys;
  for (const auto& [key, value] : overrides) keys += fmt::format(" --{} '{}'", key, value);
  fmt::print("saved {}; go on with: warmstart finetune {} --from {}{}\n", o.out, o.recipe, o.out, keys);
}

}  // namespace

void add_import(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("import", "make a start for `finetune --from` out of a checkpoint of the JAX reference implementation");
  as_path(verb->add_option("CHECKPOINT", o->checkpoint,
                           "checkpoint_N, the folder or file that the reference's finetune.py saved (SAC, CQL, Cal-QL)"))
      ->required();
  as_path(verb->add_option("--recipe", o->recipe, "recipe file (TOML) of the same task and networks, to fine-tune with"))->required();
  as_path(verb->add_option("--out", o->out, "file to write"))->capture_default_str();
  verb->add_flag("--overwrite", o->overwrite, "replace the file that --out names");
  verb->allow_extras();
  verb->footer(
      "Takes actor, critics, target critics, temperature, CQL's alpha, and every optimiser's moments and count. Discount, learning rates "
      "and "
      "all else come from the recipe, whose keys can be given as --section.key VALUE. docs/formats/flax.md");
  verb->callback([o, verb] { run(*o, parse_overrides(*verb)); });
}

}  // namespace warmstart
