// `warmstart report`: run folders in, one HTML page and a table out.
#include "warmstart/io/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"

namespace warmstart {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> runs;
  std::string out;
};

void report(const Options& options) {
  std::vector<fs::path> folders;
  for (const auto& path : options.runs)
    for (const auto& folder : find_runs(path)) {
      // a run named twice must not count as two seeds
      const bool seen = std::any_of(folders.begin(), folders.end(), [&](const fs::path& f) { return fs::equivalent(f, folder); });
      if (!seen) folders.push_back(folder);
    }
  std::vector<RunFiles> runs;
  for (const auto& folder : folders) runs.push_back(read_run(folder));
  const fs::path html = options.out.empty() ? fs::path(options.runs.front()) / "report.html" : fs::path(options.out);
  if (!html.parent_path().empty() && !fs::is_directory(html.parent_path()))
    throw usage_error("no such folder", html.parent_path().string(), "make it, or choose another --out");
  write_report(runs, html, plotly_script());
  fmt::print("{}\nwrote {}\n", summary_table(runs), html.string());
}

}  // namespace

void add_report(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("report", "one self-contained HTML page (and a table) about one or many runs");
  verb->add_option("RUN", options->runs, "run folders, or folders that hold them; runs of one label are shown as seeds of it")->required();
  verb->add_option("--out", options->out, "the page to write (default: report.html in the first folder)");
  verb->callback([options] { report(*options); });
}

}  // namespace warmstart
