#include "warmstart/nn/gaussian.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/core/vecmath.h"

namespace warmstart {
namespace {

const float kHalfLog2Pi = 0.5f * std::log(2.0f * std::numbers::pi_v<float>);
constexpr int kBlock = 2048;  // values worked on at a time

// Scratch that a thread keeps, of at least `count` floats.
float* scratch(int part, int count) {
  thread_local FloatVector memory[4];
  if (memory[part].size() < static_cast<std::size_t>(count)) memory[part].resize(count);
  return memory[part].data();
}

// log(1 - tanh(u)^2) = 2 (log 2 - |u| - log(1 + t)) with t = exp(-2|u|): the same for u and -u
WARMSTART_INLINE float squash_correction(float u, float t) {
  return 2.0f * (std::numbers::ln2_v<float> - std::abs(u) - vec::log(1.0f + t));
}
float squash_correction(float u) { return squash_correction(u, vec::exp(-2.0f * std::abs(u))); }

// std = clip(exp(raw)) and its log; `inside` is 0 where the clip passes no gradient.
WARMSTART_INLINE void clipped_std(float raw, float& value, float& log, float& inside) {
  const float e = vec::exp(raw);
  const bool in = !(e < kMinStd) & !(e > kMaxStd);
  value = e < kMinStd ? kMinStd : e > kMaxStd ? kMaxStd : e;
  log = in ? raw : vec::log(value);
  inside = in ? 1.0f : 0.0f;
}

WARMSTART_CLONES void stds(const float* raw, int count, float* value, float* log, float* inside) {
  for (int i = 0; i < count; ++i) clipped_std(raw[i], value[i], log[i], inside[i]);
}

// From u to the action (in place), and every value's share of log pi.
WARMSTART_CLONES void squash_values(int count, bool squash, const float* eps, float* u, float* share) {
  if (squash)
    for (int i = 0; i < count; ++i) {
      const float t = vec::exp(-2.0f * std::abs(u[i]));
      share[i] = -0.5f * eps[i] * eps[i] - kHalfLog2Pi - squash_correction(u[i], t);
      u[i] = vec::tanh_from(u[i], t);
    }
  else
    for (int i = 0; i < count; ++i) share[i] = -0.5f * eps[i] * eps[i] - kHalfLog2Pi;
}

WARMSTART_CLONES void backward_values(int count, bool squash, const float* mean, const float* std, const float* inside, const float* eps,
                                      const float* d_action, float d_log_prob, float* d_mean, float* d_log_std) {
  for (int i = 0; i < count; ++i) {
    const float u = mean[i] + std[i] * eps[i], a = vec::tanh(u);
    // d log pi / du = 2 tanh(u): the squash's correction alone depends on u
    const float d_u = squash ? d_action[i] * (1.0f - a * a) + d_log_prob * 2.0f * a : d_action[i];
    d_mean[i] += d_u;
    d_log_std[i] += inside[i] * (d_u * eps[i] * std[i] - d_log_prob);
  }
}

struct Std {
  float value, log, inside;
  explicit Std(float raw) { clipped_std(raw, value, log, inside); }
};

}  // namespace

void sample_actions(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, MatrixView action,
                    std::span<float> log_prob) {
  const int n = noise.rows / std::max(mean.rows, 1), a = mean.cols;
  assert(noise.rows == mean.rows * n && action.rows == noise.rows && action.cols == a);
  const int states = std::max(1, kBlock / std::max(1, n * a));  // in a block
  for (int first = 0; first < mean.rows; first += states) {
    const int count = std::min(states, mean.rows - first), rows = count * n;
    float *value = scratch(0, count * a), *log = scratch(1, count * a), *inside = scratch(2, count * a), *share = scratch(3, rows * a);
    stds(log_std.row(first), count * a, value, log, inside);
    float* u = action.row(first * n);
    const float* eps = noise.row(first * n);
    for (int s = 0, r = 0; s < count; ++s) {
      const float *m = mean.row(first + s), *std = value + s * a;
      for (int i = 0; i < n; ++i, ++r)
        for (int j = 0; j < a; ++j) u[r * a + j] = m[j] + std[j] * eps[r * a + j];
    }
    squash_values(rows * a, squash, eps, u, share);
    if (log_prob.empty()) continue;
    for (int s = 0, r = 0; s < count; ++s) {
      float log_std_sum = 0;
      for (int j = 0; j < a; ++j) log_std_sum += log[s * a + j];
      for (int i = 0; i < n; ++i, ++r) {
        float total = -log_std_sum;
        for (int j = 0; j < a; ++j) total += share[r * a + j];
        log_prob[first * n + r] = total;
      }
    }
  }
}

void mode_actions(ConstMatrixView mean, bool squash, MatrixView action) {
  for (std::size_t i = 0; i < mean.size(); ++i) action.data[i] = squash ? vec::tanh(mean.data[i]) : mean.data[i];
}

void log_prob_of(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash, std::span<float> log_prob) {
  for (int b = 0; b < mean.rows; ++b) {
    float total = 0;
    for (int j = 0; j < mean.cols; ++j) {
      const Std std(log_std(b, j));
      const float u = squash ? std::atanh(action(b, j)) : action(b, j);
      const float z = (u - mean(b, j)) / std.value;
      total += -0.5f * z * z - std.log - kHalfLog2Pi;
      if (squash) total -= squash_correction(u);
    }
    log_prob[b] = total;
  }
}

void sample_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, ConstMatrixView d_action,
                     float d_log_prob, MatrixView d_mean, MatrixView d_log_std) {
  const int total = static_cast<int>(mean.size());
  for (int i = 0; i < total; i += kBlock) {
    const int count = std::min(kBlock, total - i);
    float *value = scratch(0, count), *log = scratch(1, count), *inside = scratch(2, count);
    stds(log_std.data + i, count, value, log, inside);
    backward_values(count, squash, mean.data + i, value, inside, noise.data + i, d_action.data + i, d_log_prob, d_mean.data + i,
                    d_log_std.data + i);
  }
}

void log_prob_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash,
                       std::span<const float> d_log_prob, MatrixView d_mean, MatrixView d_log_std) {
  for (int b = 0; b < mean.rows; ++b) {
    for (int j = 0; j < mean.cols; ++j) {
      const Std std(log_std(b, j));
      const float u = squash ? std::atanh(action(b, j)) : action(b, j);
      const float z = (u - mean(b, j)) / std.value;
      d_mean(b, j) += d_log_prob[b] * z / std.value;
      d_log_std(b, j) += std.inside * d_log_prob[b] * (z * z - 1.0f);
    }
  }
}

}  // namespace warmstart
