// Metrics of a run, written as they come: metrics.jsonl (one object a line) and metrics.csv (tidy: one number a line).
// Both hold only what the seed determines, so a resumed run ends with the same bytes; wall-clock goes to timing.jsonl.
// Layout: docs/formats/metrics.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace warmstart {

/// One logged moment. `kind` is "train" (means since the last such row), "eval", "episode" or "switch".
struct MetricsRow {
  std::string phase;      ///< "pretrain", "warmup", "finetune"
  std::int64_t step = 0;  ///< gradient steps in pretrain, environment steps since the switch otherwise
  std::string kind;
  std::vector<std::pair<std::string, double>> values;
};

class MetricsLog {
 public:
  /// Bytes of each file that a checkpoint has committed.
  struct Offsets {
    std::uint64_t jsonl = 0, csv = 0;
  };

  /// Opens the files in `folder` (made when missing), cutting them back to `committed`: what a resumed run had at its
  /// checkpoint, {} for a new run. timing.jsonl is only cut back to its last whole line. Throws Error(kData) when a file
  /// is shorter than committed, Error(kMachine) when the folder is not writable.
  MetricsLog(const std::filesystem::path& folder, const Offsets& committed);

  /// Appends one row to both files. A value that is not finite is `nan` or `inf` in the CSV and null in the JSONL.
  /// Throws Error(kMachine) when the disk is full.
  void write(const MetricsRow& row);
  /// Appends to timing.jsonl: seconds since the process started, and the phase's rate.
  void write_timing(const std::string& phase, std::int64_t step, double seconds, double steps_per_second);
  /// Flushes to disk and returns what is now committed.
  Offsets sync();

 private:
  std::filesystem::path folder_;
  std::ofstream jsonl_, csv_, timing_;
};

/// Reads metrics.jsonl of a run folder; null becomes NaN, a last line without newline (still being written) is left out.
/// Throws Error(kData) naming file and line for a malformed line.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& run_folder);

}  // namespace warmstart
