// The vector loops around the matrix products, compiled once per instruction set and chosen at run time.
// R rows, H columns, all arrays contiguous. Each fuses what would otherwise be several passes over memory.
#pragma once
#include <cstddef>
#include <cstdint>

#include "warmstart/nn/network.h"

namespace warmstart::cpu {

struct Kernels {
  const char* isa;  ///< "avx512", "avx2", "x86-64"

  /// z [R,H] = relu(layer_norm(z + bias) * scale + shift) in place; with xhat [R,H] and rstd [R] the backward's inputs are kept.
  void (*norm_relu)(float* z, int rows, int h, const float* bias, const float* scale, const float* shift, float* xhat, float* rstd);
  /// z [S*n,H] = share [S,H] of each row's state + action [S*n,A] kernel [A,H]: the first layer of n actions per state.
  void (*add_actions)(const float* share, const float* action, const float* kernel, int states, int n, int a, int h, float* z);
  /// z [R,H] = relu(z + bias) in place.
  void (*bias_relu)(float* z, int rows, int h, const float* bias);
  /// d [R,H]: dL/dy -> dL/dz in place, y the layer's output. With d_bias [H], adds the parameters' gradients too.
  void (*norm_relu_backward)(float* d, const float* y, const float* xhat, const float* rstd, int rows, int h, const float* scale,
                             float* d_scale, float* d_shift, float* d_bias);
  void (*bias_relu_backward)(float* d, const float* y, int rows, int h, float* d_bias);
  /// y [H] = x [I] kernel [I,H], one row; the kernel is read in order.
  void (*row_product)(const float* x, int in, const float* kernel, int h, float* y);
  /// q [R] = y w + b, a matrix-vector product.
  void (*head)(const float* y, int rows, int h, const float* w, float b, float* q);
  /// d_y [R,H] = d_q w^T; with d_w [H], adds y^T d_q, and the sum of d_q to d_w[H].
  void (*head_backward)(const float* d_q, const float* y, int rows, int h, const float* w, float* d_y, float* d_w);
  /// One Adam step over n values, g null for a zero gradient; with target, target = tau * p + (1 - tau) * target.
  void (*adam)(float* p, const float* g, float* m, float* v, float* target, std::size_t n, const AdamFactors& f, float tau);
  /// into += from
  void (*add)(float* into, const float* from, std::size_t n);
  /// to = from rounded to bf16, the upper half of a float: to the nearest, ties to even; NaN stays NaN.
  void (*round_bf16)(const float* from, std::size_t n, std::uint16_t* to);
  void (*widen_bf16)(const std::uint16_t* from, std::size_t n, float* to);
  /// Multiply-adds per second of one core, in GFLOP/s, the best of `samples` samples of a few ms: what benchmarks are measured
  /// against. The clock settles at its rate for wide vectors in some 50 ms, unless such work ran just before.
  double (*fma_peak)(int samples);
};

/// The best set this CPU has; WARMSTART_ISA=avx512|avx2|x86-64 chooses a lesser one.
const Kernels& kernels();

}  // namespace warmstart::cpu
