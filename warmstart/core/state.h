// Exact save and restore of small internal state (environments, random streams, samplers) as a flat byte string.
// Writer and reader must name the same fields in the same order; a mismatch is an error, never silent garbage.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/core/random.h"

namespace warmstart {

class StateWriter {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    put_bytes(&value, sizeof value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put_bytes(values.data(), values.size() * sizeof(T));
  }
  void put(const std::string& text) { put_bytes(text.data(), text.size()); }
  void put(const Rng& rng) { put(rng.state()); }
  void put_bytes(const void* data, std::size_t size) {
    const std::uint64_t n = size;
    append(&n, sizeof n);
    append(data, size);
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), p, p + size);
  }
  std::vector<std::uint8_t> bytes_;
};

class StateReader {
 public:
  /// `where` names the file or object in errors. The bytes must outlive the reader.
  StateReader(std::span<const std::uint8_t> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  template <class T>
  void get(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto field = next();
    if (field.size() != sizeof value) mismatch();
    std::memcpy(&value, field.data(), sizeof value);
  }
  template <class T>
  void get(std::vector<T>& values) {
    const auto field = next();
    if (field.size() % sizeof(T)) mismatch();
    values.resize(field.size() / sizeof(T));
    if (!field.empty()) std::memcpy(values.data(), field.data(), field.size());
  }
  void get(std::string& text) {
    const auto field = next();
    text.assign(reinterpret_cast<const char*>(field.data()), field.size());
  }
  void get(Rng& rng) {
    Rng::State state;
    get(state);
    rng.set_state(state);
  }
  /// The next field as raw bytes.
  std::span<const std::uint8_t> next() {
    std::uint64_t n;
    if (bytes_.size() - at_ < sizeof n) mismatch();
    std::memcpy(&n, bytes_.data() + at_, sizeof n);
    at_ += sizeof n;
    if (bytes_.size() - at_ < n) mismatch();
    const auto field = bytes_.subspan(at_, n);
    at_ += n;
    return field;
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  [[noreturn]] void mismatch() const {
    throw data_error("saved state does not fit this version", where_,
                     "resume with the version that saved it, or start again: --overwrite, or of a study remove the run's folder");
  }
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  std::string where_;
};

}  // namespace warmstart
