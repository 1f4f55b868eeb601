// Files and folders that are no dataset for us, recognised, each with the way to one. Internal to io/. Ways: docs/formats/other.md.
#pragma once
#include <filesystem>

#include "warmstart/io/array_file.h"

namespace warmstart {

/// Throws Error(kData) for a file that is neither HDF5 nor anything else that is read here: empty, a web page, a Git LFS pointer,
/// compressed as a whole, a pickle, Parquet, a recording of ROS, ... Returns for HDF5, and for what cannot be told.
void refuse_foreign_file(const std::filesystem::path& file);

/// Throws Error(kData) for a folder: LeRobot's, TFDS', Zarr's, a run, or any other that is no Minari dataset.
void refuse_foreign_folder(const std::filesystem::path& folder);

/// Throws Error(kData) for arrays that are laid out as another program does it: robomimic, ManiSkill, ALOHA, MATLAB, pandas, ...
void refuse_foreign_layout(const ArrayFile& file);

}  // namespace warmstart
