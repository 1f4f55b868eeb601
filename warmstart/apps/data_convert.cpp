// `warmstart data convert IN OUT` and `warmstart data pack IN OUT`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/data_options.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/data/pack_dataset.h"
#include "warmstart/envs/env.h"
#include "warmstart/phases/replay_dataset.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

struct Options : DataOptions {
  std::string out, task;
  bool overwrite = false;
};

void check_output(const Options& o) {
  std::error_code error;
  if (std::filesystem::exists(o.out, error)) {
    if (std::filesystem::equivalent(steps_file(o.file), o.out, error))
      throw usage_error("input and output are the same file", o.out, "choose another name for the output");
    if (!o.overwrite) throw usage_error("the output exists", o.out, "replace it with --overwrite, or choose another name");
  }
}

std::unique_ptr<CheckedSteps> open_input(const Options& o) {
  check_output(o);
  std::unique_ptr<CheckedSteps> steps;
  if (o.task.empty()) {
    steps = open_data(o);
  } else {
    // a recording of another task: only how it is read is this one's
    DatasetOptions asked = asked_of(o);
    const EnvSpec& spec = env_spec(o.task);
    const StepsOptions read = steps_options(spec, o.keys.empty() ? spec.data.other_keys : o.keys);
    asked.observation_keys = read.observation_keys, asked.max_episode_steps = read.max_episode_steps;
    steps = open_checked(o.file, asked);
  }
  const StepsLayout& l = steps->layout();
  fmt::print("read     {} ({})\n", l.path, format_name(l.format));
  if (!l.observation_keys.empty()) fmt::print("flatten  observations: {}\n", join(l.observation_keys));
  return steps;
}

D4rlFile read_input(const Options& o) {
  if (!is_run_folder(o.file)) {
    Findings findings;
    D4rlFile file = read_checked(*open_input(o), findings);
    print_findings(findings);
    return file;
  }
  check_output(o);
  D4rlFile file = replay_dataset(o.file);
  fmt::print("read     {} (replay buffer of a run)\n", o.file);
  return file;
}

void convert(const Options& o) {
  D4rlFile file = read_input(o);
  if (!o.task.empty()) {
    const std::size_t before = file.rewards.size();
    file = data_for_task(file, env_spec(o.task), o.file);
    fmt::print("made     data of {}: {} of {} steps are kept, rewards and ends are the task's\n", o.task, file.rewards.size(), before);
  }
  remove_unfinished(o.out);
  write_d4rl(o.out, file);
  std::vector<std::string> infos;
  for (const auto& [name, table] : file.infos) infos.push_back(name);
  fmt::print("wrote    {} (D4RL HDF5): {} steps, {} episodes, observation {}, action {}, next observations {}, infos {}\n", o.out,
             file.rewards.size(), episodes_of(file).size(), file.observations.cols(), file.actions.cols(),
             file.next_observations.rows() > 0 ? "stored" : "none", infos.empty() ? "none" : join(infos));
  fmt::print("numbers are 4-byte floats, as training reads them; infos are 8-byte floats\n");
}

void pack(const Options& o) {
  const auto reader = open_input(o);
  remove_unfinished(o.out);
  const PackSizes s = pack_dataset(*reader, o.out);
  print_findings(reader->findings());
  fmt::print("packed   {}: {} steps, observation {}, action {}, {:.1f} MB on disk\n", o.out, s.steps, s.obs_size, s.action_size,
             1e-6 * static_cast<double>(std::filesystem::file_size(o.out)));
  if (s.has_next) fmt::print("next observations: {} of their own, the others are the following step's\n", s.ends);
  if (s.clipped) fmt::print("{} action entries are clipped to +-{} for training; the others are kept too\n", s.clipped, s.action_clip);
  if (!reader->layout().infos.empty()) fmt::print("left out: infos\n");
}

}  // namespace

void add_data_conversions(CLI::App& data) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, const char* in, const char* out, void (*work)(const Options&)) {
    CLI::App* verb = data.add_subcommand(name, help);
    as_path(verb->add_option("IN", options->file, in))->required();
    as_path(verb->add_option("OUT", options->out, out))->required();
    add_data_options(*verb, *options);
    verb->add_flag("--overwrite", options->overwrite, "replace OUT");
    verb->callback([options, work] { work(*options); });
    return verb;
  };
  CLI::App* convert_verb = add("convert", "writes any dataset in D4RL's HDF5 layout",
                               "dataset: D4RL HDF5, Minari file or folder, NPZ, pack; or a run's folder, for its replay buffer",
                               "D4RL .hdf5 file to write", convert);
  convert_verb->add_option(
      "--for", options->task,
      "recordings of the same body as data of this task: kitchen-...-v0 from FrankaKitchen-v1, ...-binary-v0 from other rewards");
  add("pack", "writes a memory-mapped copy for datasets larger than memory", "dataset: D4RL HDF5, Minari file or folder, NPZ, pack",
      "file to write; name it in data.path", pack);
}

}  // namespace warmstart
