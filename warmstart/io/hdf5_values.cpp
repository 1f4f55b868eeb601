// Reading arrays: no chunk is unpacked twice, and nothing that is missing reads as zeros.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "warmstart/io/hdf5_checks.h"
#include "warmstart/io/hdf5_file.h"
#include "warmstart/io/hdf5_reason.h"

namespace warmstart {
namespace {

constexpr std::size_t kSmallestCache = std::size_t{1} << 20;  // HDF5's own
constexpr std::size_t kLargestCache = std::size_t{2} << 30;   // a chunk is smaller than 4 GiB

struct Band {
  std::size_t chunks = 0, bytes = 0;  ///< unpacked
};

/// The chunks that rows of one place lie in. Reading in parts comes back to them, since parts do not end where chunks do.
Band band_of(hid_t dataset) {
  Band band;
  const Hdf5Handle create(H5Dget_create_plist(dataset), H5Pclose), space(H5Dget_space(dataset), H5Sclose),
      type(H5Dget_type(dataset), H5Tclose);
  if (H5Pget_layout(create) != H5D_CHUNKED) return band;
  const int rank = H5Sget_simple_extent_ndims(space);
  std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(rank, 0))), chunk(dims.size());
  if (rank <= 0 || H5Sget_simple_extent_dims(space, dims.data(), nullptr) != rank || H5Pget_chunk(create, rank, chunk.data()) != rank)
    return band;
  band.chunks = 1, band.bytes = H5Tget_size(type) * chunk[0];
  for (std::size_t d = 1; d < dims.size(); ++d) {
    const hsize_t across = (dims[d] + chunk[d] - 1) / chunk[d];
    band.chunks *= across, band.bytes *= across * chunk[d];
  }
  return band;
}

}  // namespace

Hdf5Handle Hdf5Reader::open_array(const std::string& key, bool in_parts) const {
  const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  {
    const Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) throw unreadable(key);
    check_sources(dataset, key, path_);
    if (in_parts) {
      const Band band = band_of(dataset);
      const std::size_t bytes = std::clamp(band.bytes + band.bytes / std::max<std::size_t>(band.chunks, 1), kSmallestCache, kLargestCache);
      H5Pset_chunk_cache(access, std::max<std::size_t>(521, 2 * band.chunks + 1), bytes, 1.0);
    }
    // HDF5 looks for external values in the working folder alone, if it is not told otherwise
    if (external_beside(dataset, path_)) H5Pset_efile_prefix(access, "${ORIGIN}");
  }
  Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), access), H5Dclose);
  if (!dataset.valid()) throw unreadable(key);
  return dataset;
}

void Hdf5Reader::read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const {
  if (out.empty()) return;
  const auto selected = [&](hid_t dataset, std::size_t* rows) {
    const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    const int rank = space.valid() ? H5Sget_simple_extent_ndims(space) : 0;
    if (rank <= 0) return false;
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank)), start(dims.size(), 0);
    H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    *rows = dims[0];
    start[0] = first, dims[0] = count;
    // of the same rank as in the file: HDF5 is many times slower when the ranks differ
    const Hdf5Handle memory(H5Screate_simple(rank, dims.data(), nullptr), H5Sclose);
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, dims.data(), nullptr) >= 0 &&
           H5Sget_select_npoints(space) == static_cast<hssize_t>(out.size()) &&
           H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, out.data()) >= 0;
  };
  const bool whole = first == 0 && shape(key).dims.at(0) == count;
  std::size_t rows = 0;
  if (whole) {
    const Hdf5Handle dataset = open_array(key, false);
    if (!selected(dataset, &rows)) throw unreadable(key);
    return;
  }
  auto open = open_.find(key);
  if (open == open_.end()) open = open_.emplace(key, open_array(key, true)).first;
  if (!selected(open->second, &rows)) throw unreadable(key);
  if (first + count == rows) open_.erase(open);
}

void Hdf5Reader::read(const std::string& key, std::span<double> out) const {
  if (out.empty()) return;
  const Hdf5Handle dataset = open_array(key, false);
  if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0) throw unreadable(key);
}

std::string Hdf5Reader::unwritten(const std::string& key) const {
  const Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) throw unreadable(key);
  const Unwritten u = find_unwritten(dataset);
  if (u.all) return "no value";
  return u.chunks ? fmt::format("{} chunk{} of values, the first at row {},", u.chunks, u.chunks > 1 ? "s" : "", u.first_row) : "";
}

}  // namespace warmstart
