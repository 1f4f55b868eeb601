// `warmstart data info FILE`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/data/summary.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

struct Options {
  std::string file, keys, env;
  bool json = false;
};

void info(const Options& o) {
  const StepsOptions options = o.env.empty() ? StepsOptions{.observation_keys = o.keys} : steps_options(env_spec(o.env), o.keys);
  const DatasetSummary s = summarize(*open_steps(o.file, options));
  fmt::print("{}", o.json ? summary_json(s, o.file) : summary_text(s, o.file));
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "look into offline datasets, convert them");
  data->require_subcommand(1);
  // the callback runs after this function has returned
  const auto options = std::make_shared<Options>();
  CLI::App* verb = data->add_subcommand("info", "what a dataset holds: episodes, ranges, returns, NaNs");
  as_path(verb->add_option("FILE", options->file, "dataset: D4RL HDF5, Minari file or folder, NPZ, pack"))->required();
  verb->add_option("--observation-keys", options->keys, "Dict observations: keys to take, in order, comma-separated");
  verb->add_option("--env", options->env, "take this task's keys of Dict observations, and its time limit where there are no timeouts");
  verb->add_flag("--json", options->json, "one JSON object instead of text");
  verb->callback([options] { info(*options); });
  add_data_verify(*data);
  add_data_conversions(*data);
}

}  // namespace warmstart
