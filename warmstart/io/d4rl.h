// D4RL's HDF5 layout, as a file holds it: flat arrays over time, episodes marked by flags.
// Layout: docs/formats/dataset.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"

namespace warmstart {

/// [rows, cols] doubles for infos/ (simulator state must not be rounded).
struct DoubleTable {
  int rows = 0, cols = 0;
  std::vector<double> values;
};

struct D4rlFile {
  Matrix observations;                          ///< [T,O]
  Matrix actions;                               ///< [T,A]
  std::vector<float> rewards;                   ///< [T]
  std::vector<std::uint8_t> terminals;          ///< [T] 0/1: true end of an episode
  std::vector<std::uint8_t> timeouts;           ///< [T] 0/1: cut by a time limit
  Matrix next_observations;                     ///< [T,O], or 0 rows when the file has none
  std::map<std::string, DoubleTable> infos;     ///< name under infos/ -> [T, k]; e.g. qpos, qvel, goal, success
  std::map<std::string, std::string> metadata;  ///< name under metadata/ -> text
  std::vector<double> action_low, action_high;  ///< [A] range of the actions in their own units (metadata/action_low), or empty
};

/// Reads a whole file of this layout and no other (io/steps.h reads every format). Flags may be bool, integer or float, (T,) or (T,1);
/// numbers may be f4 or f8, rewards (T,) or (T,1). Throws Error(kData) naming file, key and remedy: missing, truncated, not HDF5, a key
/// absent, lengths that disagree.
D4rlFile read_d4rl(const std::filesystem::path& path);

/// Writes gzip-compressed f4 arrays, f8 infos and boolean flags that h5py reads as such; replaces `path` atomically.
/// Throws Error(kMachine) on a full disk or an unwritable folder.
void write_d4rl(const std::filesystem::path& path, const D4rlFile& file);

}  // namespace warmstart
