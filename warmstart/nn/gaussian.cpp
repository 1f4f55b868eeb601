#include "warmstart/nn/gaussian.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace warmstart {
namespace {

const float kHalfLog2Pi = 0.5f * std::log(2.0f * std::numbers::pi_v<float>);

float softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

struct Std {
  float value, log;
  bool clipped;  // the clip passes no gradient
  explicit Std(float raw) {
    const float e = std::exp(raw);
    clipped = e < kMinStd || e > kMaxStd;
    value = std::clamp(e, kMinStd, kMaxStd);
    log = clipped ? std::log(value) : raw;
  }
};

float squash_correction(float u) { return 2.0f * (std::numbers::ln2_v<float> - u - softplus(-2.0f * u)); }

}  // namespace

void sample_actions(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, MatrixView action,
                    std::span<float> log_prob) {
  const int n = noise.rows / std::max(mean.rows, 1), a = mean.cols;
  assert(noise.rows == mean.rows * n && action.rows == noise.rows && action.cols == a);
  for (int b = 0; b < mean.rows; ++b) {
    for (int i = 0; i < n; ++i) {
      const int row = b * n + i;
      float total = 0;
      for (int j = 0; j < a; ++j) {
        const Std std(log_std(b, j));
        const float eps = noise(row, j);
        const float u = mean(b, j) + std.value * eps;
        action(row, j) = squash ? std::tanh(u) : u;
        if (log_prob.empty()) continue;
        total += -0.5f * eps * eps - std.log - kHalfLog2Pi;
        if (squash) total -= squash_correction(u);
      }
      if (!log_prob.empty()) log_prob[row] = total;
    }
  }
}

void mode_actions(ConstMatrixView mean, bool squash, MatrixView action) {
  for (std::size_t i = 0; i < mean.size(); ++i) action.data[i] = squash ? std::tanh(mean.data[i]) : mean.data[i];
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
  for (int b = 0; b < mean.rows; ++b) {
    for (int j = 0; j < mean.cols; ++j) {
      const Std std(log_std(b, j));
      const float eps = noise(b, j);
      const float u = mean(b, j) + std.value * eps;
      const float a = std::tanh(u);
      // d log pi / du = 2 tanh(u): the squash's correction alone depends on u
      const float d_u = squash ? d_action(b, j) * (1.0f - a * a) + d_log_prob * 2.0f * a : d_action(b, j);
      d_mean(b, j) += d_u;
      if (!std.clipped) d_log_std(b, j) += d_u * eps * std.value - d_log_prob;
    }
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
      if (!std.clipped) d_log_std(b, j) += d_log_prob[b] * (z * z - 1.0f);
    }
  }
}

}  // namespace warmstart
