// Forward and backward through the hidden layers for one block of rows, on one core, everything in its cache.
#pragma once
#include <span>

#include "warmstart/core/matrix.h"
#include "warmstart/nn/network.h"

namespace warmstart::cpu {

/// C [m,n] = op(A) op(B) + beta C, row-major, single-threaded (oneDNN).
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta, float* c,
          int ldc);

/// S states with n actions each (rows s * n + i), or with none (an actor).
struct TrunkInput {
  ConstMatrixView obs;     ///< [S,O]
  ConstMatrixView action;  ///< [S*n,A], or no columns
  int actions_per_state = 1;
  std::span<const Matrix> dropout = {};  ///< per layer [.,H], as in ActorTape; empty for none
  int dropout_row = 0;                   ///< where this block's rows begin in them
  int rows() const { return obs.rows * actions_per_state; }
};

/// Activations of one block. `reserve` grows it to the largest block it was asked for; nothing else allocates.
struct TrunkWork {
  std::vector<FloatVector> y, xhat, rstd;  ///< per layer: output [R,H], normalised input [R,H], 1/std [R]
  FloatVector input, obs_part;             ///< concat(obs, action) [R,O+A], or the observations' share of layer 0 [S,H]
  FloatVector d[2];                        ///< gradients [R,H], used in turn
  FloatVector q, d_q, action;              ///< scratch of the callers
  FloatVector zeros;                       ///< [H] in place of a bias that dropout has dealt with
  const float* out = nullptr;              ///< last layer's output [R,H]

  /// For blocks of up to `rows` rows, with room for a backward pass when `keep`.
  void reserve(const TrunkSpec& spec, int rows, bool keep);
};

/// Runs the block, for which `w` was reserved; with `keep` the activations stay for trunk_backward. `p` points at the trunk's parameters.
void trunk_forward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, const float* p, const TrunkInput& in, TrunkWork& w,
                   bool keep);

/// From dL/d(out) in w.d[0] [R,H]. `grad` (null to skip) points at the trunk's gradients: overwritten when `first`, else added to.
/// `d_action` (null to skip) receives dL/daction [R,A].
void trunk_backward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, const float* p, const TrunkInput& in, TrunkWork& w,
                    float* grad, bool first, float* d_action);

}  // namespace warmstart::cpu
