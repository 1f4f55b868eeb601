// Makes a pack of any dataset, slab by slab.
#pragma once
#include <filesystem>

#include "warmstart/io/pack.h"

namespace warmstart {

/// Writes what `reader` (not read from before) gives to `path`, with the actions clipped as learners see them. Memory is a slab and
/// whatever the reader needs, whatever the size. Throws Error(kData) for an empty dataset, NaN or infinity: a pack is fit for training.
PackSizes pack_dataset(StepsReader& reader, const std::filesystem::path& path);

}  // namespace warmstart
