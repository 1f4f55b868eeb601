// `warmstart data info FILE`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/verbs.h"
#include "warmstart/data/summary.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

struct Options {
  std::string file, keys, env;
  bool json = false;
};

void info(const Options& o) {
  StepsOptions options{.observation_keys = o.keys};
  if (!o.env.empty()) {
    const EnvSpec& spec = env_spec(o.env);
    if (o.keys.empty()) options.observation_keys = spec.observation_keys;
    options.max_episode_steps = spec.max_episode_steps;
  }
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
  verb->add_option("FILE", options->file, "dataset: D4RL HDF5, Minari file or folder, NPZ, pack")->required();
  verb->add_option("--observation-keys", options->keys, "Dict observations: keys to take, in order, comma-separated");
  verb->add_option("--env", options->env, "take this task's keys of Dict observations, and its time limit where there are no timeouts");
  verb->add_flag("--json", options->json, "one JSON object instead of text");
  verb->callback([options] { info(*options); });
  add_data_verify(*data);
  add_data_conversions(*data);
}

}  // namespace warmstart
