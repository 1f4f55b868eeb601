// Owners of HDF5's C handles, and what every use of the library needs. Internal to io/: no other room includes it.
// The HDF5 library is not thread safe; hold `hdf5_mutex()` while any of its objects lives.
#pragma once
#include <hdf5.h>

#include <mutex>

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

}  // namespace warmstart
