// Thin owner of HDF5 C handles for the D4RL format. Internal to io/: no other room includes it.
// The HDF5 library is not thread safe; hold `hdf5_mutex()` while any object of this file lives.
#pragma once
#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <vector>

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

enum class Hdf5Kind { kNumber, kText, kGroup, kOther };  ///< kNumber: integers, floats and boolean enums

struct Hdf5Shape {
  Hdf5Kind kind = Hdf5Kind::kOther;
  std::string type;               ///< for messages: "compound", "string", ...
  std::vector<std::size_t> dims;  ///< [] for a scalar
  std::size_t count() const;
  std::string text() const;  ///< "(24, 17)"
};

class Hdf5Reader {
 public:
  /// Throws Error(kData): missing, a folder, truncated, not HDF5.
  explicit Hdf5Reader(const std::filesystem::path& path);

  /// Names directly under a group ("/" for the root), sorted; empty when there is no such group.
  std::vector<std::string> keys(const std::string& group) const;
  bool has(const std::string& key) const;
  Hdf5Shape shape(const std::string& key) const;
  /// All values of a numeric dataset in C order; `out` has shape(key).count() entries. Throws Error(kData) when the
  /// stored bytes are damaged.
  void read(const std::string& key, std::span<float> out) const;
  void read(const std::string& key, std::span<double> out) const;
  /// A scalar or one-element string dataset.
  std::string read_text(const std::string& key) const;
  /// Text attributes of the file itself.
  std::vector<std::pair<std::string, std::string>> text_attributes() const;

  std::string path() const { return path_; }

 private:
  void read_into(const std::string& key, hid_t memory_type, void* out) const;
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
