// Elementary functions against the C library in double precision, over a dense sweep of floats, and the bulk generator
// against the library's one block at a time.
#include "warmstart/core/vecmath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <vector>

#include "warmstart/core/random.h"

namespace warmstart {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

double ulp(double x) { return std::ldexp(1.0, std::max(std::ilogb(std::abs(x) + 1e-300), -126) - 23); }

/// Every `stride`-th float of [low, high], both signs' bit patterns in order.
template <class F>
void sweep(float low, float high, std::uint32_t stride, F&& check) {
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += stride)
    for (const float x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)})
      if (x >= low && x <= high) check(x);
}

TEST(Vecmath, ExpWithinTwoUlp) {
  double worst = 0;
  sweep(-87.0f, 88.0f, 1009, [&](float x) {
    const double want = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(vec::exp(x) - want) / ulp(want));
  });
  EXPECT_LE(worst, 2);
  EXPECT_EQ(vec::exp(0.0f), 1.0f);
  EXPECT_EQ(vec::exp(-kInf), vec::exp(-87.0f));
  EXPECT_EQ(vec::exp(kInf), vec::exp(88.0f));
  EXPECT_TRUE(std::isnan(vec::exp(kNan)));
}

TEST(Vecmath, LogWithinTwoUlp) {
  double worst = 0;
  sweep(std::numeric_limits<float>::min(), std::numeric_limits<float>::max(), 997, [&](float x) {
    const double want = std::log(static_cast<double>(x));
    worst = std::max(worst, std::min(std::abs(vec::log(x) - want) / ulp(want), std::abs(vec::log(x) - want) / 6e-8 * 2));
  });
  EXPECT_LE(worst, 2);
  EXPECT_EQ(vec::log(1.0f), 0.0f);
}

TEST(Vecmath, TanhWithinThreeUlp) {
  double worst = 0;
  sweep(-kInf, kInf, 1009, [&](float x) {
    const double want = std::tanh(static_cast<double>(x));
    worst = std::max(worst, want == 0 ? std::abs(vec::tanh(x)) : std::abs(vec::tanh(x) - want) / ulp(want));
  });
  EXPECT_LE(worst, 3);
  EXPECT_EQ(vec::tanh(kInf), 1.0f);
  EXPECT_EQ(vec::tanh(-kInf), -1.0f);
  EXPECT_EQ(vec::tanh(0.0f), 0.0f);
  EXPECT_TRUE(std::isnan(vec::tanh(kNan)));
}

TEST(Vecmath, TurnWithin1_5e7) {
  double worst = 0;
  for (std::uint32_t k = 0; k < (1u << 24); k += 7) {  // all angles the generator can draw are multiples of 2^-24
    const float v = static_cast<float>(k) / 16777216.0f;
    float c, s;
    vec::turn(v, c, s);
    const double angle = 2 * std::numbers::pi * v;
    worst = std::max({worst, std::abs(c - std::cos(angle)), std::abs(s - std::sin(angle))});
  }
  EXPECT_LE(worst, 1.5e-7);
}

// Bulk and word by word are the same stream, whatever came before and however many are asked for.
TEST(Vecmath, BulkWordsAreTheLibrarysWords) {
  for (const int before : {0, 1, 3, 4, 5})
    for (const std::size_t n : {1, 2, 255, 256, 257, 1024, 3001}) {
      Rng bulk(0x123456789abcdefull, "stream"), single = bulk;
      for (int i = 0; i < before; ++i) bulk.bits32(), single.bits32();
      std::vector<float> got(n);
      bulk.fill_uniform(got, 0, 16777216.0f);
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], static_cast<float>(single.bits32() >> 8)) << "word " << i << " of " << n;
      EXPECT_EQ(bulk.state(), single.state());
      EXPECT_EQ(bulk.bits64(), single.bits64());
    }
}

TEST(Vecmath, NormalsAreBoxMullerOfTheWords) {
  for (const std::size_t n : {1, 2, 7, 512, 513, 2049}) {
    Rng bulk(3, "normal"), single = bulk;
    std::vector<float> got(n);
    bulk.fill_normal(got);
    for (std::size_t i = 0; i < n; i += 2) {
      const double u = (static_cast<float>(single.bits32() >> 8) + 0.5f) / 16777216.0f,
                   angle = 2 * std::numbers::pi * (single.bits32() >> 8) / 16777216.0;
      const double radius = std::sqrt(-2 * std::log(u));
      ASSERT_NEAR(got[i], radius * std::cos(angle), 2e-6);
      if (i + 1 == n) break;
      ASSERT_NEAR(got[i + 1], radius * std::sin(angle), 2e-6);
    }
    EXPECT_EQ(bulk.bits64(), single.bits64());
  }
}

}  // namespace
}  // namespace warmstart
