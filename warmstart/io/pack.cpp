#include "warmstart/io/pack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/pack_header.h"

namespace warmstart {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMaxCols = 1 << 20;  // of a header that is not nonsense
const char* const kRemedy = "copy it again, or make it again with `warmstart data pack`";
constexpr const char* kNames[] = {"rewards", "terminals", "timeouts", "next", "rows", "actions", "ends", "text"};

class PackSteps : public StepsReader {
 public:
  explicit PackSteps(const std::filesystem::path& path) : map_(path) {
    map_.verify();
    const PackSizes& s = map_.sizes();
    layout_.format = StepsFormat::kPack, layout_.path = path.string(), layout_.steps = s.steps;
    layout_.obs_size = static_cast<int>(s.obs_size), layout_.action_size = static_cast<int>(s.action_size), layout_.has_next = s.has_next;
    layout_.metadata = map_.metadata(), layout_.action_low = map_.action_low(), layout_.action_high = map_.action_high();
  }
  void read(std::size_t count, D4rlFile& slab) override {
    const std::size_t n = std::min(count, layout_.steps - done_), O = map_.sizes().obs_size, A = map_.sizes().action_size;
    const auto rows = static_cast<int>(n);
    slab.observations.resize(rows, layout_.obs_size), slab.actions.resize(rows, layout_.action_size);
    slab.next_observations.resize(layout_.has_next ? rows : 0, layout_.obs_size);
    const auto observation = [&](std::size_t step) { return map_.rows().data() + step * (O + A); };
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t step = done_ + i;
      const int row = static_cast<int>(i);
      std::copy_n(observation(step), O, slab.observations.row(row));
      std::copy_n(map_.actions().data() + step * A, A, slab.actions.row(row));
      if (!layout_.has_next) continue;
      const std::uint32_t next = map_.next()[step];
      std::copy_n(next == kFollowing ? observation(step + 1) : map_.ends().data() + next * O, O, slab.next_observations.row(row));
    }
    const auto column = [&](auto from, auto& to) {
      to.assign(from.begin() + static_cast<std::ptrdiff_t>(done_), from.begin() + static_cast<std::ptrdiff_t>(done_ + n));
    };
    column(map_.rewards(), slab.rewards), column(map_.terminals(), slab.terminals), column(map_.timeouts(), slab.timeouts);
    done_ += n;
  }

 private:
  PackMap map_;
  std::size_t done_ = 0;
};

}  // namespace

PackParts::PackParts(const PackSizes& s) {
  const std::uint64_t row_bytes[kCount] = {4, 1, 1, s.has_next ? 4u : 0u, 4ull * (s.obs_size + s.action_size), 4ull * s.action_size, 0, 0};
  end = kPage;
  for (int p = 0; p < kCount; ++p) {
    begin[p] = end;
    bytes[p] = p == kEnds ? s.ends * 4ull * s.obs_size : p == kText ? s.text_bytes : s.steps * row_bytes[p];
    end += (bytes[p] + kPage - 1) / kPage * kPage;
  }
}

PackMap::PackMap(const std::filesystem::path& path) : path_(path) {
  const auto bad = [&](const std::string& what) { return data_error(what, path.string(), kRemedy); };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw data_error("cannot open pack: " + errno_text(errno), path.string(), "check that it exists and that you may read it");
  struct stat status = {};
  PackHeader h = {};
  const bool read = ::fstat(fd, &status) == 0 && ::pread(fd, &h, sizeof(h), 0) == static_cast<ssize_t>(sizeof(h));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  try {
    if (!read) throw bad(fmt::format("pack is truncated: {} bytes, less than its header", size));
    if (std::memcmp(h.magic, kPackMagic, sizeof(kPackMagic)) != 0) throw bad("not a pack");
    if (h.version != kPackVersion)
      throw data_error(fmt::format("pack of format {}, this program reads format {}", h.version, kPackVersion), path.string(),
                       h.version < kPackVersion ? "make it again from the dataset with `warmstart data pack`"
                                                : "read it with the newer version of Warmstart that made it");
    if (h.checksum != checksum({reinterpret_cast<const std::uint8_t*>(&h), offsetof(PackHeader, checksum)}) || h.obs_size > kMaxCols ||
        h.action_size > kMaxCols || h.steps >= kFollowing || h.ends > h.steps)
      throw bad("pack header is damaged");
    sizes_ = {h.steps, h.ends, h.clipped, h.obs_size, h.action_size, h.has_next != 0, h.action_clip, h.text_bytes};
    parts_ = PackParts(sizes_);
    std::copy(std::begin(h.checksums), std::end(h.checksums), checksums_);
    if (size != parts_.end)
      throw bad(fmt::format("pack is {}: {} bytes, its header says {}", size < parts_.end ? "truncated" : "too long", size, parts_.end));
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) throw machine_error("cannot map pack: " + errno_text(errno), path.string(), "lift the limit on address space");
    base_ = static_cast<const std::uint8_t*>(map);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
  try {
    check(PackParts::kRewards, PackParts::kNext);
    for (std::size_t i = 0; i < next().size(); ++i)
      if (next()[i] == kFollowing ? i + 1 == next().size() : next()[i] >= sizes_.ends)
        throw bad(fmt::format("pack is damaged in step {}", i));
    check(PackParts::kText, PackParts::kText);
    read_text();
  } catch (...) {
    ::munmap(const_cast<std::uint8_t*>(base_), parts_.end);
    throw;
  }
}

PackMap::~PackMap() { ::munmap(const_cast<std::uint8_t*>(base_), parts_.end); }

void PackMap::check(PackParts::Name first, PackParts::Name last) const {
  for (int p = first; p <= last; ++p)
    if (checksum({base_ + parts_.begin[p], parts_.bytes[p]}) != checksums_[p])
      throw data_error(fmt::format("pack is damaged: checksum of {} differs", kNames[p]), path_.string(), kRemedy);
}

void PackMap::read_text() {
  const auto bytes = part<char>(PackParts::kText);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  try {
    metadata_ = json.at("metadata").get<decltype(metadata_)>();
    action_low_ = json.at("action_low").get<std::vector<double>>(), action_high_ = json.at("action_high").get<std::vector<double>>();
  } catch (const nlohmann::json::exception&) {
    throw data_error("pack is damaged in its text", path_.string(), kRemedy);
  }
}

void PackMap::verify() const { check(PackParts::kRows, PackParts::kEnds); }

bool is_pack(const std::filesystem::path& path) {
  char magic[sizeof(kPackMagic)] = {};
  std::ifstream in(path, std::ios::binary);
  return in.read(magic, sizeof(magic)) && std::memcmp(magic, kPackMagic, sizeof(magic)) == 0;
}

std::unique_ptr<StepsReader> open_pack_steps(const std::filesystem::path& path) { return std::make_unique<PackSteps>(path); }

}  // namespace warmstart
