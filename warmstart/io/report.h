// What runs are compared by: one self-contained HTML page, and a short table for the terminal.
// Both show the numbers of metrics.jsonl; nothing is measured here.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "warmstart/io/metrics.h"

namespace warmstart {

/// What a run folder holds. Files that are absent leave their part empty; only metrics.jsonl is needed.
struct RunFiles {
  std::filesystem::path folder;
  std::string label;                ///< runs of one label are seeds of one method; "" is replaced by the folder's name
  std::string method, env, status;  ///< from run.json, "" when absent
  std::string seed;                 ///< as text, "" when absent
  std::string recipe;               ///< recipe.toml
  std::string info;                 ///< run.json
  std::vector<MetricsRow> rows;
  std::vector<MetricsRow> timing;           ///< timing.jsonl, rows of kind "timing"
  std::map<std::string, double> seconds;    ///< phase -> wall-clock seconds
  std::map<std::string, double> at_switch;  ///< run.json's own evaluation at the switch, used when no row has one
  std::int64_t warm_up_steps = 0;
  std::optional<std::int64_t> updates;  ///< gradient updates since the switch; none when run.json does not say, or the run goes on
};

/// An episode of a run's policy as one picture that moves.
struct RunFilm {
  std::string label, env, seed;  ///< of the run, as in RunFiles
  std::string policy;            ///< "pre-trained", "final", "latest"
  std::string caption;           ///< what is seen; without a picture: why there is none
  std::string media_type;        ///< "image/gif"
  std::vector<std::uint8_t> picture;
};

/// What a page shows besides the runs' own files.
struct ReportExtras {
  std::string study;  ///< JSON text of a study's question, arms and measures (docs/report.md), "" = none
  std::vector<RunFilm> films;
};

/// Throws Error(kData): no such folder, no metrics in it, malformed metrics.jsonl, timing.jsonl or run.json; no row yet, unless
/// `begun` = a run that has only just begun will do.
RunFiles read_run(const std::filesystem::path& folder, bool begun = false);

/// The run folders at or below `path` (two levels: a folder of seeds, a folder of methods), sorted by name.
/// Throws Error(kData) when there is none.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& path);

/// All that a page shows, as one JSON object: statistics per task, never over tasks. Throws Error(kData) for a malformed study.
std::string report_data(const std::vector<RunFiles>& runs, const ReportExtras& extras = {});

/// One HTML page that needs no other file and no network. A `live` page asks the server it came from for newer data.
/// `plotly_js` is plotly.min.js; throws Error(kMachine) when it is missing.
std::string report_page(const std::string& data, const std::filesystem::path& plotly_js, bool live = false);

/// Writes the page of `runs`; replaces `html` atomically. Throws Error(kMachine) when plotly_js is missing or `html` cannot be
/// written, Error(kUsage) for no runs.
void write_report(const std::vector<RunFiles>& runs, const std::filesystem::path& html, const std::filesystem::path& plotly_js,
                  const ReportExtras& extras = {});

/// The installed plotly.min.js, or the one in the Python environment of the build.
std::filesystem::path plotly_script();

/// A line per label: seeds, online updates, evaluation before the switch, lowest and final after it, drop, forgotten, steps to recover. A
/// table per task, and below it what the numbers do not say: runs that failed or made no update, and that one seed has no spread. Ends with
/// a newline.
std::string summary_table(const std::vector<RunFiles>& runs);

}  // namespace warmstart
