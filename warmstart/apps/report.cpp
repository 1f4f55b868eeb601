// `warmstart report`: run folders in, one HTML page and a table out, or a page that follows them.
#include "warmstart/io/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "warmstart/apps/figure_files.h"
#include "warmstart/apps/live_report.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/rollouts.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

struct Options {
  std::vector<std::string> runs;
  std::string out;
  bool film = false, live = false;
  int port = 8765;
  FigureOptions figures;
};

std::vector<fs::path> folders_of(const Options& options) {
  std::vector<fs::path> folders;
  for (const auto& path : options.runs)
    for (const auto& folder : find_runs(path)) {
      // a run named twice must not count as two seeds
      const bool seen = std::any_of(folders.begin(), folders.end(), [&](const fs::path& f) { return fs::equivalent(f, folder); });
      if (!seen) folders.push_back(folder);
    }
  return folders;
}

std::vector<RunFiles> read_runs(const Options& options) {
  std::vector<RunFiles> runs;
  for (const auto& folder : folders_of(options)) runs.push_back(read_run(folder, options.live));
  return runs;
}

// length and time of every file that a page is made of
std::string version_of(const Options& options) {
  std::string text;
  for (const auto& folder : folders_of(options))
    for (const char* name : {"metrics.jsonl", "timing.jsonl", "run.json", "recipe.toml"}) {
      std::error_code absent;
      const auto size = fs::file_size(folder / name, absent);
      const auto time = fs::last_write_time(folder / name, absent).time_since_epoch().count();
      text += absent ? "-" : fmt::format("{}/{}/{},", folder.string(), size, time);
    }
  return hex(checksum(text));
}

void follow(const Options& options) {
  const auto data = [&] { return report_data(read_runs(options)); };
  const LivePage live{options.port, report_page(data(), plotly_script(), true), [&] { return version_of(options); }, data};
  serve(live, [](const std::string& address) {
    fmt::print("{} shows the runs while they go on; Ctrl-C ends it\n", address);
    std::fflush(stdout);
  });
}

void report(const Options& options) {
  if (options.live) return follow(options);
  check_figure_options(options.figures);
  const std::vector<RunFiles> runs = read_runs(options);
  const fs::path html = options.out.empty() ? fs::path(options.runs.front()) / "report.html" : fs::path(options.out);
  if (!html.parent_path().empty() && !fs::is_directory(html.parent_path()))
    throw usage_error("no such folder", html.parent_path().string(), "make it, or choose another --out");
  ReportExtras extras;
  if (options.film) extras.films = film_runs(runs);
  write_report(runs, html, plotly_script(), extras);
  fmt::print("{}\nwrote {}\n", summary_table(runs), html.string());
  if (options.figures.folder.empty()) return;
  const std::vector<TaskRuns> tasks = by_task(runs);
  const std::size_t count = write_figures(tasks, report_tables(tasks, options.figures.style()), {}, options.figures);
  fmt::print("wrote {} figures, captions.md and table.tex into {}\n", count, options.figures.folder);
}

}  // namespace

void add_report(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("report", "one self-contained HTML page (and a table) about one or many runs");
  as_path(verb->add_option("RUN", options->runs, "run folders, or folders that hold them; runs of one label are shown as seeds of it"))
      ->required();
  CLI::Option* out = as_path(verb->add_option("--out", options->out, "the page to write (default: report.html in the first folder)"));
  CLI::Option* film = verb->add_flag("--film", options->film, "show an episode of the pre-trained and of the final policy in it");
  CLI::Option* live = verb->add_flag("--live", options->live, "serve the page on 127.0.0.1 while the runs go on, until Ctrl-C");
  live->excludes(out)->excludes(film);
  verb->add_option("--port", options->port, "of --live; 0 = any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535))
      ->needs(live);
  add_figure_options(*verb, options->figures);
  live->excludes(verb->get_option("--figures"));
  verb->callback([options] { report(*options); });
}

}  // namespace warmstart
