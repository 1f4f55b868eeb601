// Checkpoints that Flax wrote (`flax.training.checkpoints`): one MessagePack file, or a folder with such a file that its orbax
// backend made. What is read and what is not: docs/formats/flax.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace warmstart {

/// One array in C order, little-endian; Python numbers are arrays without dimensions.
struct FlaxArray {
  std::string dtype;  ///< NumPy's name: "float32", "int32", "bfloat16", ...
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;
};

/// Every leaf of the saved tree by its path, "state/params/modules_actor/Dense_0/kernel"; sequences count from 0.
struct FlaxCheckpoint {
  std::string where;  ///< the file, for messages
  std::map<std::string, FlaxArray> arrays;

  /// Throws Error(kData) naming the file and the path when it is absent.
  const FlaxArray& at(const std::string& path) const;
  /// As float32: float64 is rounded, bfloat16 is exact. Throws Error(kData) for other types and numbers that are not finite.
  std::vector<float> floats(const std::string& path) const;
  /// A whole number without dimensions; throws Error(kData) otherwise.
  std::int64_t integer(const std::string& path) const;
};

/// Reads a file, or a folder that orbax wrote for one step. Throws Error(kData) naming path and remedy when it is missing,
/// truncated or no Flax checkpoint, when it holds several steps, or when arrays lie outside the MessagePack file.
FlaxCheckpoint read_flax_checkpoint(const std::filesystem::path& path);

}  // namespace warmstart
