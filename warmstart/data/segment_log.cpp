#include "warmstart/data/segment_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

constexpr char kMagic[8] = {'W', 'S', 'B', 'U', 'F', 'F', 'E', 'R'};
constexpr std::uint32_t kVersion = 2;
constexpr std::uint64_t kSegmentBytes = std::uint64_t{64} << 20;  // a new file begins once one is this long
constexpr std::uint64_t kChunkRows = 16384;                       // bounds the memory of a first, large append
const char* const kRemedy = "restore the file from a copy, resume from an earlier checkpoint, or start again with --overwrite";

struct SegmentHeader {
  char magic[8];
  std::uint32_t version, obs_size, action_size, reserved;
  std::uint64_t index;
  std::uint64_t checksum;  // XXH3 of the bytes before
};
static_assert(sizeof(SegmentHeader) == 40);

struct ChunkHeader {
  std::uint64_t first_row, rows, nexts;
  std::uint64_t end_before;  // how the row before the first ended its episode: that may have been said after it was written
  std::uint64_t checksum;    // XXH3 of the four numbers above and of the payload
};
static_assert(sizeof(ChunkHeader) == 40);
constexpr std::size_t kSummed = offsetof(ChunkHeader, checksum);

template <class T>
std::span<const std::uint8_t> bytes_of(const T* values, std::size_t count) {
  return {reinterpret_cast<const std::uint8_t*>(values), count * sizeof(T)};
}
void put(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::size_t payload_bytes(const ChunkHeader& h, std::size_t obs_size, std::size_t action_size) {
  return h.rows * ((obs_size + action_size + 2) * sizeof(float) + sizeof(RowEnd)) +
         h.nexts * (sizeof(std::uint64_t) + obs_size * sizeof(float));
}

std::uint64_t chunk_checksum(std::span<const std::uint8_t> chunk) {
  // the header's checksum field lies between what is summed
  const std::uint64_t parts[2] = {checksum(chunk.first(kSummed)), checksum(chunk.subspan(sizeof(ChunkHeader)))};
  return checksum(bytes_of(parts, 2));
}

Error damaged(const std::string& what, const fs::path& path) { return data_error("replay buffer segment " + what, path.string(), kRemedy); }

RowEnd row_end(std::uint64_t value, const fs::path& path) {
  if (value > static_cast<std::uint64_t>(RowEnd::kTimeout))
    throw damaged(fmt::format("has {} where an episode's end is told", value), path);
  return static_cast<RowEnd>(value);
}

std::uint64_t segment_number(const fs::path& path) {  // ~0 when it is no segment
  const std::string name = path.filename().string();
  unsigned long long index = 0;
  int end = 0;
  if (std::sscanf(name.c_str(), "segment-%6llu.bin%n", &index, &end) != 1 || static_cast<std::size_t>(end) != name.size())
    return ~std::uint64_t{0};
  return index;
}

void remove_segments(const fs::path& folder, std::uint64_t from) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::uint64_t index = segment_number(entry.path());
    if (index != ~std::uint64_t{0} && index >= from) fs::remove(entry.path());
  }
}

// appends at `offset`; on failure the file ends there again
void append_durably(const fs::path& path, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  int error = fd < 0 ? errno : 0;
  if (!error && ::ftruncate(fd, static_cast<off_t>(offset)) != 0) error = errno;
  for (std::size_t done = 0; !error && done < bytes.size();) {
    const ssize_t n = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  if (!error && ::fsync(fd) != 0) error = errno;
  if (error && fd >= 0) (void)!::ftruncate(fd, static_cast<off_t>(offset));
  if (fd >= 0) ::close(fd);
  if (error && offset == 0) ::unlink(path.c_str());
  if (error)
    throw machine_error("cannot save the replay buffer: " + errno_text(error), path.string(),
                        "free disk space; the last checkpoint is intact and can be resumed");
}

}  // namespace

fs::path SegmentLog::segment(std::uint64_t index) const { return folder_ / fmt::format("segment-{:06}.bin", index); }

std::unique_ptr<SegmentLog> SegmentLog::create(const fs::path& folder, std::size_t obs_size, std::size_t action_size) {
  make_folder(folder);
  remove_segments(folder, 0);
  return std::unique_ptr<SegmentLog>(new SegmentLog(folder, obs_size, action_size));
}

void SegmentLog::append(const ReplayBuffer& buffer) {
  // rows overwritten before they were ever saved are gone: leave a gap in the numbering
  std::uint64_t first = std::max(written_, buffer.oldest_);
  while (first < buffer.added_) {
    const std::uint64_t rows = std::min(buffer.added_ - first, kChunkRows), last = first + rows - 1;
    std::uint64_t index = index_, offset = bytes_;
    if (offset >= kSegmentBytes) ++index, offset = 0;
    std::vector<std::uint8_t> out;
    if (offset == 0) {
      SegmentHeader h{{}, kVersion, static_cast<std::uint32_t>(obs_size_), static_cast<std::uint32_t>(action_size_), 0, index, 0};
      std::memcpy(h.magic, kMagic, sizeof kMagic);
      h.checksum = checksum(bytes_of(&h, 1).first(offsetof(SegmentHeader, checksum)));
      put(out, bytes_of(&h, 1));
    }

    // next observations that do not start the following row of this chunk; the last row's always
    std::vector<std::uint64_t> nexts;
    for (std::uint64_t n = first; n < last; ++n)
      if (buffer.own_next_[buffer.slot(n)]) nexts.push_back(n);
    nexts.push_back(last);

    const std::size_t at = out.size();
    const RowEnd before = first > buffer.oldest_ ? buffer.end_[buffer.slot(first - 1)] : RowEnd::kNone;
    ChunkHeader h{first, rows, nexts.size(), static_cast<std::uint64_t>(before), 0};
    out.reserve(at + sizeof h + payload_bytes(h, obs_size_, action_size_));
    put(out, bytes_of(&h, 1));
    for (std::uint64_t n = first; n <= last; ++n) put(out, bytes_of(buffer.row(n), buffer.row_floats()));
    for (std::uint64_t n = first; n <= last; ++n) put(out, bytes_of(&buffer.end_[buffer.slot(n)], 1));
    for (const std::uint64_t n : nexts) {
      put(out, bytes_of(&n, 1));
      const Transition t = buffer.numbered(n);
      put(out, bytes_of(t.next_obs.data(), t.next_obs.size()));
    }
    h.checksum = chunk_checksum(std::span(out).subspan(at));
    std::memcpy(out.data() + at, &h, sizeof h);

    append_durably(segment(index), offset, out);
    if (offset == 0) sync_folder(folder_);
    index_ = index, bytes_ = offset + out.size();
    first = written_ = last + 1;
  }
}

std::unique_ptr<SegmentLog> SegmentLog::open(const fs::path& folder, std::size_t obs_size, std::size_t action_size, std::uint64_t committed,
                                             ReplayBuffer& out) {
  if (committed == 0) return create(folder, obs_size, action_size);
  std::unique_ptr<SegmentLog> log(new SegmentLog(folder, obs_size, action_size));
  for (std::uint64_t index = 0; log->written_ < committed; ++index) log->read_segment(index, committed, out);
  // what lies behind the commit was never part of a checkpoint
  fs::resize_file(log->segment(log->index_), log->bytes_);
  remove_segments(folder, log->index_ + 1);
  return log;
}

void SegmentLog::read(const fs::path& folder, std::size_t obs_size, std::size_t action_size, std::uint64_t committed, ReplayBuffer& out) {
  SegmentLog log(folder, obs_size, action_size);
  for (std::uint64_t index = 0; log.written_ < committed; ++index) log.read_segment(index, committed, out);
}

void SegmentLog::read_segment(std::uint64_t index, std::uint64_t committed, ReplayBuffer& out) {
  const fs::path path = segment(index);
  if (!fs::exists(path)) throw damaged(fmt::format("is missing; it must reach row {}", committed), path);
  const auto file = read_bytes(path);
  const std::span<const std::uint8_t> bytes(file);
  if (bytes.size() < sizeof(SegmentHeader)) throw damaged("is truncated in its header", path);
  SegmentHeader s;
  std::memcpy(&s, bytes.data(), sizeof s);
  if (std::memcmp(s.magic, kMagic, sizeof kMagic) != 0) throw damaged("does not begin with WSBUFFER", path);
  if (s.checksum != checksum(bytes.first(offsetof(SegmentHeader, checksum))))
    throw damaged("is damaged: checksum of its header differs", path);
  if (s.version != kVersion)
    throw data_error(fmt::format("replay buffer segment of format {}{}; this program reads format {}", s.version,
                                 s.version == 1 ? ", which does not say where episodes end" : "", kVersion),
                     path.string(), "resume with the version of warmstart that wrote it, or start again with --overwrite");
  if (s.index != index) throw damaged(fmt::format("is number {} under the name of number {}", s.index, index), path);
  if (s.obs_size != obs_size_ || s.action_size != action_size_)
    throw data_error(fmt::format("replay buffer segment holds rows of sizes {} and {}, the task has {} and {}", s.obs_size, s.action_size,
                                 obs_size_, action_size_),
                     path.string(), "resume with the task that the run was started with");

  std::size_t at = sizeof s;
  while (written_ < committed && at < bytes.size()) {
    ChunkHeader h;
    if (bytes.size() - at < sizeof h) throw damaged(fmt::format("is truncated after row {}", written_), path);
    std::memcpy(&h, bytes.data() + at, sizeof h);
    // bounds first, so that a damaged count cannot overflow
    if (h.rows > kChunkRows || h.nexts > h.rows || bytes.size() - at - sizeof h < payload_bytes(h, obs_size_, action_size_))
      throw damaged(fmt::format("is truncated or damaged after row {}", written_), path);
    const auto chunk = bytes.subspan(at, sizeof h + payload_bytes(h, obs_size_, action_size_));
    if (h.checksum != chunk_checksum(chunk))
      throw damaged(fmt::format("is damaged: checksum of rows {} to {} differs", h.first_row, h.first_row + h.rows - 1), path);
    if (h.rows == 0 || h.nexts == 0 || h.first_row < written_ || h.first_row + h.rows > committed)
      throw damaged(fmt::format("holds rows {} to {} where row {} of {} committed ones was expected", h.first_row, h.first_row + h.rows,
                                written_, committed),
                    path);

    const std::size_t row_floats = obs_size_ + action_size_ + 2, next_bytes = sizeof(std::uint64_t) + obs_size_ * sizeof(float);
    std::vector<float> rows(h.rows * row_floats);
    std::memcpy(rows.data(), chunk.data() + sizeof h, rows.size() * sizeof(float));
    const std::uint8_t* ends = chunk.data() + sizeof h + rows.size() * sizeof(float);
    const std::uint8_t* own_next = ends + h.rows;
    std::vector<float> own(obs_size_);
    if (h.first_row > out.added_) out.start_at(h.first_row);
    else if (h.end_before != 0 && out.stored() > 0) out.end_[out.slot(out.added_ - 1)] = row_end(h.end_before, path);
    for (std::uint64_t i = 0; i < h.rows; ++i) {
      const float* r = rows.data() + i * row_floats;
      std::span<const float> next(r + row_floats, obs_size_);  // the following row, unless this one has its own
      std::uint64_t number = 0;
      if (own_next < chunk.data() + chunk.size()) std::memcpy(&number, own_next, sizeof number);
      if (number == h.first_row + i) {
        std::memcpy(own.data(), own_next + sizeof number, obs_size_ * sizeof(float));
        next = own;
        own_next += next_bytes;
      } else if (i + 1 == h.rows) {
        throw damaged(fmt::format("lacks the next observation of row {}", h.first_row + i), path);
      }
      out.add({r, obs_size_}, {r + obs_size_, action_size_}, r[obs_size_ + action_size_], r[obs_size_ + action_size_ + 1], next);
      out.end_[out.slot(out.added_ - 1)] = row_end(ends[i], path);
    }
    written_ = h.first_row + h.rows;
    at += chunk.size();
  }
  index_ = index, bytes_ = at;
  // a full segment may end here; a short one is the last there is
  if (written_ < committed && at < kSegmentBytes)
    throw damaged(fmt::format("ends after row {}, but {} were committed", written_, committed), path);
}

}  // namespace warmstart
