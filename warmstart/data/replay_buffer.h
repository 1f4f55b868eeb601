// The online replay buffer: a ring of transitions that grows as it fills and survives the process in segment files
// (docs/formats/buffer.md).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <unordered_map>
#include <vector>

#include "warmstart/data/transition.h"

namespace warmstart {

class Dataset;
class SegmentLog;

/// Transitions in the order they came; the oldest is overwritten when `capacity` is reached. An observation that is the
/// end of one transition and the start of the next is stored once, whether or not episodes of several actors interleave:
/// the buffer compares, so it needs no word about episodes. Not thread safe.
class ReplayBuffer : public DataSource {
 public:
  /// `capacity` > 0 transitions. Memory is taken in blocks as rows come.
  ReplayBuffer(std::size_t capacity, int obs_size, int action_size);
  ~ReplayBuffer() override;
  ReplayBuffer(ReplayBuffer&&) noexcept;
  ReplayBuffer& operator=(ReplayBuffer&&) noexcept;

  /// O(1). Stores copies; `obs` and `next_obs` [O], `action` [A]. Throws Error(kDiverged) for NaN or infinity.
  void add(std::span<const float> obs, std::span<const float> action, float reward, float mask, std::span<const float> next_obs);
  /// Puts every transition of `data` behind what is there (retention = "append").
  void append_dataset(const Dataset& data);

  std::size_t size() const override { return static_cast<std::size_t>(added_ - oldest_); }
  void sample(Rng& rng, BatchStorage& out, int first, int count) const override;
  bool has_mc_return() const override { return false; }

  std::size_t capacity() const { return capacity_; }
  int obs_size() const { return static_cast<int>(obs_size_); }
  int action_size() const { return static_cast<int>(action_size_); }
  std::uint64_t added() const { return added_; }  ///< transitions ever added, overwritten ones included
  Transition at(std::size_t row) const;           ///< row < size(), 0 = oldest
  std::size_t bytes() const;                      ///< memory held by rows

  /// Writes the rows added since the last call for this folder to its segment files, in O(new rows), and fsyncs them.
  /// Returns the committed row count that a checkpoint must name. A first call for a folder replaces segment files that
  /// an earlier run left there. Throws Error(kMachine) on a full disk; the files then end where they did before.
  std::uint64_t append_new_rows(const std::filesystem::path& folder);

  /// Fills this buffer (it must be new) from the `committed` rows of `folder`; it then behaves bit for bit as the saved
  /// one did, and later appends continue the files. Rows that were written but not committed are cut off. Throws
  /// Error(kData) naming the file for a missing, truncated or damaged segment or sizes that do not fit.
  void restore(const std::filesystem::path& folder, std::uint64_t committed);

 private:
  friend class SegmentLog;
  static constexpr std::size_t kBlockRows = 4096;
  std::size_t row_floats() const { return obs_size_ + action_size_ + 2; }
  std::size_t slot(std::uint64_t number) const { return static_cast<std::size_t>(number % capacity_); }
  float* row(std::uint64_t number);
  const float* row(std::uint64_t number) const;
  Transition numbered(std::uint64_t number) const;  // oldest_ <= number < added_
  void start_at(std::uint64_t number);              // restoring after a gap of overwritten rows

  std::size_t capacity_, obs_size_, action_size_;
  std::uint64_t oldest_ = 0, added_ = 0;                        // rows are numbered from 0 and kept in [oldest_, added_)
  std::vector<std::unique_ptr<float[]>> blocks_;                // [kBlockRows, obs | action | reward | mask]
  std::vector<std::uint8_t> own_next_;                          // per slot: next observation is in ends_, not in the next slot
  std::unordered_map<std::uint64_t, std::vector<float>> ends_;  // row number -> [O]
  std::vector<float> last_next_;                                // [O] next observation of the newest row
  std::unique_ptr<SegmentLog> log_;
};

}  // namespace warmstart
