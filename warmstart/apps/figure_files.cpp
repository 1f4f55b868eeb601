#include "warmstart/apps/figure_files.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "warmstart/apps/path_option.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

// SVG becomes PDF and PNG by this program; SVG itself needs none.
constexpr const char* kConverter = "rsvg-convert";
constexpr const char* kGetIt =
    "install it (Debian, Ubuntu: sudo apt-get install librsvg2-bin; macOS: brew install librsvg), or take "
    "--figure-format svg, which needs nothing";

bool installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const std::string& folder : split(path ? path : "", ':'))
    if (!folder.empty() && ::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

void convert(const fs::path& svg, const fs::path& out, const std::string& format) {
  const fs::path unfinished = out.string() + ".tmp";
  std::vector<std::string> words = {kConverter, "--format", format, "--output", unfinished.string(), svg.string()};
  if (format == "png") words.insert(words.begin() + 1, {"--zoom", "3.125"});  // 300 dots per inch, of 96
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, kConverter, nullptr, nullptr, argv.data(), environ);
  int status = 0;
  while (!failed && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::error_code none;
  if (failed || status != 0 || fs::file_size(unfinished, none) == 0 || none) {
    fs::remove(unfinished, none);
    throw machine_error(failed ? fmt::format("cannot start {}: {}", kConverter, errno_text(failed))
                               : fmt::format("{} failed; its own words are above", kConverter),
                        out.string(), kGetIt);
  }
  fs::rename(unfinished, out);
}

bool wants(const FigureOptions& options, const std::string& format) {
  return std::find(options.formats.begin(), options.formats.end(), format) != options.formats.end();
}

}  // namespace

FigureStyle FigureOptions::style() const {
  return {.center = center == "iqm" ? Center::kIqm : Center::kMean,
          .band = band == "std"     ? SpreadKind::kDeviation
                  : band == "range" ? SpreadKind::kRange
                                    : SpreadKind::kInterval};
}

void add_figure_options(CLI::App& verb, FigureOptions& options) {
  CLI::Option* folder =
      as_path(verb.add_option("--figures", options.folder, "folder for every plot as a figure and as tidy CSV, and for a LaTeX table"));
  verb.add_option("--figure-format", options.formats, "svg, pdf, png; several separated by commas (pdf and png by rsvg-convert)")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::IsMember({"svg", "pdf", "png"}))
      ->needs(folder);
  verb.add_option("--figure-band", options.band, "over seeds: interval (95% bootstrap), std, or range (smallest to largest)")
      ->capture_default_str()
      ->check(CLI::IsMember({"interval", "std", "range"}))
      ->needs(folder);
  verb.add_option("--figure-center", options.center, "over seeds: mean, or iqm (interquartile mean)")
      ->capture_default_str()
      ->check(CLI::IsMember({"mean", "iqm"}))
      ->needs(folder);
}

void check_figure_options(const FigureOptions& options) {
  if (options.folder.empty()) return;
  for (const char* format : {"pdf", "png"})
    if (wants(options, format) && !installed(kConverter))
      throw machine_error(fmt::format("{} is not installed, which makes {} of SVG", kConverter, format), "command line, --figure-format",
                          kGetIt);
}

std::size_t write_figures(const std::vector<TaskRuns>& tasks, const std::vector<LatexTable>& tables,
                          const std::vector<std::pair<std::string, Figure>>& more, const FigureOptions& options) {
  check_figure_options(options);
  const fs::path root = options.folder;
  make_folder(root);
  const ScratchFolder scratch("figures");
  std::size_t count = 0;
  std::string captions = "# Figures\n\nEach has its numbers in a CSV file of the same name.\n";
  const auto write = [&](const fs::path& folder, const Figure& figure) {
    const fs::path svg = (wants(options, "svg") ? folder : scratch.path()) / (figure.name + ".svg");
    write_atomically(svg, figure.svg);
    write_atomically(folder / (figure.name + ".csv"), figure.csv);
    for (const char* format : {"pdf", "png"})
      if (wants(options, format)) convert(svg, folder / fmt::format("{}.{}", figure.name, format), format);
    captions += fmt::format("- `{}`: {}\n", figure.name, figure.caption);
    ++count;
  };
  std::vector<std::string> used;
  for (const TaskRuns& task : tasks) {
    fs::path folder = root;
    if (tasks.size() > 1) {
      std::string name = file_name(task.env);
      while (std::find(used.begin(), used.end(), name) != used.end()) name += "-2";  // two tasks whose names differ in signs alone
      used.push_back(name);
      folder = root / name;
      make_folder(folder);
      captions += fmt::format("\n## {} (folder `{}`)\n", task.env, name);
    }
    captions += "\n";
    for (const auto& [of, figure] : more)
      if (of == task.env || (of.empty() && tasks.size() == 1)) write(folder, figure);
    for (const Figure& figure : report_figures(task, options.style())) write(folder, figure);
  }
  write_atomically(root / "captions.md", captions);
  write_atomically(root / "table.tex", latex_text(tables));
  return count;
}

}  // namespace warmstart
