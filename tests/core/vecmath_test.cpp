// Elementary functions against the C library in double precision over a dense sweep of floats, the same bits on every
// instruction set and wherever an array is cut, and random words in bulk against the library's one block at a time.
#include "warmstart/core/vecmath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "warmstart/core/random.h"

namespace warmstart {
namespace {

using Unary = void (*)(const float*, float*, std::size_t);
constexpr double kFloatMax = std::numeric_limits<float>::max();

/// Every 1009th bit pattern, all exponents and NaNs of both signs among them, and the patterns where something changes.
const std::vector<float>& sweep() {
  static const std::vector<float> values = [] {
    std::vector<float> v;
    for (std::uint64_t bits = 0; bits <= 0xffffffffu; bits += 1009) v.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    const float edges[] = {0.0f,
                           std::numeric_limits<float>::denorm_min(),
                           std::numeric_limits<float>::min(),
                           0.5f,
                           0.625f,
                           std::numbers::sqrt2_v<float> / 2,
                           1.0f,
                           std::numbers::sqrt2_v<float>,
                           2.0f,
                           87.0f,
                           88.0f,
                           88.72284f,
                           89.0f,
                           104.0f,
                           static_cast<float>(kFloatMax),
                           std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
    for (const float edge : edges)
      for (const float x : {edge, std::nextafter(edge, 0.0f), std::nextafter(edge, 200.0f)}) v.push_back(x), v.push_back(-x);
    return v;
  }();
  return values;
}

/// Units in the last place of the float nearest to x.
double ulp(double x) { return std::ldexp(1.0, std::max(x == 0 ? -126 : std::ilogb(x), -126) - 23); }

bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

template <class Exact>
void expect_within(double bound, Unary f, const Exact& exact) {
  const std::vector<float>& x = sweep();
  std::vector<float> y(x.size());
  f(x.data(), y.data(), x.size());
  double worst = 0;
  float where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = exact(static_cast<double>(x[i]));
    const float nearest = static_cast<float>(want);
    if (!std::isfinite(nearest) || !std::isfinite(y[i]) || want == 0) {  // NaN, infinities and signed zeros come out as such
      ASSERT_TRUE(same_bits(y[i], nearest)) << x[i] << " gives " << y[i] << ", not " << nearest;
      continue;
    }
    const double error = std::abs(y[i] - want) / ulp(want);
    if (error > worst) worst = error, where = x[i];
  }
  EXPECT_LE(worst, bound) << "ulp, at " << where;
}

TEST(Vecmath, ErrorsAreWithinTheStatedBounds) {
  const vec::Functions& f = vec::functions();
  expect_within(1, f.exp, [](double x) { return std::exp(x); });
  expect_within(1, f.log, [](double x) { return std::log(x); });
  expect_within(2, f.tanh, [](double x) { return std::tanh(x); });
  expect_within(2, f.atanh, [](double x) { return std::atanh(x); });
  expect_within(2, f.softplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); });
}

TEST(Vecmath, TanhWithTheLogarithmOfItsSlope) {
  const std::vector<float>& x = sweep();
  std::vector<float> y(x.size()), slope(x.size()), alone(x.size());
  vec::functions().tanh_log_slope(x.data(), y.data(), slope.data(), x.size());
  vec::functions().tanh(x.data(), alone.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_TRUE(same_bits(y[i], alone[i])) << x[i];
    if (std::isnan(x[i])) {
      ASSERT_TRUE(std::isnan(slope[i]));
      continue;
    }
    const double size = std::abs(static_cast<double>(x[i])), want = 2 * (std::numbers::ln2 - size - std::log1p(std::exp(-2 * size)));
    if (2 * size > kFloatMax) ASSERT_EQ(slope[i], -std::numeric_limits<float>::infinity());
    else ASSERT_NEAR(slope[i], want, 4e-7 + 2 * ulp(want)) << x[i];
  }
}

TEST(Vecmath, CosineAndSineOfTurns) {
  std::vector<float> v, c, s;
  for (std::uint32_t k = 0; k <= 1u << 24; k += 7) v.push_back(static_cast<float>(k) / 16777216.0f);  // angles are drawn so
  for (const float edge : {1.0f, 0.125f, 0.25f, 0.375f, 0.5f, 1e-30f, 1e-40f}) v.push_back(edge);
  c.resize(v.size()), s.resize(v.size());
  vec::functions().cos_sin_turns(v.data(), c.data(), s.data(), v.size());
  double worst = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double angle = 2 * std::numbers::pi * v[i];
    worst = std::max({worst, std::abs(c[i] - std::cos(angle)), std::abs(s[i] - std::sin(angle))});
  }
  EXPECT_LE(worst, 1e-7);
}

TEST(Vecmath, EveryInstructionSetGivesTheSameBits) {
  const auto sets = vec::all_functions();
  const std::vector<float>& x = sweep();
  const std::size_t n = x.size();
  const auto expect_same = [&](const std::vector<float>& want, const std::vector<float>& got, const char* what, const char* isa) {
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_TRUE(same_bits(want[i], got[i])) << what << " at " << i << ", " << isa;
  };
  const vec::Functions& base = *sets.back();
  EXPECT_STREQ(base.isa, "x86-64");
  EXPECT_EQ(&vec::functions(), sets.front());
  for (const vec::Functions* set : sets.first(sets.size() - 1)) {
    std::vector<float> want(n), got(n), want2(n), got2(n);
    const std::pair<const char*, Unary vec::Functions::*> unary[] = {{"exp", &vec::Functions::exp},
                                                                     {"log", &vec::Functions::log},
                                                                     {"tanh", &vec::Functions::tanh},
                                                                     {"atanh", &vec::Functions::atanh},
                                                                     {"softplus", &vec::Functions::softplus}};
    for (const auto& [name, f] : unary) {
      (base.*f)(x.data(), want.data(), n), (set->*f)(x.data(), got.data(), n);
      expect_same(want, got, name, set->isa);
    }
    base.tanh_log_slope(x.data(), want.data(), want2.data(), n), set->tanh_log_slope(x.data(), got.data(), got2.data(), n);
    expect_same(want, got, "tanh", set->isa), expect_same(want2, got2, "log slope", set->isa);

    const std::size_t blocks = 50001;
    std::vector<std::uint32_t> words(4 * blocks), others(4 * blocks);
    base.philox(1, 2, 3, words.data(), blocks), set->philox(1, 2, 3, others.data(), blocks);
    EXPECT_EQ(words, others);
    want.resize(4 * blocks), got.resize(4 * blocks);
    base.normals(words.data(), want.data(), 2 * blocks), set->normals(words.data(), got.data(), 2 * blocks);
    expect_same(want, got, "normals", set->isa);
    base.uniforms(words.data(), want.data(), 4 * blocks, -0.3f, 0.7f), set->uniforms(words.data(), got.data(), 4 * blocks, -0.3f, 0.7f);
    expect_same(want, got, "uniforms", set->isa);
    std::vector<float> v = got, want_c(v.size()), got_c(v.size());
    for (float& turn : v) turn = std::abs(turn);
    base.cos_sin_turns(v.data(), want.data(), want_c.data(), v.size()), set->cos_sin_turns(v.data(), got.data(), got_c.data(), v.size());
    expect_same(want, got, "cosine", set->isa), expect_same(want_c, got_c, "sine", set->isa);
  }
}

// Whole registers, what is left of them, and in place: always the value that the argument alone gives.
TEST(Vecmath, ValuesDependOnNothingButTheirArgument) {
  Rng rng(5, "cuts");
  std::vector<float> x(67);
  rng.fill_normal(x);
  for (const vec::Functions* set : vec::all_functions())
    for (const Unary f : {set->exp, set->log, set->tanh, set->atanh, set->softplus})
      for (std::size_t n = 0; n <= x.size(); ++n) {
        std::vector<float> whole(x), single(x);
        f(whole.data(), whole.data(), n);
        for (std::size_t i = 0; i < n; ++i) f(&x[i], &single[i], 1);
        for (std::size_t i = 0; i < x.size(); ++i) ASSERT_TRUE(same_bits(whole[i], single[i])) << set->isa << ", " << i << " of " << n;
      }
}

TEST(Vecmath, PhiloxGivesTheLibrarysWords) {
  const std::uint64_t near_carry = (std::uint64_t{1} << 32) - 5, near_end = ~std::uint64_t{0} - 9;
  for (const vec::Functions* set : vec::all_functions())
    for (const std::uint64_t first : {std::uint64_t{0}, near_carry, near_end})
      for (std::size_t blocks = 0; blocks <= 40; ++blocks) {
        const std::uint64_t key = 0x299f31d0a4093822, stream = 0x85a308d3243f6a88;
        std::vector<std::uint32_t> words(4 * blocks + 1, 77);
        set->philox(key, stream, first, words.data(), blocks);
        EXPECT_EQ(words.back(), 77u);  // no word more than asked
        Rng rng;
        for (std::size_t i = 0; i < blocks; ++i) {
          rng.set_state({key, stream, first + i, 4});
          for (std::size_t k = 0; k < 4; ++k) ASSERT_EQ(words[4 * i + k], rng.bits32()) << set->isa << ", block " << i << " of " << blocks;
        }
      }
}

TEST(Vecmath, NormalsAreBoxMullerOfTheWords) {
  Rng rng(3, "normal");
  std::vector<std::uint32_t> words{0, 0, ~0u, ~0u, 0xff, 0x80000000u, 1u << 31, 1u << 30};
  while (words.size() < 400000) words.push_back(rng.bits32());
  std::vector<float> got(words.size());
  vec::functions().normals(words.data(), got.data(), words.size() / 2);
  double worst = 0;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const float u = (static_cast<float>(words[i] >> 8) + 0.5f) / 16777216.0f;
    const double angle = 2 * std::numbers::pi * (words[i + 1] >> 8) / 16777216.0, radius = std::sqrt(-2 * std::log(static_cast<double>(u)));
    worst = std::max({worst, std::abs(got[i] - radius * std::cos(angle)), std::abs(got[i + 1] - radius * std::sin(angle))});
  }
  EXPECT_LE(worst, 1e-6);
}

}  // namespace
}  // namespace warmstart
