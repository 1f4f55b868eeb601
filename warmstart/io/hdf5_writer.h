// Writes datasets as HDF5. Internal to io/. Hold `hdf5_mutex()` while any object of this file lives.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "warmstart/io/hdf5_handle.h"

namespace warmstart {

/// Builds a file in memory, so that a full disk cannot leave HDF5 with a half-written file it fails to close.
class Hdf5Writer {
 public:
  Hdf5Writer();
  void group(const std::string& name);
  /// [rows, cols] gzip-compressed; cols == 0 writes shape (rows,).
  void write(const std::string& key, std::span<const float> values, std::size_t rows, std::size_t cols);
  void write(const std::string& key, std::span<const double> values, std::size_t rows, std::size_t cols);
  /// (rows,) in the enum that h5py reads as bool.
  void write_flags(const std::string& key, std::span<const std::uint8_t> values);
  void write_text(const std::string& key, const std::string& value);
  /// The finished file.
  std::vector<std::uint8_t> image();

 private:
  void write_array(const std::string& key, hid_t file_type, hid_t memory_type, const void* values, std::size_t rows, std::size_t cols);
  Hdf5Handle file_;
};

}  // namespace warmstart
