// Thin owner of HDF5 C handles for reading and writing datasets. Internal to io/: no other room includes it.
// The HDF5 library is not thread safe; hold `hdf5_mutex()` while any object of this file lives.
#pragma once
#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "warmstart/io/array_file.h"

namespace warmstart {

std::mutex& hdf5_mutex();

/// Keeps HDF5 from printing its own error stack while it lives; our errors carry the innermost line of it.
class SilencedHdf5 {
 public:
  SilencedHdf5();
  ~SilencedHdf5();
  SilencedHdf5(const SilencedHdf5&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// Closes one handle of any kind.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  bool valid() const { return id_ >= 0; }
  operator hid_t() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

class Hdf5Reader : public ArrayFile {
 public:
  /// Throws Error(kData): missing, a folder, truncated, not HDF5.
  explicit Hdf5Reader(const std::filesystem::path& path);

  std::vector<std::string> keys(const std::string& group) const override;
  bool has(const std::string& key) const override;
  ArrayShape shape(const std::string& key) const override;
  void read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const override;
  void read(const std::string& key, std::span<double> out) const override;
  std::string read_text(const std::string& key) const override;
  std::vector<std::pair<std::string, std::string>> text_attributes() const override;
  std::string path() const override { return path_; }

 private:
  std::string path_;
  Hdf5Handle file_;
};

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
