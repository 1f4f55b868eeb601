#include "warmstart/nn/gaussian.h"

#include <algorithm>

#include "warmstart/core/vecmath.h"

// Works on blocks of values that fit the first cache, with scratch on the stack: any thread may call, for any slice of rows,
// and no value depends on where a block begins.
namespace warmstart {
namespace {

constexpr float kHalfLog2Pi = 0.918938533f;
constexpr float kLogMinStd = -11.5129255f, kLogMaxStd = 2.30258509f;
constexpr int kBlock = 1024;  // values
constexpr int kStride = 8;    // values copied at once, which may run over the end

struct Block {
  alignas(64) float values[kBlock + kStride];
  operator float*() { return values; }
};

// std = clip(exp(raw)) of `count` values. The clip passes no gradient where is_inside says no; NaN is inside.
void stds(const float* raw, int count, float* std) {
  vec::functions().exp(raw, std, count);
  for (int i = 0; i < count; ++i) std[i] = std[i] < kMinStd ? kMinStd : std[i] > kMaxStd ? kMaxStd : std[i];
}
bool is_inside(float raw) { return !(raw < kLogMinStd) & !(raw > kLogMaxStd); }
float clipped_log(float raw) { return raw < kLogMinStd ? kLogMinStd : raw > kLogMaxStd ? kLogMaxStd : raw; }

// inside [count] = given actions, moved to where artanh is finite; NaN stays
void inside_squash(const float* given, int count, float* inside) {
  for (int i = 0; i < count; ++i) inside[i] = given[i] < -kMaxSquashed ? -kMaxSquashed : given[i] > kMaxSquashed ? kMaxSquashed : given[i];
}

// total[r] += the sum of values [rows,cols] along row r, in order; four rows at a time, because one alone waits for each sum.
void add_row_sums(const float* values, int rows, int cols, float* total) {
  int r = 0;
  for (; r + 4 <= rows; r += 4, values += 4 * cols) {
    const float *v0 = values, *v1 = v0 + cols, *v2 = v1 + cols, *v3 = v2 + cols;
    float t0 = total[r], t1 = total[r + 1], t2 = total[r + 2], t3 = total[r + 3];
    for (int j = 0; j < cols; ++j) t0 += v0[j], t1 += v1[j], t2 += v2[j], t3 += v3[j];
    total[r] = t0, total[r + 1] = t1, total[r + 2] = t2, total[r + 3] = t3;
  }
  for (; r < rows; ++r, values += cols)
    for (int j = 0; j < cols; ++j) total[r] += values[j];
}

// to [rows,cols] = from [states,cols] with each state's row repeated n times; the first `used` of the first state's are past.
void repeat(const float* from, int rows, int cols, int n, int used, float* to) {
  for (int r = 0, left = n - used; r < rows; ++r, to += cols) {
    for (int j = 0; j < cols; j += kStride) std::copy_n(from + j, kStride, to + j);  // what runs over is overwritten by the next row
    if (--left == 0) from += cols, left = n;
  }
}

// Cuts [rows,cols] into contiguous pieces of at most kBlock values: whole rows, or parts of one row where rows are longer.
// Rows go in multiples of 16 where they fit, because what is left of whole registers goes value by value.
template <class F>
void for_each_block(int rows, int cols, F&& f) {
  const int fit = kBlock / std::max(cols, 1), high = fit >= 16 ? fit - fit % 16 : std::max(fit, 1), wide = std::min(cols, kBlock);
  for (int r = 0; r < rows; r += high)
    for (int c = 0; c < cols; c += wide) f(r, std::min(high, rows - r), c, std::min(wide, cols - c));
}

}  // namespace

void sample_actions(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, MatrixView action,
                    std::span<float> log_prob) {
  const int n = noise.rows / std::max(mean.rows, 1), a = mean.cols;
  assert(noise.rows == mean.rows * n && action.rows == noise.rows && action.cols == a);
  assert(log_prob.empty() || log_prob.size() == static_cast<std::size_t>(noise.rows));
  std::fill(log_prob.begin(), log_prob.end(), 0.0f);
  for_each_block(noise.rows, a, [&](int row, int rows, int col, int cols) {
    Block std, share, wide_std, wide_mean;
    const int first = row / n, used = row % n, states = (used + rows - 1) / n + 1, count = rows * cols;
    const float *m = mean.row(first) + col, *raw = log_std.row(first) + col, *eps = noise.row(row) + col, *sigma = std;
    float* u = action.row(row) + col;
    stds(raw, states * cols, std);
    if (n > 1) {
      std::copy_n(m, states * cols, share.values);
      repeat(share, rows, cols, n, used, wide_mean), repeat(std, rows, cols, n, used, wide_std);
      m = wide_mean, sigma = wide_std;
    }
    for (int i = 0; i < count; ++i) u[i] = m[i] + sigma[i] * eps[i];
    if (log_prob.empty()) {
      if (squash) vec::functions().tanh(u, u, count);
      return;
    }
    // what the state alone decides, then every value's share: of the normal density and of the squash
    for (int i = 0; i < states * cols; ++i) std[i] = -kHalfLog2Pi - clipped_log(raw[i]);
    std::fill_n(share.values, states, 0.0f);
    add_row_sums(std, states, cols, share);
    for (int r = 0, s = 0, left = n - used; r < rows; ++r) {
      log_prob[row + r] += share[s];
      if (--left == 0) ++s, left = n;
    }
    if (squash) vec::functions().tanh_log_slope(u, u, share, count);
    else std::fill_n(share.values, count, 0.0f);
    for (int i = 0; i < count; ++i) share[i] = -0.5f * eps[i] * eps[i] - share[i];
    add_row_sums(share, rows, cols, log_prob.data() + row);
  });
}

void mode_actions(ConstMatrixView mean, bool squash, MatrixView action) {
  if (squash) vec::functions().tanh(mean.data, action.data, mean.size());
  else if (action.data != mean.data) std::copy_n(mean.data, mean.size(), action.data);
}

void log_prob_of(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash, std::span<float> log_prob) {
  std::fill(log_prob.begin(), log_prob.end(), 0.0f);
  for_each_block(mean.rows, mean.cols, [&](int row, int rows, int col, int cols) {
    Block std, u, slope;
    const float *m = mean.row(row) + col, *raw = log_std.row(row) + col, *given = action.row(row) + col;
    const int count = rows * cols;
    stds(raw, count, std);
    if (squash) {
      inside_squash(given, count, u);
      for (int i = 0; i < count; ++i) slope[i] = (1.0f - u[i]) * (1.0f + u[i]);  // of tanh at artanh
      vec::functions().atanh(u, u, count);
      vec::functions().log(slope, slope, count);
    } else {
      std::copy_n(given, count, u.values);
      std::fill_n(slope.values, count, 0.0f);
    }
    for (int i = 0; i < count; ++i) {
      const float z = (u[i] - m[i]) / std[i];
      u[i] = ((-0.5f * z * z - clipped_log(raw[i])) - kHalfLog2Pi) - slope[i];
    }
    add_row_sums(u, rows, cols, log_prob.data() + row);
  });
}

void sample_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, ConstMatrixView d_action,
                     float d_log_prob, MatrixView d_mean, MatrixView d_log_std) {
  for_each_block(mean.rows, mean.cols, [&](int row, int rows, int col, int cols) {
    Block std, action;
    const float *m = mean.row(row) + col, *raw = log_std.row(row) + col, *eps = noise.row(row) + col, *d_a = d_action.row(row) + col;
    float *d_m = d_mean.row(row) + col, *d_s = d_log_std.row(row) + col;
    const int count = rows * cols;
    stds(raw, count, std);
    if (squash) {
      for (int i = 0; i < count; ++i) action[i] = m[i] + std[i] * eps[i];
      vec::functions().tanh(action, action, count);
    }
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) {
      // d log pi / du = 2 tanh(u): the squash's correction alone depends on u
      const float d_u = squash ? d_a[i] * (1.0f - action[i] * action[i]) + d_log_prob * 2.0f * action[i] : d_a[i];
      const float by_std = d_u * eps[i] * std[i] - d_log_prob, kept = is_inside(raw[i]) ? by_std : 0.0f;
      d_m[i] += d_u, d_s[i] += kept;
    }
  });
}

void log_prob_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash,
                       std::span<const float> d_log_prob, MatrixView d_mean, MatrixView d_log_std) {
  for_each_block(mean.rows, mean.cols, [&](int row, int rows, int col, int cols) {
    Block std, u;
    const float *m = mean.row(row) + col, *raw = log_std.row(row) + col, *given = action.row(row) + col;
    float *d_m = d_mean.row(row) + col, *d_s = d_log_std.row(row) + col;
    stds(raw, rows * cols, std);
    if (squash) inside_squash(given, rows * cols, u), vec::functions().atanh(u, u, rows * cols);
    else std::copy_n(given, rows * cols, u.values);
    for (int r = 0; r < rows; ++r) {
      const float d = d_log_prob[row + r];
      for (int i = r * cols; i < (r + 1) * cols; ++i) {
        const float z = (u[i] - m[i]) / std[i], by_std = d * (z * z - 1.0f), kept = is_inside(raw[i]) ? by_std : 0.0f;
        d_m[i] += d * z / std[i], d_s[i] += kept;
      }
    }
  });
}

}  // namespace warmstart
