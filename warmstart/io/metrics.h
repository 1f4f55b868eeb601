// Metrics of a run, written as they come: metrics.jsonl (one object a line), metrics.csv (tidy: one number a line) and a
// TensorBoard event file. The first two hold only what the seed determines, so a resumed run ends with the same bytes;
// wall-clock goes to timing.jsonl and the event file.
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

/// Which files a run writes beside metrics.jsonl, which reports are made from.
struct MetricsFiles {
  bool csv = true, tensorboard = true;
};

/// The event file's name in a run folder; TensorBoard and others look for "tfevents", a time and a host.
inline constexpr const char* kTensorBoardFile = "events.out.tfevents.0000000000.warmstart";

class MetricsLog {
 public:
  /// Bytes of each file that a checkpoint has committed; 0 for a file that is not written.
  struct Offsets {
    std::uint64_t jsonl = 0, csv = 0, tensorboard = 0;
  };

  /// Opens the files in `folder` (made when missing), cutting them back to `committed`: what a resumed run had at its
  /// checkpoint, {} for a new run. timing.jsonl is only cut back to its last whole line. Throws Error(kData) when a file
  /// is shorter than committed, Error(kMachine) when the folder is not writable. `recipe` is the run's own, TOML: a new event file begins
  /// with it, as text and as settings. A table or event file that is new in the middle of a run begins with the rows logged before;
  /// `pretrain_steps` is as in write().
  MetricsLog(const std::filesystem::path& folder, const Offsets& committed, MetricsFiles files = {}, const std::string& recipe = "",
             std::int64_t pretrain_steps = 0);

  /// Appends one row to every file. A value that is not finite is `nan` or `inf` in the CSV and null in the JSONL.
  /// Throws Error(kMachine) when the disk is full. In the event file, evaluations are there twice: as they are, and as one curve over the
  /// switch, in which steps online come after `pretrain_steps`.
  void write(const MetricsRow& row, std::int64_t pretrain_steps = 0);
  /// Appends to timing.jsonl: seconds in the phase so far, those before a resume included, and the phase's rate.
  void write_timing(const std::string& phase, std::int64_t step, double seconds, double steps_per_second);
  /// Flushes to disk and returns what is now committed.
  Offsets sync();

 private:
  std::filesystem::path folder_;
  MetricsFiles files_;
  std::ofstream jsonl_, csv_, tensorboard_, timing_;
};

/// Reads metrics.jsonl of a run folder; null becomes NaN, a last line without newline (still being written) is left out.
/// Throws Error(kData) naming file and line for a malformed line.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& run_folder);
/// The same of timing.jsonl, as rows of kind "timing"; empty when there is none.
std::vector<MetricsRow> read_timing(const std::filesystem::path& run_folder);

}  // namespace warmstart
