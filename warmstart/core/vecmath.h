// Elementary functions without branches, so that a loop over them becomes vector code, and without fused multiply-adds (files
// that use them are compiled with -ffp-contract=off), so that every instruction set gives the same bits.
// Polynomials are those of the Cephes library (Moshier). Errors are against the exact value, over all floats of the domain.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

/// Compiles a function once per instruction set; the loader picks. Sanitizers run before it can, so they get one version.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WARMSTART_CLONES
#else
#define WARMSTART_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#define WARMSTART_INLINE inline __attribute__((always_inline))

namespace warmstart::vec {

/// e^x within 2 ulp for x in [-87, 88]; beyond, the value at that end. NaN stays NaN.
WARMSTART_INLINE float exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float shifted = x * 1.44269504088896341f + 12582912.0f;  // rounds to an integer in the low bits
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * (r * r) + r + 1.0f;
  const float power = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + (127u << 23));
  return y * power;
}

/// log x within 2 ulp (6e-8 absolute near 1) for positive normal x.
WARMSTART_INLINE float log(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t lifted = bits - 0x3f3504f3u;  // sqrt(1/2): mantissas from there to sqrt(2)
  const std::int32_t e = static_cast<std::int32_t>(lifted) >> 23;
  const float n = static_cast<float>(e);
  const float m = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(e) << 23)) - 1.0f;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float y = p * (m * z) - n * 2.12194440e-4f - 0.5f * z;
  return m + y + n * 0.693359375f;
}

/// tanh u within 3 ulp; `t` must be exp(-2|u|), which callers have at hand.
WARMSTART_INLINE float tanh_from(float u, float t) {
  const float size = std::abs(u), z = u * u;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * u + u;
  const float large = std::copysign((1.0f - t) / (1.0f + t), u);
  return size > 0.625f ? large : small;  // NaN takes the polynomial and stays NaN
}
WARMSTART_INLINE float tanh(float u) { return tanh_from(u, exp(-2.0f * std::abs(u))); }

/// cos and sin of 2 pi v for v in [0, 1), within 1.5e-7 absolute.
WARMSTART_INLINE void turn(float v, float& cosine, float& sine) {
  const float quarter = (4.0f * v + 12582912.0f) - 12582912.0f;             // the nearest quarter turn, 0..4
  const float x = (v - 0.25f * quarter) * 6.28318530717958648f, z = x * x;  // the difference is exact
  float s = -1.9515295891e-4f;
  s = s * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * z * x + x;
  float c = 2.443315711809948e-5f;
  c = c * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * (z * z) - 0.5f * z + 1.0f;
  const std::int32_t q = static_cast<std::int32_t>(quarter);
  const float a = q & 1 ? s : c, b = q & 1 ? c : s;
  cosine = (q + 1) & 2 ? -a : a;
  sine = q & 2 ? -b : b;
}

}  // namespace warmstart::vec
