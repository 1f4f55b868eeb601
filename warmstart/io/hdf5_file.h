// An HDF5 file as named arrays. Internal to io/: no other room includes it. Hold `hdf5_mutex()` while any object of this file lives.
#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/io/array_file.h"
#include "warmstart/io/hdf5_handle.h"

namespace warmstart {

class Hdf5Reader : public ArrayFile {
 public:
  /// Throws Error(kData): missing, a folder, truncated, not HDF5, open for writing elsewhere.
  explicit Hdf5Reader(const std::filesystem::path& path);

  std::vector<std::string> keys(const std::string& group) const override;
  bool has(const std::string& key) const override;
  ArrayShape shape(const std::string& key) const override;
  void read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const override;
  void read(const std::string& key, std::span<double> out) const override;
  std::string read_text(const std::string& key) const override;
  std::vector<std::pair<std::string, std::string>> text_attributes() const override;
  std::string unwritten(const std::string& key) const override;
  std::string path() const override { return path_; }

 private:
  Error unreadable(const std::string& key) const;
  Hdf5Handle open_array(const std::string& key, bool in_parts) const;

  std::string path_;
  Hdf5Handle file_;
  mutable std::map<std::string, Hdf5Handle> open_;  ///< arrays that are read in parts
};

}  // namespace warmstart
