// `warmstart export`: the policy as an ONNX model, a C file or a safetensors file, checked before it is left in place.
#include "warmstart/phases/export/export.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"

namespace warmstart {
namespace {

struct Options {
  std::string file, format, out, name = "policy", low, high;
  bool stochastic = false, overwrite = false;
};

void run(const Options& o) {
  const ExportFormat format = export_format(o.format);
  if (o.stochastic && format != ExportFormat::kOnnx)
    throw usage_error("only an ONNX model is either deterministic or sampling", "--stochastic and --format " + o.format,
                      "leave out --stochastic: the file holds both");
  const bool begins_well = !o.name.empty() && o.name.find_first_of("0123456789") != 0;
  if (!begins_well || o.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != std::string::npos)
    throw usage_error("not a name for functions: " + o.name, "--name", "use letters, digits and _, a letter first");
  if (!o.overwrite && std::filesystem::exists(o.out))
    throw usage_error("the file exists", o.out, "replace it with --overwrite, or choose another --out");
  if (format == ExportFormat::kC && !o.overwrite && std::filesystem::exists(c_header_path(o.out)))
    throw usage_error("the header's file exists", c_header_path(o.out).string(), "replace it with --overwrite, or choose another --out");
  ExportedActor actor = exported_actor(read_agent_file(o.file), o.name);
  const Fields units = actor.units.fields();
  if (!o.low.empty()) units.at("units.action_low", "--action-low").set_text(o.low, "--action-low");
  if (!o.high.empty()) units.at("units.action_high", "--action-high").set_text(o.high, "--action-high");
  actor.units.validate(actor.action_size());
  if (!o.low.empty() || !o.high.empty()) actor.units_from = "in the units of --action-low and --action-high";
  const auto difference = write_export(actor, format, o.stochastic, o.out);
  const std::string header = format == ExportFormat::kC ? " and " + c_header_path(o.out).string() : "";
  fmt::print("saved {}{}: {}, {} observations -> {} actions\n", o.out, header, actor.env, actor.obs_size(), actor.action_size());
  fmt::print("actions {}: {}\n", actor.units_from, action_range(actor));
  if (difference)
    fmt::print("checked: its actions differ from ours by at most {:.1e} (allowed are {:.0e})\n", *difference, kExportTolerance);
  else fmt::print("not checked: there is no C compiler (cc) to run it with; compare before you rely on it\n");
}

}  // namespace

void add_export(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("export", "The policy of a saved agent as an ONNX model, a C file or a safetensors file");
  as_path(verb->add_option("FILE", o->file, "pretrained.safetensors, final.safetensors or checkpoint.safetensors of a run"))->required();
  verb->add_option("--format", o->format, "onnx, c or safetensors")->required();
  as_path(verb->add_option("--out", o->out, "File to write"))->required();
  verb->add_option("--name", o->name, "Name of the graph, and first word of the C functions")->capture_default_str();
  verb->add_option("--action-low", o->low, "The machine's action where the policy's is -1: one number, or one for each, comma-separated");
  verb->add_option("--action-high", o->high, "The machine's action where the policy's is 1");
  verb->add_flag("--stochastic", o->stochastic, "ONNX: a model that samples, with one more input, noise");
  verb->add_flag("--overwrite", o->overwrite, "Replace the file that --out names");
  verb->footer(
      "Limits of the recipe's [safety] section are part of the file. It is read back (C: compiled and run) and compared with our own "
      "policy; a file that differs is not left behind. docs/export.md");
  verb->callback([o] { run(*o); });
}

}  // namespace warmstart
