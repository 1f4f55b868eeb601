// Recorded steps as text, a line each: what io/episode_log.h writes, or any table with these columns. Layout: docs/formats/csv.md.
#pragma once
#include <filesystem>
#include <memory>

#include "warmstart/io/array_file.h"

namespace warmstart {

/// The file begins as such a table does: with a column named first, obs_0 or observation_0, behind comments (#) and blank lines.
bool is_csv(const std::filesystem::path& path);

/// The whole table in memory, as D4RL's flat arrays. An episode begins where `first` is 1, and the one before it, when it did not end by a
/// flag, was cut: a timeout. A line that a crash cut off is left out and counted in the metadata. Throws Error(kData) naming file, line
/// and column.
std::unique_ptr<ArrayFile> open_csv(const std::filesystem::path& path);

}  // namespace warmstart
