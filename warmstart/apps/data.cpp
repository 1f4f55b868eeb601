// `warmstart data info FILE`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/data_options.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/data/summary.h"

namespace warmstart {
namespace {

struct Options : DataOptions {
  bool json = false;
};

void info(const Options& o) {
  const DatasetSummary s = summarize(*open_data(o));
  fmt::print("{}", o.json ? summary_json(s, o.file) : summary_text(s, o.file));
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "look into offline datasets, convert them");
  data->require_subcommand(1);
  // the callback runs after this function has returned
  const auto options = std::make_shared<Options>();
  CLI::App* verb = data->add_subcommand("info", "what a dataset holds: episodes, ranges, returns, NaNs");
  as_path(verb->add_option("FILE", options->file, "dataset: D4RL HDF5, Minari file or folder, NPZ, CSV, pack"))->required();
  add_data_options(*verb, *options);
  verb->add_flag("--json", options->json, "one JSON object instead of text");
  verb->callback([options] { info(*options); });
  add_data_verify(*data);
  add_data_conversions(*data);
}

}  // namespace warmstart
