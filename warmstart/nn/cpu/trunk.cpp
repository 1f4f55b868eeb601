#include "warmstart/nn/cpu/trunk.h"

#include <algorithm>

#include "warmstart/nn/cpu/kernels.h"

namespace warmstart::cpu {
namespace {

template <class Vector>
void grow(Vector& v, std::size_t n) {
  if (v.size() < n) v.resize(n);
}

// z [R,H] = (z + bias) * keep; returns the zeros that take the bias's place in the fused kernel that follows.
const float* drop(float* z, int rows, int h, const float* bias, const float* keep, FloatVector& zeros) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < h; ++j)
      z[static_cast<std::size_t>(r) * h + j] =
          (z[static_cast<std::size_t>(r) * h + j] + bias[j]) * keep[static_cast<std::size_t>(r) * h + j];
  zeros.assign(h, 0.0f);
  return zeros.data();
}

// d [R,H] *= keep; then d_bias [H] += the sum of its rows.
void drop_backward(float* d, int rows, int h, const float* keep, float* d_bias) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < h; ++j) {
      d[static_cast<std::size_t>(r) * h + j] *= keep[static_cast<std::size_t>(r) * h + j];
      d_bias[j] += d[static_cast<std::size_t>(r) * h + j];
    }
}

}  // namespace

void TrunkWork::reserve(const TrunkSpec& spec, int rows, bool keep, Precision precision) {
  const std::size_t depth = spec.hidden.size();
  if (y.size() < depth) y.resize(depth), xhat.resize(depth), rstd.resize(depth);
  const int widest = *std::max_element(spec.hidden.begin(), spec.hidden.end());
  for (std::size_t k = 0; k < depth; ++k) {
    const std::size_t n = static_cast<std::size_t>(rows) * (keep ? spec.hidden[k] : widest);
    if (!keep && k > 1) break;  // without a backward two buffers in turn are enough
    grow(y[k], n);
    if (keep && spec.layer_norm) grow(xhat[k], n), grow(rstd[k], rows);
  }
  const auto r = static_cast<std::size_t>(rows);
  grow(input, r * spec.input), grow(obs_part, r * spec.hidden[0]);
  grow(q, r), grow(d_q, r), grow(action, r * spec.input);
  if (keep)
    for (auto& buffer : d) grow(buffer, r * widest);
  if (precision == Precision::kFp32) return;
  if (x16.size() < depth) x16.resize(depth);
  for (std::size_t k = 1; k < depth; ++k) grow(x16[k], keep ? r * spec.hidden[k - 1] : k == 1 ? r * widest : 0);
  if (keep) grow(d16, r * widest);
  if (precision == Precision::kBf16Emulated) grow(widened, static_cast<std::size_t>(widest) * (r + std::max(rows, widest)));
}

void trunk_forward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, TrunkParams params, const TrunkInput& in, TrunkWork& w,
                   bool keep) {
  const float* p = params.p;
  const Kernels& k = kernels();
  const int rows = in.rows(), n = in.actions_per_state, o = in.obs.cols, a = in.action.cols;
  const float* x = in.obs.data;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerLayout& l = layers[i];
    float* z = w.y[keep ? i : i % 2].data();
    if (i == 0 && n > 1) {  // the observation's share once per state, not once per action
      gemm(false, false, in.obs.rows, l.out, o, in.obs.data, o, p + l.kernel, l.out, 0, w.obs_part.data(), l.out);
      k.add_actions(w.obs_part.data(), in.action.data, p + l.kernel + static_cast<std::size_t>(o) * l.out, in.obs.rows, n, a, l.out, z);
    } else if (i > 0 && params.rounded) {
      Bf16* x16 = w.x16[keep ? i : 1].data();
      k.round_bf16(x, static_cast<std::size_t>(rows) * l.in, x16);
      gemm_bf16(false, false, rows, l.out, l.in, x16, params.rounded + l.kernel, 0, z, w.scratch());
    } else {
      if (i == 0 && a > 0) {
        for (int r = 0; r < rows; ++r) {
          std::copy_n(in.obs.row(r), o, w.input.data() + static_cast<std::size_t>(r) * (o + a));
          std::copy_n(in.action.row(r), a, w.input.data() + static_cast<std::size_t>(r) * (o + a) + o);
        }
        x = w.input.data();
      }
      gemm(false, false, rows, l.out, l.in, x, l.in, p + l.kernel, l.out, 0, z, l.out);
    }
    const float* bias = p + l.bias;
    if (!in.dropout.empty()) bias = drop(z, rows, l.out, bias, in.dropout[i].row(in.dropout_row), w.zeros);
    if (spec.layer_norm)
      k.norm_relu(z, rows, l.out, bias, p + l.scale, p + l.shift, keep ? w.xhat[i].data() : nullptr, keep ? w.rstd[i].data() : nullptr);
    else k.bias_relu(z, rows, l.out, bias);
    x = z;
  }
  w.out = x;
}

void trunk_backward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, TrunkParams params, const TrunkInput& in, TrunkWork& w,
                    float* grad, bool first, float* d_action) {
  const float* p = params.p;
  const Kernels& k = kernels();
  const int rows = in.rows(), n = in.actions_per_state, o = in.obs.cols, a = in.action.cols;
  const float beta = first ? 0.0f : 1.0f;
  int at = 0;
  for (int i = static_cast<int>(layers.size()) - 1; i >= 0; --i) {
    const LayerLayout& l = layers[i];
    float* d = w.d[at].data();
    if (grad && first) {
      std::fill_n(grad + l.bias, l.out, 0.0f);
      if (spec.layer_norm) std::fill_n(grad + l.scale, l.out, 0.0f), std::fill_n(grad + l.shift, l.out, 0.0f);
    }
    const bool dropped = !in.dropout.empty();  // an actor in training: there is a gradient
    if (dropped) w.zeros.resize(l.out);        // takes what the kernel would add to the bias's gradient
    float* d_bias = !grad ? nullptr : dropped ? w.zeros.data() : grad + l.bias;
    if (spec.layer_norm)
      k.norm_relu_backward(d, w.y[i].data(), w.xhat[i].data(), w.rstd[i].data(), rows, l.out, p + l.scale, grad ? grad + l.scale : nullptr,
                           grad ? grad + l.shift : nullptr, d_bias);
    else k.bias_relu_backward(d, w.y[i].data(), rows, l.out, d_bias);
    if (dropped) drop_backward(d, rows, l.out, in.dropout[i].row(in.dropout_row), grad + l.bias);

    if (i > 0 && params.rounded) {
      k.round_bf16(d, static_cast<std::size_t>(rows) * l.out, w.d16.data());
      if (grad) gemm_bf16(true, false, l.in, l.out, rows, w.x16[i].data(), w.d16.data(), beta, grad + l.kernel, w.scratch());
      gemm_bf16(false, true, rows, l.in, l.out, w.d16.data(), params.rounded + l.kernel, 0, w.d[1 - at].data(), w.scratch());
      at = 1 - at;
      continue;
    }
    if (i > 0) {
      if (grad) gemm(true, false, l.in, l.out, rows, w.y[i - 1].data(), l.in, d, l.out, beta, grad + l.kernel, l.out);
      gemm(false, true, rows, l.in, l.out, d, l.out, p + l.kernel, l.out, 0, w.d[1 - at].data(), l.in);
      at = 1 - at;
      continue;
    }
    const float* action_kernel = p + l.kernel + static_cast<std::size_t>(o) * l.out;
    if (d_action) gemm(false, true, rows, a, l.out, d, l.out, action_kernel, l.out, 0, d_action, a);
    if (!grad) continue;
    if (n == 1) {
      gemm(true, false, l.in, l.out, rows, a > 0 ? w.input.data() : in.obs.data, l.in, d, l.out, beta, grad + l.kernel, l.out);
    } else {
      gemm(true, false, a, l.out, rows, in.action.data, a, d, l.out, beta, grad + l.kernel + static_cast<std::size_t>(o) * l.out, l.out);
      std::fill_n(w.obs_part.data(), static_cast<std::size_t>(in.obs.rows) * l.out, 0.0f);
      for (int r = 0; r < rows; ++r)
        k.add(w.obs_part.data() + static_cast<std::size_t>(r / n) * l.out, d + static_cast<std::size_t>(r) * l.out, l.out);
      gemm(true, false, o, l.out, in.obs.rows, in.obs.data, o, w.obs_part.data(), l.out, beta, grad + l.kernel, l.out);
    }
  }
}

}  // namespace warmstart::cpu
