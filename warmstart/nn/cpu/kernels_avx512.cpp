#include <immintrin.h>

#include <algorithm>

#define ISA_NAME "avx512"
#define ISA_SPACE avx512
#define ISA_WIDTH 16
#define ISA_FMA_LOOP(x, loops)                                                                       \
  do {                                                                                               \
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);                             \
    __m512 r[kChains];                                                                               \
    for (int c = 0; c < kChains; ++c) r[c] = _mm512_load_ps(x[c]);                                   \
    for (int i = 0; i < (loops); ++i) {                                                              \
      _Pragma("GCC unroll 12") for (int c = 0; c < kChains; ++c) r[c] = _mm512_fmadd_ps(r[c], a, b); \
    }                                                                                                \
    for (int c = 0; c < kChains; ++c) _mm512_store_ps(x[c], r[c]);                                   \
  } while (0)
#include "warmstart/nn/cpu/kernels.inc"
