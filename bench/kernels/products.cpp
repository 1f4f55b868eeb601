// Candidates for the matrix products of a training step. The arrays of eight rounds do not fit the second-level cache
// together, as in a real step, where every product meets operands that another layer has pushed out.
#include <dnnl.h>
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bench/kernels/lab.h"

namespace lab {
namespace {

typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
Vector& at(float* p) { return *reinterpret_cast<Vector*>(p); }
const Vector& at(const float* p) { return *reinterpret_cast<const Vector*>(p); }

// C [R x 16 V] = or += A B; element (r, i) of A at a[r * row + i * column], B packed as [k][16 V].
template <int R, int V, bool kAdd, bool kPrefetch>
void tile(int k, const float* a, long row, long column, const float* b, float* c, long ldc) {
  Vector sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if (kPrefetch) __builtin_prefetch(c + (r + R) * ldc + 16 * v, 1);
      sum[r][v] = kAdd ? at(c + r * ldc + 16 * v) : Vector{};
    }
  for (int i = 0; i < k; ++i) {
    if (kPrefetch && (i & 15) < R) __builtin_prefetch(a + (R + (i & 15)) * row);
    Vector part[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) part[v] = at(b + 16 * v);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vector x = _mm512_set1_ps(a[r * row]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] += x * part[v];
    }
    a += column, b += 16 * V;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) at(c + r * ldc + 16 * v) = sum[r][v];
}

using Tile = void (*)(int, const float*, long, long, const float*, float*, long);
template <int V, bool kAdd, bool kPrefetch, int... I>
constexpr auto tiles(std::integer_sequence<int, I...>) {
  return std::array<Tile, sizeof...(I)>{tile<I + 1, V, kAdd, kPrefetch>...};
}

void transpose(const float* from, long ld, float* to, long ld_to) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) to[j * ld_to + i] = from[i * ld + j];
}

// 16 x 16 in registers: to[j][i] = from[i][j].
void transpose_in_registers(const float* from, long ld, float* to, long ld_to) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(from + i * ld);
  for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  const auto pairs = [](bool high, __m512 a, __m512 b) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
  };
  for (int i = 0; i < 16; i += 4)
    for (int k = 0; k < 4; ++k) r[i + k] = pairs(k & 1, t[i + k / 2], t[i + k / 2 + 2]);
  for (int k = 0; k < 4; ++k) {
    t[k] = _mm512_shuffle_f32x4(r[k], r[k + 4], 0x88), t[k + 4] = _mm512_shuffle_f32x4(r[k], r[k + 4], 0xdd);
    t[k + 8] = _mm512_shuffle_f32x4(r[k + 8], r[k + 12], 0x88), t[k + 12] = _mm512_shuffle_f32x4(r[k + 8], r[k + 12], 0xdd);
  }
  for (int k = 0; k < 8; ++k) {
    _mm512_storeu_ps(to + k * ld_to, _mm512_shuffle_f32x4(t[k], t[k + 8], 0x88));
    _mm512_storeu_ps(to + (k + 8) * ld_to, _mm512_shuffle_f32x4(t[k], t[k + 8], 0xdd));
  }
}

// m x n = op(A) m x k times op(B) k x n, row-major; n a multiple of 16 V, k of 16.
template <int R, int V, int kDepth, bool kPrefetch>
void tiled(bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* c) {
  static const auto fresh = tiles<V, false, kPrefetch>(std::make_integer_sequence<int, R>{});
  static const auto more = tiles<V, true, kPrefetch>(std::make_integer_sequence<int, R>{});
  alignas(64) static thread_local float pack[kDepth * 16 * V];
  const long row = ta ? 1 : k, column = ta ? m : 1, ldb = tb ? k : n;
  for (int j = 0; j < n; j += 16 * V)
    for (int p = 0; p < k; p += kDepth) {
      const int depth = std::min(kDepth, k - p), groups = (m + R - 1) / R;
      if (tb)
        for (int i = 0; i < depth; i += 16)
          for (int q = 0; q < 16 * V; q += 16) transpose(b + (j + q) * ldb + p + i, ldb, pack + i * 16 * V + q, 16 * V);
      else
        for (int i = 0; i < depth; ++i) std::copy_n(b + (p + i) * ldb + j, 16 * V, pack + i * 16 * V);
      for (int g = 0, i = 0; g < groups; ++g) {
        const int rows = (m - i + groups - g - 1) / (groups - g);
        (p ? more : fresh)[rows - 1](depth, a + i * row + p * column, row, column, pack, c + static_cast<long>(i) * n + j, n);
        i += rows;
      }
    }
}

void onednn(bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* c) {
  dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0, c, n);
}

// The transposed operand is turned around first, into memory that is still in the cache when oneDNN reads it.
void turned(bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* c) {
  static thread_local Array scratch(512 * 512);
  const auto turn = [&](const float* from, int rows, int columns) {
    for (int j = 0; j < columns; j += 16)
      for (int i = 0; i < rows; i += 16)
        transpose_in_registers(from + static_cast<long>(i) * columns + j, columns, scratch.data() + static_cast<long>(j) * rows + i, rows);
    return scratch.data();
  };
  if (ta) a = turn(a, k, m);
  if (tb) b = turn(b, n, k);
  onednn(false, false, m, n, k, a, b, c);
}

void plain(bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* c) {
  std::fill_n(c, static_cast<long>(m) * n, 0.0f);
  for (int i = 0; i < m; ++i)
    for (int p = 0; p < k; ++p) {
      const float x = ta ? a[static_cast<long>(p) * m + i] : a[static_cast<long>(i) * k + p];
      for (int j = 0; j < n; ++j)
        c[static_cast<long>(i) * n + j] += x * (tb ? b[static_cast<long>(j) * k + p] : b[static_cast<long>(p) * n + j]);
    }
}

}  // namespace

void products() {
  omp_set_num_threads(1);
  using Product = void (*)(bool, bool, int, int, int, const float*, const float*, float*);
  const std::pair<const char*, Product> candidates[] = {
      {"0 plain loops", plain},
      {"1 oneDNN sgemm", onednn},
      {"7 turned around, then oneDNN", turned},
      {"2 own tile 6x64, depth 64", tiled<6, 4, 64, false>},
      {"3 own tile 6x64, depth 128", tiled<6, 4, 128, false>},
      {"4 as 3, next rows prefetched", tiled<6, 4, 128, true>},
      {"5 own tile 12x32, depth 128", tiled<12, 2, 128, false>},
      {"6 own tile 14x32, depth 256", tiled<14, 2, 256, false>},
  };
  struct Shape {
    const char* what;
    bool ta, tb;
    int m, n, k;
  };
  for (const Shape& s :
       {Shape{"forward 256x256", false, false, 256, 256, 256}, Shape{"input gradient 256x256", false, true, 256, 256, 256},
        Shape{"weight gradient 256x256", true, false, 256, 256, 256}, Shape{"forward 512x512", false, false, 256, 512, 512},
        Shape{"input gradient 512x512", false, true, 256, 512, 512}, Shape{"weight gradient 512x512", true, false, 512, 512, 256}}) {
    constexpr int kSets = 8;
    const long na = static_cast<long>(s.m) * s.k, nb = static_cast<long>(s.k) * s.n, nc = static_cast<long>(s.m) * s.n;
    Array slab((na + nb + nc) * kSets);
    Contest contest(std::string("product, ") + s.what, "GFLOP/s");
    for (const auto& [name, product] : candidates) {
      const int times = product == plain ? 1 : static_cast<int>(std::max(1L, static_cast<long>(4e8) / (na * s.n)));
      contest.add(name, 2e-9 * s.m * s.n * s.k * times, [&, product = product, times] {
        for (int i = 0; i < times; ++i) {
          float* a = slab.data() + (na + nb + nc) * (i % kSets);
          product(s.ta, s.tb, s.m, s.n, s.k, a, a + na, a + na + nb);
        }
        return std::vector<float>(slab.data() + na + nb, slab.data() + na + nb + nc);
      });
    }
    contest.run();
  }
}

}  // namespace lab
