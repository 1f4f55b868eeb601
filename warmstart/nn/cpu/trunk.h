// Forward and backward through the hidden layers for one block of rows, on one core, everything in its cache.
#pragma once
#include <span>

#include "warmstart/core/matrix.h"
#include "warmstart/nn/cpu/products.h"
#include "warmstart/nn/network.h"
#include "warmstart/nn/precision.h"

namespace warmstart::cpu {

/// A trunk's parameters. `rounded`, laid out alike, is what the products of layers 1, 2, ... take in bf16; null for fp32. Layer 0 stays
/// in fp32: it reads observations, which nobody normalised (a position of 30 m would be known to 0.1 m), and is a small share.
struct TrunkParams {
  const float* p = nullptr;
  const Bf16* rounded = nullptr;
};

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
  std::vector<Bf16Vector> x16;             ///< in bf16, per layer but the first: its input [R,H]
  Bf16Vector d16;                          ///< in bf16: dL/d(a layer's product) [R,H]
  FloatVector widened;                     ///< operands of an emulated bf16 product
  const float* out = nullptr;              ///< last layer's output [R,H]

  /// For blocks of up to `rows` rows, with room for a backward pass when `keep`.
  void reserve(const TrunkSpec& spec, int rows, bool keep, Precision precision);
  /// What gemm_bf16 asks for.
  float* scratch() { return widened.empty() ? nullptr : widened.data(); }
};

/// Runs the block, for which `w` was reserved; with `keep` the activations stay for trunk_backward.
void trunk_forward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, TrunkParams params, const TrunkInput& in, TrunkWork& w,
                   bool keep);

/// From dL/d(out) in w.d[0] [R,H]. `grad` (null to skip) points at the trunk's gradients: overwritten when `first`, else added to.
/// `d_action` (null to skip) receives dL/daction [R,A].
void trunk_backward(const TrunkSpec& spec, const std::vector<LayerLayout>& layers, TrunkParams params, const TrunkInput& in, TrunkWork& w,
                    float* grad, bool first, float* d_action);

}  // namespace warmstart::cpu
