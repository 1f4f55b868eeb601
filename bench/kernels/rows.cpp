// Candidates for bias + LayerNorm + ReLU forward, 256 rows: one by one as the compiler vectorises it, or in groups.
#include <cmath>

#include "bench/kernels/lab.h"

namespace lab {
namespace {

typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
Vector& at(float* p) { return *reinterpret_cast<Vector*>(p); }
const Vector& at(const float* p) { return *reinterpret_cast<const Vector*>(p); }
float total(Vector v) {
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) v[j] += v[j + half];
  return v[0];
}

void row_by_row(float* z, int rows, int h, const float* bias, const float* scale, const float* shift, float* xhat) {
  for (int r = 0; r < rows; ++r, z += h, xhat += h) {
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < h; ++j) sum += z[j] += bias[j];
    const float mean = sum / static_cast<float>(h);
#pragma omp simd reduction(+ : squares)
    for (int j = 0; j < h; ++j) squares += (z[j] - mean) * (z[j] - mean);
    const float s = 1.0f / std::sqrt(squares / static_cast<float>(h) + 1e-6f);
#pragma omp simd
    for (int j = 0; j < h; ++j) {
      const float x = (z[j] - mean) * s, y = x * scale[j] + shift[j];
      xhat[j] = x;
      z[j] = y < 0 ? 0 : y;
    }
  }
}

template <int R>
void grouped(float* z, int rows, int h, const float* bias, const float* scale, const float* shift, float* xhat) {
  for (int first = 0; first < rows; first += R, z += R * h, xhat += R * h) {
    Vector sum[R] = {}, squares[R] = {};
    float mean[R], s[R];
    for (int j = 0; j < h; j += 16)
      for (int r = 0; r < R; ++r) sum[r] += at(z + r * h + j) += at(bias + j);
    for (int r = 0; r < R; ++r) mean[r] = total(sum[r]) / static_cast<float>(h);
    for (int j = 0; j < h; j += 16)
      for (int r = 0; r < R; ++r) {
        const Vector c = at(z + r * h + j) - mean[r];
        squares[r] += c * c;
      }
    for (int r = 0; r < R; ++r) s[r] = 1.0f / std::sqrt(total(squares[r]) / static_cast<float>(h) + 1e-6f);
    for (int j = 0; j < h; j += 16)
      for (int r = 0; r < R; ++r) {
        const Vector x = (at(z + r * h + j) - mean[r]) * s[r], y = x * at(scale + j) + at(shift + j);
        at(xhat + r * h + j) = x;
        at(z + r * h + j) = y < 0 ? Vector{} : y;
      }
  }
}

}  // namespace

void rows() {
  using Norm = void (*)(float*, int, int, const float*, const float*, const float*, float*);
  const std::pair<const char*, Norm> candidates[] = {
      {"0 row by row, omp simd", row_by_row}, {"1 in registers, 1 row", grouped<1>}, {"2 groups of 2", grouped<2>},
      {"3 groups of 4", grouped<4>},          {"4 groups of 8", grouped<8>},
  };
  for (const int h : {256, 512}) {
    constexpr int kRows = 256, kSets = 8;
    const long n = static_cast<long>(kRows) * h;
    Array z(n * kSets), xhat(n * kSets), weights(3 * h);
    const Array fresh(n);
    Contest contest("bias + LayerNorm + ReLU, 256 rows of " + std::to_string(h), "values/ns");
    for (const auto& [name, norm] : candidates)
      contest.add(name, 1e-9 * static_cast<double>(n) * kSets, [&, norm = norm] {
        std::copy(fresh.begin(), fresh.end(), z.begin());
        for (int i = 0; i < kSets; ++i)
          norm(z.data() + i * n, kRows, h, weights.data(), weights.data() + h, weights.data() + 2 * h, xhat.data() + i * n);
        return std::vector<float>(z.begin(), z.begin() + n);
      });
    contest.run();
  }
}

}  // namespace lab
