// A recorded dataset in any format that is read here, as flat arrays over time and in slabs: the whole need not fit into memory.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "warmstart/io/d4rl.h"

namespace warmstart {

enum class StepsFormat { kD4rl, kMinari, kNpz, kPack, kCsv };
const char* format_name(StepsFormat format);  ///< "D4RL HDF5", "Minari", "NPZ", "pack", "CSV"

/// What is known of a dataset once it is open.
struct StepsLayout {
  StepsFormat format = StepsFormat::kD4rl;
  std::string path;       ///< of the file that is read
  std::size_t steps = 0;  ///< T
  int obs_size = 0, action_size = 0;
  bool has_next = false;                        ///< next observations are known
  std::vector<std::string> observation_keys;    ///< Dict observations: what became of them, "achieved_goal (2)"; else empty
  std::map<std::string, int> infos;             ///< name under infos/ -> columns
  std::map<std::string, std::string> metadata;  ///< name -> text
  /// [A] What the file says of the actions' range, in the file's own units: all finite, low < high; both empty when it does not say.
  std::vector<double> action_low, action_high;
  std::vector<std::string> notes;  ///< a line each: what in the file is not used, or is read in a way worth knowing
};

struct StepsOptions {
  /// Dict observations only: the keys to take, in this order, comma-separated ("observation,desired_goal"; a nested key is
  /// "outer/inner"). "" takes all in the order of gymnasium.spaces.flatten.
  std::string observation_keys = {};
  /// D4RL files without `timeouts`: an episode ends after so many steps, D4RL's rule; 0 refuses such files.
  int max_episode_steps = 0;
};

class StepsReader {
 public:
  virtual ~StepsReader() = default;
  const StepsLayout& layout() const { return layout_; }
  /// Fills the arrays of `slab` (not infos, not metadata) with the next steps: `count`, or what is left. Errors name key and row.
  virtual void read(std::size_t count, D4rlFile& slab) = 0;
  /// infos/ of all steps at once.
  virtual std::map<std::string, DoubleTable> infos() { return {}; }

 protected:
  StepsLayout layout_;
};

/// Steps per slab: some MB, and more than a compressed chunk of usual files.
constexpr std::size_t kSlabSteps = 65536;

/// Recognises the format by the file's first bytes and by what is inside; a folder may be that of a Minari dataset.
/// Throws Error(kData) naming file, key and remedy: missing, damaged, a layout or a key that is not understood.
std::unique_ptr<StepsReader> open_steps(const std::filesystem::path& path, const StepsOptions& options = {});

/// The file that `path` means: itself, or main_data.hdf5 of a Minari folder.
std::filesystem::path steps_file(const std::filesystem::path& path);

/// The whole of a reader that was not read from before.
D4rlFile read_all(StepsReader& reader);

}  // namespace warmstart
