// The safetensors container (huggingface/safetensors): named arrays plus text metadata, readable by Python's `safetensors`.
// Ours adds one checksum per tensor under metadata key "xxh3.<name>" and one of the header; they are verified whenever
// they are present and kept out of `metadata`. Layout: docs/formats/checkpoint.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace warmstart {

enum class DType { kF32, kF64, kI32, kI64, kU8 };

/// One named array in C order.
struct Tensor {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;

  std::size_t count() const;
  std::span<const float> f32() const;  ///< asserts dtype
  std::span<const double> f64() const;
  std::span<const std::int32_t> i32() const;
  std::span<const std::uint8_t> u8() const { return bytes; }

  static Tensor from(std::span<const float> values, std::vector<std::int64_t> shape);
  static Tensor from_bytes(std::span<const std::uint8_t> bytes);  ///< kU8 [n]
};

struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Throws Error(kData) naming `where` and the key when it is absent.
  const Tensor& at(const std::string& name, const std::string& where) const;
};

/// Throws Error(kData) for a missing or truncated file, a malformed header, or a tensor whose checksum differs (named).
SafeTensors read_safetensors(const std::filesystem::path& path);

/// Writes atomically, adding the checksums. Names starting with "__" and metadata keys starting with "xxh3." are reserved.
/// Throws Error(kMachine) on a full disk; an older file at `path` stays intact.
void write_safetensors(const std::filesystem::path& path, const SafeTensors& file);

}  // namespace warmstart
