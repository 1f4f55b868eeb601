// Append-only, checksummed files behind a ReplayBuffer. Layout: docs/formats/buffer.md. Used by replay_buffer.cpp alone.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>

namespace warmstart {

class ReplayBuffer;

class SegmentLog {
 public:
  /// A new log; segment files already in `folder` are removed.
  static std::unique_ptr<SegmentLog> create(const std::filesystem::path& folder, std::size_t obs_size, std::size_t action_size);
  /// Reads exactly `committed` rows into the empty `out`, cuts off what follows, and goes on from there.
  static std::unique_ptr<SegmentLog> open(const std::filesystem::path& folder, std::size_t obs_size, std::size_t action_size,
                                          std::uint64_t committed, ReplayBuffer& out);

  /// The same for one who only looks: no file is touched, and the buffer has no log.
  static void read(const std::filesystem::path& folder, std::size_t obs_size, std::size_t action_size, std::uint64_t committed,
                   ReplayBuffer& out);

  /// Writes and fsyncs the rows of `buffer` from the first unwritten one on. Errors leave files and state as before.
  void append(const ReplayBuffer& buffer);
  const std::filesystem::path& folder() const { return folder_; }

 private:
  SegmentLog(std::filesystem::path folder, std::size_t obs_size, std::size_t action_size)
      : folder_(std::move(folder)), obs_size_(obs_size), action_size_(action_size) {}
  std::filesystem::path segment(std::uint64_t index) const;
  void read_segment(std::uint64_t index, std::uint64_t committed, ReplayBuffer& out);

  std::filesystem::path folder_;
  std::size_t obs_size_, action_size_;
  std::uint64_t written_ = 0;  // row number after the last committed one
  std::uint64_t index_ = 0;    // segment that takes the next chunk
  std::uint64_t bytes_ = 0;    // its committed length; 0 = not begun
};

}  // namespace warmstart
