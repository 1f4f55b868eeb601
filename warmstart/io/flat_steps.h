// D4RL's flat layout in any container of named arrays. Internal to io/. Layout: docs/formats/dataset.md.
#pragma once
#include <memory>

#include "warmstart/core/error.h"
#include "warmstart/io/array_file.h"
#include "warmstart/io/steps.h"

namespace warmstart {

/// Owns `file`. Shapes are checked at once; values while they are read.
std::unique_ptr<StepsReader> open_flat_steps(std::unique_ptr<ArrayFile> file, StepsFormat format, const StepsOptions& options);

/// Throws when an array has more values than any dataset: a damaged header must not eat the machine.
void check_value_count(const std::string& path, const std::string& key, const ArrayShape& shape);
/// For ArrayFile::unwritten's answer, where values are needed.
Error never_written(const std::string& path, const std::string& key, const std::string& which);
/// Keeps bounds of the actions in `layout` when there is a finite pair for every entry; else a note says why not.
/// Throws when a lower bound is not below its upper one.
void set_action_bounds(std::vector<double> low, std::vector<double> high, StepsLayout& layout);
/// metadata/action_low and metadata/action_high, one number or one per entry, when the file has both.
void read_action_bounds(const ArrayFile& file, StepsLayout& layout);
/// Flags must be 0 or 1; `first` is the row of values[0], for the message.
void check_flags(const std::string& path, const std::string& key, std::span<const float> values, std::size_t first,
                 std::vector<std::uint8_t>& flags);

}  // namespace warmstart
