// Minari's HDF5 layout: a group per episode, one observation more than actions. Internal to io/. Rule: docs/formats/minari.md.
#pragma once
#include <memory>

#include "warmstart/io/array_file.h"
#include "warmstart/io/steps.h"

namespace warmstart {

/// Episodes are groups episode_0, episode_1, ... and there is no flat array of observations.
bool is_minari(const ArrayFile& file);

/// Owns `file`. Reads metadata.json beside it for the spaces, when it is there.
std::unique_ptr<StepsReader> open_minari(std::unique_ptr<ArrayFile> file, const StepsOptions& options);

}  // namespace warmstart
