// What HDF5 would answer with zeros or with silence, found before an array is read. Internal to io/.
#pragma once
#include <string>
#include <vector>

#include "warmstart/io/hdf5_handle.h"

namespace warmstart {

/// Throws Error(kData) when values of the open dataset `key` cannot be had: a filter that is not installed, source files of a virtual
/// dataset or of external storage that are missing or too short, more bytes claimed than the file has. `path` is the file's.
void check_sources(hid_t dataset, const std::string& key, const std::string& path);

/// The values of the open dataset lie in other files beside `path`.
bool external_beside(hid_t dataset, const std::string& path);

/// What of a dataset nobody ever wrote; HDF5 gives its fill value there.
struct Unwritten {
  bool all = false;           ///< no value was ever written
  std::size_t chunks = 0;     ///< else: chunks without values
  std::size_t first_row = 0;  ///< of the first of them
};
Unwritten find_unwritten(hid_t dataset);

/// Says what a link that leads nowhere points to: "a soft link to '/data/obs'"; "" when `key` is no such link.
std::string dangling_link(hid_t file, const std::string& key, const std::string& path);

}  // namespace warmstart
