// A dataset as training reads it, for mapping into memory: larger ones than fit there can be drawn from.
// Layout: docs/formats/pack.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "warmstart/io/steps.h"

namespace warmstart {

/// Entry of PackMap::next where the next observation is that of the following step.
constexpr std::uint32_t kFollowing = 0xffffffffu;

/// The numbers of a pack's header.
struct PackSizes {
  std::uint64_t steps = 0;    ///< T
  std::uint64_t ends = 0;     ///< E: next observations that are not those of the following step
  std::uint64_t clipped = 0;  ///< action entries beyond action_clip
  std::uint32_t obs_size = 0, action_size = 0;
  bool has_next = false;
  float action_clip = 0;
  std::uint32_t text_bytes = 0;  ///< of the JSON text that holds metadata and the bounds of the actions
};

/// Where the parts of a pack begin, in bytes; each on a page of its own, `end` is the file's size.
struct PackParts {
  enum Name { kRewards, kTerminals, kTimeouts, kNext, kRows, kActions, kEnds, kText, kCount };
  std::uint64_t begin[kCount] = {}, bytes[kCount] = {}, end = 0;
  explicit PackParts(const PackSizes& sizes);
};

/// Writes a pack slab by slab; what is not finished leaves no file.
class PackWriter {
 public:
  /// `layout.steps` steps will come. Throws Error(kMachine) on a full disk or an unwritable folder, here and below.
  PackWriter(const std::filesystem::path& path, const StepsLayout& layout, float action_clip);
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;

  /// The next steps; values must be finite.
  void add(const D4rlFile& slab);
  /// After all steps: checksums, then the file takes its name. Returns what the header says.
  PackSizes finish();

 private:
  void put(PackParts::Name part, std::uint64_t row, std::size_t row_bytes, const void* values, std::size_t rows);
  void settle_last(const float* following);  ///< next observation of the last step so far; `following` [O] or null
  [[noreturn]] void fail(int error);

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  PackSizes sizes_;
  std::uint64_t done_ = 0;
  std::vector<float> last_next_;  // [O] next observation of step done_ - 1
  std::vector<float> rows_;
  std::vector<std::uint32_t> next_;
  std::string text_;
};

/// A pack, mapped and read-only. All views live as long as it does.
class PackMap {
 public:
  /// Checks header, size, and the checksums of all but the large parts (rows, actions, ends), which are not touched; reads the text.
  /// Throws Error(kData): truncated, of another kind or version, damaged.
  explicit PackMap(const std::filesystem::path& path);
  ~PackMap();
  PackMap(const PackMap&) = delete;

  const PackSizes& sizes() const { return sizes_; }
  std::span<const float> rewards() const { return part<float>(PackParts::kRewards); }                    ///< [T]
  std::span<const std::uint8_t> terminals() const { return part<std::uint8_t>(PackParts::kTerminals); }  ///< [T]
  std::span<const std::uint8_t> timeouts() const { return part<std::uint8_t>(PackParts::kTimeouts); }    ///< [T]
  std::span<const std::uint32_t> next() const {
    return part<std::uint32_t>(PackParts::kNext);
  }                                                                                    ///< [T] kFollowing or a row of ends; or empty
  std::span<const float> rows() const { return part<float>(PackParts::kRows); }        ///< [T, O + A] observation, clipped action
  std::span<const float> actions() const { return part<float>(PackParts::kActions); }  ///< [T,A] as recorded
  std::span<const float> ends() const { return part<float>(PackParts::kEnds); }        ///< [E,O]
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::vector<double>& action_low() const { return action_low_; }  ///< [A] see StepsLayout; or empty
  const std::vector<double>& action_high() const { return action_high_; }

  /// Reads everything and compares the checksums of the large parts too.
  void verify() const;

 private:
  template <class T>
  std::span<const T> part(PackParts::Name name) const {
    return {reinterpret_cast<const T*>(base_ + parts_.begin[name]), parts_.bytes[name] / sizeof(T)};
  }
  void check(PackParts::Name first, PackParts::Name last) const;
  void read_text();

  std::filesystem::path path_;
  const std::uint8_t* base_ = nullptr;
  PackSizes sizes_;
  PackParts parts_{PackSizes{}};
  std::uint64_t checksums_[PackParts::kCount] = {};
  std::map<std::string, std::string> metadata_;
  std::vector<double> action_low_, action_high_;
};

bool is_pack(const std::filesystem::path& path);  ///< by its first bytes

/// For looking into a pack and converting it back; verifies all checksums.
std::unique_ptr<StepsReader> open_pack_steps(const std::filesystem::path& path);

}  // namespace warmstart
