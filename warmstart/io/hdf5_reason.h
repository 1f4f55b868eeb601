// Why the HDF5 library would not do something, in words that name a remedy. Internal to io/.
#pragma once
#include <string>

#include "warmstart/core/error.h"

namespace warmstart {

/// What HDF5's error stack says of the last call that failed.
struct Hdf5Reason {
  std::string innermost;  ///< its innermost line, which says most: "inflate() failed"; never empty
  std::string all;        ///< every line
};
Hdf5Reason hdf5_reason();

/// A file that H5Fopen refuses: written by somebody else just now, left open by a killed program, cut short, of a newer format, or damaged.
Error hdf5_open_error(const std::string& path);
/// A key that exists but cannot be opened or read: of a newer format, or damaged.
Error hdf5_key_error(const std::string& key, const std::string& path);

}  // namespace warmstart
