#include <immintrin.h>

#include <algorithm>

#define ISA_NAME "avx2"
#define ISA_SPACE avx2
#define ISA_WIDTH 8
// two half-width chains per 16 values
#define ISA_FMA_LOOP(x, loops)                                                                         \
  do {                                                                                                 \
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);                               \
    for (int half = 0; half < 2; ++half) {                                                             \
      __m256 r[kChains];                                                                               \
      for (int c = 0; c < kChains; ++c) r[c] = _mm256_load_ps(x[c] + 8 * half);                        \
      for (int i = 0; i < (loops); ++i) {                                                              \
        _Pragma("GCC unroll 12") for (int c = 0; c < kChains; ++c) r[c] = _mm256_fmadd_ps(r[c], a, b); \
      }                                                                                                \
      for (int c = 0; c < kChains; ++c) _mm256_store_ps(x[c] + 8 * half, r[c]);                        \
    }                                                                                                  \
  } while (0)
#include "warmstart/nn/cpu/kernels.inc"
