// Makes a pack of any dataset, slab by slab.
#pragma once
#include <filesystem>

#include "warmstart/data/checked_steps.h"
#include "warmstart/io/pack.h"

namespace warmstart {

/// Writes what `steps` (not read from before) gives to `path`, with the actions clipped as learners see them. Memory is two slabs and
/// whatever the reader needs, whatever the size. Throws Error(kData) of the first problem found: a pack is fit for training.
PackSizes pack_dataset(CheckedSteps& steps, const std::filesystem::path& path);

}  // namespace warmstart
