// Random streams: the published vectors, independence of names, exact resumption, and the distributions.
#include "warmstart/core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace warmstart {
namespace {

// State {key, counter's high half, counter's low half, 4}: the next word starts that block.
std::array<std::uint32_t, 4> block(std::uint64_t key, std::uint64_t high, std::uint64_t low) {
  Rng rng;
  rng.set_state({key, high, low, 4});
  return {rng.bits32(), rng.bits32(), rng.bits32(), rng.bits32()};
}

TEST(Rng, ReproducesPhiloxKnownAnswers) {  // philox4x32 10 of Random123's kat_vectors
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(block(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(block(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(block(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, StreamsAndSeedsDiffer) {
  std::set<std::vector<std::uint32_t>> seen;
  for (std::uint64_t seed : {0ull, 1ull, 1ull << 40}) {
    for (const char* name : {"", "a", "b", "ab", "actor"}) {
      Rng rng(seed, name), same(seed, name);
      std::vector<std::uint32_t> words;
      for (int i = 0; i < 8; ++i) {
        words.push_back(rng.bits32());
        EXPECT_EQ(words.back(), same.bits32());
      }
      EXPECT_TRUE(seen.insert(words).second) << seed << " " << name;
    }
  }
}

TEST(Rng, ResumesInsideABlock) {
  for (int used = 0; used < 9; ++used) {
    Rng rng(42, "resume");
    for (int i = 0; i < used; ++i) rng.bits32();
    Rng resumed(7, "another");
    resumed.bits32();
    resumed.set_state(rng.state());
    EXPECT_EQ(resumed.state(), rng.state());
    for (int i = 0; i < 11; ++i) EXPECT_EQ(resumed.bits32(), rng.bits32()) << used << " used, word " << i;
  }
}

TEST(Rng, ResumesBetweenDrawsOfAnyKind) {
  Rng rng(3, "mixed");
  std::vector<float> a(7), b(7);
  rng.normal(), rng.below(10), rng.fill_normal(a);
  Rng resumed;
  resumed.set_state(rng.state());
  EXPECT_EQ(resumed.normal(), rng.normal());
  EXPECT_EQ(resumed.uniform(), rng.uniform());
  resumed.fill_normal(a), rng.fill_normal(b);
  EXPECT_EQ(a, b);
  resumed.fill_uniform(a, -2, 3), rng.fill_uniform(b, -2, 3);
  EXPECT_EQ(a, b);
  EXPECT_EQ(resumed.below(1000), rng.below(1000));
}

// Bulk and word by word are the same stream, whatever came before and however many are asked for.
TEST(Rng, BulkDrawsUseTheWordsThatSingleDrawsWould) {
  for (const int before : {0, 1, 3, 4, 5}) {
    for (const std::size_t n : {0, 1, 2, 5, 7, 19, 20, 64, 255, 511, 512, 513, 1025, 3001}) {
      Rng bulk(0x123456789abcdefull, "stream");
      for (int i = 0; i < before; ++i) bulk.bits32();
      Rng single = bulk;
      std::vector<float> got(n);
      bulk.fill_uniform(got, 0, 16777216.0f);
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], static_cast<float>(single.bits32() >> 8)) << "word " << i << " of " << n;
      EXPECT_EQ(bulk.state(), single.state());
      bulk.fill_normal(got);
      for (std::size_t i = 0; i < n; i += 2) {
        const double u = ((single.bits32() >> 8) + 0.5f) / 16777216.0, angle = 2 * std::numbers::pi * (single.bits32() >> 8) / 16777216.0;
        const double radius = std::sqrt(-2 * std::log(u));
        ASSERT_NEAR(got[i], radius * std::cos(angle), 1e-6) << "value " << i << " of " << n;
        if (i + 1 < n) {
          ASSERT_NEAR(got[i + 1], radius * std::sin(angle), 1e-6) << "value " << i << " of " << n;
        }
      }
      EXPECT_EQ(bulk.state(), single.state());
      Rng resumed;
      resumed.set_state(bulk.state());
      const std::uint64_t next = single.bits64();
      EXPECT_EQ(bulk.bits64(), next);
      EXPECT_EQ(resumed.bits64(), next);
    }
  }
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};
template <class F>
Moments moments(int n, F draw) {
  Moments m;
  for (int i = 0; i < n; ++i) {
    const double x = draw();
    m.mean += x / n, m.variance += x * x / n, m.skew += x * x * x / n, m.kurtosis += x * x * x * x / n;
  }
  return m;
}

// Raw moments of N(0,1) are 0, 1, 0, 3 with variances 1, 2, 15, 96 per draw; five standard deviations are allowed.
void expect_normal(const Moments& m, int n) {
  EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(m.variance, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m.skew, 0, 5 * std::sqrt(15.0 / n));
  EXPECT_NEAR(m.kurtosis, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Rng, NormalMoments) {
  const int n = 1000000;
  Rng rng(1, "normal");
  expect_normal(moments(n, [&] { return rng.normal(); }), n);
  std::vector<float> filled(n);
  rng.fill_normal(filled);
  std::size_t at = 0;
  expect_normal(moments(n, [&] { return filled[at++]; }), n);
  double neighbours = 0;  // the two of a Box-Muller pair share a radius but must not correlate
  for (int i = 0; i < n; i += 2) neighbours += 2.0 * filled[i] * filled[i + 1] / n;
  EXPECT_NEAR(neighbours, 0, 5 * std::sqrt(2.0 / n));
}

TEST(Rng, UniformMomentsAndBounds) {
  const int n = 1000000;
  Rng rng(1, "uniform");
  double low = 1, high = 0;
  const auto m = moments(n, [&] {
    const double x = rng.uniform();
    low = std::min(low, x), high = std::max(high, x);
    return x;
  });
  EXPECT_NEAR(m.mean, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(m.variance, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
  EXPECT_GE(low, 0);
  EXPECT_LT(high, 1);
  std::vector<float> filled(n);
  rng.fill_uniform(filled, -1, 1);
  for (float x : filled) ASSERT_TRUE(x >= -1 && x < 1) << x;
}

TEST(Rng, BelowIsUnbiased) {
  Rng rng(9, "below");
  for (const std::uint32_t n : {1u, 2u, 3u, 7u, 10u, 100u}) {
    const int draws = 200000;
    std::vector<int> count(n);
    for (int i = 0; i < draws; ++i) {
      const auto k = rng.below(n);
      ASSERT_LT(k, n);
      ++count[k];
    }
    double chi2 = 0;
    const double expected = static_cast<double>(draws) / n;
    for (int c : count) chi2 += (c - expected) * (c - expected) / expected;
    EXPECT_LT(chi2, n - 1 + 5 * std::sqrt(2.0 * n)) << n;
  }
}

TEST(Rng, BelowIsUnbiasedWhereMultiplicationAloneIsNot) {
  // Of 2^32 words on 3 * 2^30 values, the multiply-shift without rejection gives every third value twice the others' share.
  Rng rng(9, "large");
  const std::uint32_t n = 3u << 30;
  const int draws = 300000;
  std::array<int, 3> count{};
  for (int i = 0; i < draws; ++i) ++count[rng.below(n) % 3];
  for (int c : count) EXPECT_NEAR(c, draws / 3, 5 * std::sqrt(draws * 2.0 / 9));
}

}  // namespace
}  // namespace warmstart
