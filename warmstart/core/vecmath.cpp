#include "warmstart/core/vecmath.h"

#include <immintrin.h>

#include <array>

// One body, compiled three times. Only built-in functions inside: the standard library's inline ones were compiled for another
// target, and g++ would call them instead of putting them into the loops.
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define ISA_NAME "avx512"
#define ISA_SPACE avx512
#define ISA_BYTES 64
#define ISA_MULTIPLY(a, b) _mm512_maskz_mul_epu32(0xff, (__m512i)(a), (__m512i)(b))
#include "warmstart/core/vecmath.inc"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define ISA_NAME "avx2"
#define ISA_SPACE avx2
#define ISA_BYTES 32
#define ISA_MULTIPLY(a, b) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#include "warmstart/core/vecmath.inc"
#pragma GCC pop_options

#define ISA_NAME "x86-64"
#define ISA_SPACE base
#define ISA_BYTES 16
#define ISA_MULTIPLY(a, b) _mm_mul_epu32((__m128i)(a), (__m128i)(b))
#include "warmstart/core/vecmath.inc"

namespace warmstart::vec {

std::span<const Functions* const> all_functions() {
  static constexpr std::array<const Functions*, 3> kAll{&avx512::table, &avx2::table, &base::table};
  static const std::size_t first = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v4") ? 0u : __builtin_cpu_supports("x86-64-v3") ? 1u : 2u;
  }();
  return std::span(kAll).subspan(first);
}

const Functions& functions() {
  static const Functions& best = *all_functions().front();
  return best;
}

}  // namespace warmstart::vec
