#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/json_text.h"
#include "warmstart/io/pack_header.h"

namespace warmstart {
namespace {

int write_at(int fd, std::uint64_t offset, const void* values, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::pwrite(fd, static_cast<const char*>(values) + done, bytes - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return 0;
}

}  // namespace

PackWriter::PackWriter(const std::filesystem::path& path, const StepsLayout& layout, float action_clip)
    : path_(path), temporary_(fmt::format("{}.tmp{}", path.string(), ::getpid())) {
  sizes_.steps = layout.steps;
  sizes_.obs_size = static_cast<std::uint32_t>(layout.obs_size), sizes_.action_size = static_cast<std::uint32_t>(layout.action_size);
  sizes_.has_next = layout.has_next, sizes_.action_clip = action_clip;
  text_ = json_text(nlohmann::json{{"metadata", layout.metadata}, {"action_low", layout.action_low}, {"action_high", layout.action_high}});
  sizes_.text_bytes = static_cast<std::uint32_t>(text_.size());
  if (layout.steps >= kFollowing) throw data_error("too many steps for one pack", layout.path, "split the dataset");
  fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(errno);
}

PackWriter::~PackWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void PackWriter::fail(int error) {
  throw machine_error("cannot write: " + errno_text(error), path_.string(), "free disk space, or choose another place");
}

void PackWriter::put(PackParts::Name part, std::uint64_t row, std::size_t row_bytes, const void* values, std::size_t rows) {
  if (const int error = write_at(fd_, PackParts(sizes_).begin[part] + row * row_bytes, values, rows * row_bytes)) fail(error);
}

void PackWriter::settle_last(const float* following) {
  if (!sizes_.has_next || done_ == 0) return;
  const std::size_t row_bytes = sizes_.obs_size * sizeof(float);
  std::uint32_t next = kFollowing;
  if (!following || std::memcmp(last_next_.data(), following, row_bytes) != 0) {
    next = static_cast<std::uint32_t>(sizes_.ends);
    put(PackParts::kEnds, sizes_.ends, row_bytes, last_next_.data(), 1);
    ++sizes_.ends;
  }
  next_.push_back(next);
}

void PackWriter::add(const D4rlFile& slab) {
  const std::size_t n = slab.rewards.size(), O = sizes_.obs_size, A = sizes_.action_size;
  if (n == 0) return;
  assert(done_ + n <= sizes_.steps);
  rows_.resize(n * (O + A)), next_.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const int row = static_cast<int>(i);
    const float *obs = slab.observations.row(row), *action = slab.actions.row(row);
    settle_last(obs);
    if (sizes_.has_next) last_next_.assign(slab.next_observations.row(row), slab.next_observations.row(row) + O);
    std::copy_n(obs, O, &rows_[i * (O + A)]);
    for (std::size_t j = 0; j < A; ++j) {
      sizes_.clipped += std::abs(action[j]) > sizes_.action_clip;
      rows_[i * (O + A) + O + j] = std::clamp(action[j], -sizes_.action_clip, sizes_.action_clip);
    }
    ++done_;
  }
  const std::uint64_t first = done_ - n;
  put(PackParts::kRewards, first, sizeof(float), slab.rewards.data(), n);
  put(PackParts::kTerminals, first, 1, slab.terminals.data(), n);
  put(PackParts::kTimeouts, first, 1, slab.timeouts.data(), n);
  put(PackParts::kRows, first, (O + A) * sizeof(float), rows_.data(), n);
  put(PackParts::kActions, first, A * sizeof(float), slab.actions.data(), n);
  // what is settled lags a step behind
  put(PackParts::kNext, first - (first > 0), sizeof(std::uint32_t), next_.data(), next_.size());
}

PackSizes PackWriter::finish() {
  assert(done_ == sizes_.steps);
  next_.clear();
  settle_last(nullptr);
  if (!next_.empty()) put(PackParts::kNext, done_ - 1, sizeof(std::uint32_t), next_.data(), 1);
  put(PackParts::kText, 0, text_.size(), text_.data(), 1);
  const PackParts parts(sizes_);
  if (::ftruncate(fd_, static_cast<off_t>(parts.end)) != 0) fail(errno);
  PackHeader h = {{},
                  kPackVersion,
                  sizes_.obs_size,
                  sizes_.action_size,
                  sizes_.has_next,
                  sizes_.action_clip,
                  sizes_.text_bytes,
                  sizes_.steps,
                  sizes_.ends,
                  sizes_.clipped,
                  {},
                  0};
  std::memcpy(h.magic, kPackMagic, sizeof(kPackMagic));
  void* map = ::mmap(nullptr, parts.end, PROT_READ, MAP_SHARED, fd_, 0);
  if (map == MAP_FAILED) fail(errno);
  const auto* bytes = static_cast<const std::uint8_t*>(map);
  for (int p = 0; p < PackParts::kCount; ++p) h.checksums[p] = checksum({bytes + parts.begin[p], parts.bytes[p]});
  ::munmap(map, parts.end);
  h.checksum = checksum({reinterpret_cast<const std::uint8_t*>(&h), offsetof(PackHeader, checksum)});
  if (const int error = write_at(fd_, 0, &h, sizeof(h))) fail(error);
  if (::fsync(fd_) != 0) fail(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  ::close(fd_);
  fd_ = -1;
  return sizes_;
}

}  // namespace warmstart
