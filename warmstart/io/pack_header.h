// The first page of a pack. Internal to io/.
#pragma once
#include <cstddef>
#include <cstdint>

#include "warmstart/io/pack.h"

namespace warmstart {

constexpr char kPackMagic[8] = {'W', 'S', 'R', 'L', 'P', 'A', 'C', 'K'};
constexpr std::uint32_t kPackVersion = 2;

struct PackHeader {
  char magic[8];
  std::uint32_t version, obs_size, action_size, has_next;
  float action_clip;
  std::uint32_t text_bytes;
  std::uint64_t steps, ends, clipped;
  std::uint64_t checksums[PackParts::kCount];
  std::uint64_t checksum;  // XXH3 of the bytes before
};
static_assert(sizeof(PackHeader) == 128);

}  // namespace warmstart
