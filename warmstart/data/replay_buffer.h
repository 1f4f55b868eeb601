// The online replay buffer: a ring of transitions that grows as it fills and survives the process in segment files
// (docs/formats/buffer.md).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "warmstart/data/mc_return.h"
#include "warmstart/data/transition.h"

namespace warmstart {

class Dataset;
class SegmentLog;

/// Transitions in the order they came; the oldest is overwritten when `capacity` is reached. An observation that is the
/// end of one transition and the start of the next is stored once. That is a matter of memory alone: where episodes end is
/// said by end_episode and close_episode and stored with the rows. Not thread safe.
class ReplayBuffer : public DataSource {
 public:
  /// `capacity` > 0 transitions. Memory is taken in blocks as rows come.
  ReplayBuffer(std::size_t capacity, int obs_size, int action_size);
  ~ReplayBuffer() override;
  ReplayBuffer(ReplayBuffer&&) noexcept;
  ReplayBuffer& operator=(ReplayBuffer&&) noexcept;

  /// O(1). Stores copies; `obs` and `next_obs` [O], `action` [A]. Throws Error(kDiverged) for NaN or infinity, Error(kUsage) for other
  /// sizes.
  void add(std::span<const float> obs, std::span<const float> action, float reward, float mask, std::span<const float> next_obs);
  /// Puts every transition of `data` behind what is there (retention = "append").
  void append_dataset(const Dataset& data);

  /// Online Cal-QL: rows carry Monte-Carlo returns, and only those of finished episodes are drawn. Call it on an empty buffer.
  void keep_mc_returns(const McReturnOptions& options);
  /// The newest row ended its episode: at a true end where its mask is 0, else by a time limit.
  void end_episode();
  /// The newest row is the last of an episode that was cut from outside, as when a task that cannot be saved is resumed: it ends
  /// there as by a time limit. Nothing when no episode is open.
  void close_episode();
  bool episode_open() const { return stored() > 0 && end_[slot(added_ - 1)] == RowEnd::kNone; }

  /// Rows that can be drawn: all that are stored, or those of finished episodes.
  std::size_t size() const override { return mc_options_ ? static_cast<std::size_t>(std::max(finished_, oldest_) - oldest_) : stored(); }
  std::size_t stored() const { return static_cast<std::size_t>(added_ - oldest_); }
  void sample(Rng& rng, BatchStorage& out, int first, int count) const override;
  /// How the rows of later samples are made; 1 step unless set.
  void set_n_step(NStep n_step) { n_step_ = n_step; }
  bool has_mc_return() const override { return mc_options_.has_value(); }

  std::size_t capacity() const { return capacity_; }
  int obs_size() const { return static_cast<int>(obs_size_); }
  int action_size() const { return static_cast<int>(action_size_); }
  std::uint64_t added() const { return added_; }  ///< transitions ever added, overwritten ones included
  Transition at(std::size_t row) const;           ///< row < stored(), 0 = oldest
  RowEnd end(std::size_t row) const;              ///< how `row` ended its episode
  bool follows(std::size_t row) const;            ///< row + 1 is the next step of the same episode
  std::size_t bytes() const;                      ///< memory held by rows

  /// Writes the rows added since the last call for this folder to its segment files, in O(new rows), and fsyncs them.
  /// Returns the committed row count that a checkpoint must name. A first call for a folder replaces segment files that
  /// an earlier run left there. Throws Error(kMachine) on a full disk; the files then end where they did before.
  std::uint64_t append_new_rows(const std::filesystem::path& folder);

  /// Fills this buffer (it must be new) from the `committed` rows of `folder`, of which the first `finished` belong to
  /// finished episodes, also one that was closed after its rows were written; it then behaves bit for bit as the saved one did, and later
  /// appends continue the files. Rows that were written but not committed are cut off. Throws Error(kData) naming the file for a missing,
  /// truncated or damaged segment, one of another format number, or sizes that do not fit.
  void restore(const std::filesystem::path& folder, std::uint64_t committed, std::uint64_t finished = 0, bool lost_success = false);

  /// As restore, for one who only looks: the files stay as they are, also while another process writes them.
  void read(const std::filesystem::path& folder, std::uint64_t committed);

  bool lost_success() const { return lost_success_; }   ///< for restore: overwritten rows of the oldest episode had a success
  std::uint64_t finished() const { return finished_; }  ///< rows added before the running episode

 private:
  friend class SegmentLog;
  void check_new(const char* call) const;
  static constexpr std::size_t kBlockRows = 4096;
  std::size_t row_floats() const { return obs_size_ + action_size_ + 2; }
  std::size_t slot(std::uint64_t number) const { return static_cast<std::size_t>(number % capacity_); }
  float* row(std::uint64_t number);
  const float* row(std::uint64_t number) const;
  Transition numbered(std::uint64_t number) const;               // oldest_ <= number < added_
  void start_at(std::uint64_t number);                           // restoring after a gap of overwritten rows
  void fill_mc_returns(std::uint64_t begin, std::uint64_t end);  // one episode's rows

  std::size_t capacity_, obs_size_, action_size_;
  std::uint64_t oldest_ = 0, added_ = 0;                         // rows are numbered from 0 and kept in [oldest_, added_)
  std::vector<std::unique_ptr<float[]>> blocks_;                 // [kBlockRows, obs | action | reward | mask]
  std::vector<RowEnd> end_;                                      // per slot
  std::vector<bool> own_next_;                                   // per slot: next observation is in nexts_, not in the next slot
  std::unordered_map<std::uint64_t, std::vector<float>> nexts_;  // row number -> [O]
  NStep n_step_;
  std::optional<McReturnOptions> mc_options_;
  std::vector<float> mc_return_;  // per slot, when asked for
  bool lost_success_ = false;     // rows of the oldest episode that were overwritten had a success: it is none of those without
  std::uint64_t finished_ = 0;
  std::vector<float> last_next_;  // [O] next observation of the newest row
  std::unique_ptr<SegmentLog> log_;
};

}  // namespace warmstart
