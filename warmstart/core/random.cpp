#include "warmstart/core/random.h"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/core/vecmath.h"

namespace warmstart {
namespace {

std::uint64_t hash(std::string_view text) {  // FNV-1a
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3ull;
  return h;
}

constexpr double kUnit53 = 1.0 / 9007199254740992.0;
constexpr std::size_t kChunk = 512;    // words made at a time
constexpr std::size_t kFewBlocks = 5;  // fewer are faster one by one

}  // namespace

Rng::Rng(std::uint64_t seed, std::string_view stream) : state_{seed, hash(stream), 0, 4} {}

void Rng::refill() {
  // The stream's name sits in the high half of the counter, so streams of one seed share a key and never meet.
  const r123::Philox4x32::ctr_type counter{{static_cast<std::uint32_t>(state_[2]), static_cast<std::uint32_t>(state_[2] >> 32),
                                            static_cast<std::uint32_t>(state_[1]), static_cast<std::uint32_t>(state_[1] >> 32)}};
  const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(state_[0]), static_cast<std::uint32_t>(state_[0] >> 32)}};
  const auto words = r123::Philox4x32()(counter, key);
  for (int i = 0; i < 4; ++i) block_[i] = words[i];
  ++state_[2];
  state_[3] = 0;
}

void Rng::set_state(const State& s) {
  state_ = s;
  if (s[3] >= 4) return;
  --state_[2];
  refill();
  state_[3] = s[3];
}

std::uint32_t Rng::bits32() {
  if (state_[3] >= 4) refill();
  return block_[state_[3]++];
}

std::uint64_t Rng::bits64() {
  const std::uint64_t low = bits32();
  return low | static_cast<std::uint64_t>(bits32()) << 32;
}

double Rng::uniform() { return static_cast<double>(bits64() >> 11) * kUnit53; }

double Rng::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint32_t Rng::below(std::uint32_t n) {  // Lemire's multiply-shift with rejection
  std::uint64_t product = static_cast<std::uint64_t>(bits32()) * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t threshold = -n % n;
    while (static_cast<std::uint32_t>(product) < threshold) product = static_cast<std::uint64_t>(bits32()) * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

void Rng::fill_words(std::span<std::uint32_t> words) {
  std::size_t at = 0;
  while (at < words.size() && state_[3] < 4) words[at++] = bits32();  // what is left of the current block
  if (const std::size_t blocks = (words.size() - at) / 4; blocks >= kFewBlocks) {
    vec::functions().philox(state_[0], state_[1], state_[2], words.data() + at, blocks);
    state_[2] += blocks, at += 4 * blocks;
  }
  for (; at < words.size(); ++at) words[at] = bits32();
}

void Rng::fill_normal(std::span<float> out) {
  std::uint32_t words[kChunk];
  while (out.size() > 1) {
    const std::size_t n = std::min(out.size() & ~std::size_t{1}, kChunk);
    fill_words({words, n});
    vec::functions().normals(words, out.data(), n / 2);
    out = out.subspan(n);
  }
  if (out.empty()) return;
  float pair[2];
  fill_words({words, 2});
  vec::functions().normals(words, pair, 1);
  out[0] = pair[0];
}

void Rng::fill_uniform(std::span<float> out, float low, float high) {
  std::uint32_t words[kChunk];
  while (!out.empty()) {
    const std::size_t n = std::min(out.size(), kChunk);
    fill_words({words, n});
    vec::functions().uniforms(words, out.data(), n, low, high);
    out = out.subspan(n);
  }
}

}  // namespace warmstart
