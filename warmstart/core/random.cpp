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
constexpr float kUnit24 = 1.0f / 16777216.0f;

constexpr std::size_t kChunk = 256;  // words generated at a time: 64 blocks

// Philox4x32-10 of kChunk / 4 successive counters, a vector of counters side by side; words[4 i + k] is word k of block i.
// The same words as the library's, which a test compares.
WARMSTART_CLONES void philox(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::uint32_t* words) {
  constexpr int kWide = 16;
  for (std::size_t block = 0; block < kChunk / 4; block += kWide) {
    std::uint32_t c0[kWide], c1[kWide], c2[kWide], c3[kWide];
    for (int i = 0; i < kWide; ++i) {
      const std::uint64_t counter = first + block + static_cast<std::uint64_t>(i);
      c0[i] = static_cast<std::uint32_t>(counter), c1[i] = static_cast<std::uint32_t>(counter >> 32);
      c2[i] = static_cast<std::uint32_t>(stream), c3[i] = static_cast<std::uint32_t>(stream >> 32);
    }
    std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
      for (int i = 0; i < kWide; ++i) {
        const std::uint64_t a = std::uint64_t{0xD2511F53u} * c0[i], b = std::uint64_t{0xCD9E8D57u} * c2[i];
        c0[i] = static_cast<std::uint32_t>(b >> 32) ^ c1[i] ^ k0, c2[i] = static_cast<std::uint32_t>(a >> 32) ^ c3[i] ^ k1;
        c1[i] = static_cast<std::uint32_t>(b), c3[i] = static_cast<std::uint32_t>(a);
      }
    for (int i = 0; i < kWide; ++i) {
      std::uint32_t* w = words + 4 * (block + static_cast<std::size_t>(i));
      w[0] = c0[i], w[1] = c1[i], w[2] = c2[i], w[3] = c3[i];
    }
  }
}

// Box-Muller: pairs of words to pairs of normals.
WARMSTART_CLONES void normals(const std::uint32_t* words, float* out, std::size_t pairs) {
  for (std::size_t i = 0; i < pairs; ++i) {
    const float u = (static_cast<float>(static_cast<std::int32_t>(words[2 * i] >> 8)) + 0.5f) * kUnit24;
    const float v = static_cast<float>(static_cast<std::int32_t>(words[2 * i + 1] >> 8)) * kUnit24;
    const float radius = std::sqrt(-2.0f * vec::log(u));
    float c, s;
    vec::turn(v, c, s);
    out[2 * i] = radius * c, out[2 * i + 1] = radius * s;
  }
}

WARMSTART_CLONES void uniforms(const std::uint32_t* words, float* out, std::size_t n, float low, float high) {
  for (std::size_t i = 0; i < n; ++i)
    out[i] = low + (high - low) * (static_cast<float>(static_cast<std::int32_t>(words[i] >> 8)) * kUnit24);
}

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
  while (at < words.size() && state_[3] < 4) words[at++] = bits32();
  for (; at + kChunk <= words.size(); at += kChunk) {
    philox(state_[0], state_[1], state_[2], words.data() + at);
    state_[2] += kChunk / 4;
  }
  while (at < words.size()) words[at++] = bits32();
}

void Rng::fill_normal(std::span<float> out) {
  std::uint32_t words[2 * kChunk];
  float pair[2];
  while (!out.empty()) {
    const std::size_t pairs = std::min(out.size() / 2, kChunk);
    fill_words({words, std::max<std::size_t>(2 * pairs, 2)});
    normals(words, pairs ? out.data() : pair, std::max<std::size_t>(pairs, 1));
    if (!pairs) out[0] = pair[0];
    out = out.subspan(std::max<std::size_t>(2 * pairs, 1));
  }
}

void Rng::fill_uniform(std::span<float> out, float low, float high) {
  std::uint32_t words[2 * kChunk];
  while (!out.empty()) {
    const std::size_t n = std::min(out.size(), 2 * kChunk);
    fill_words({words, n});
    uniforms(words, out.data(), n, low, high);
    out = out.subspan(n);
  }
}

}  // namespace warmstart
