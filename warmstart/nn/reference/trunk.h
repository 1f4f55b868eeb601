// The hidden layers in double precision, straight from their definition: forward, and backward over recorded activations.
#pragma once
#include <span>
#include <vector>

#include "warmstart/nn/network.h"

namespace warmstart::reference {

/// [rows, cols] doubles.
struct Grid {
  int rows = 0, cols = 0;
  std::vector<double> values;

  Grid() = default;
  Grid(int r, int c) : rows(r), cols(c), values(static_cast<std::size_t>(r) * c, 0.0) {}
  double* row(int i) { return values.data() + static_cast<std::size_t>(i) * cols; }
  const double* row(int i) const { return values.data() + static_cast<std::size_t>(i) * cols; }
};

/// What the backward pass needs of one layer.
struct LayerTrace {
  Grid input, normalised, output;
  std::vector<double> inverse_std;  ///< [rows]
};

/// y = x W + b; W [in,out] and b [out] are at `kernel` and `bias` of `params`.
Grid dense(const float* params, std::size_t kernel, std::size_t bias, const Grid& x, int out);

/// Adds dL/dW and dL/db to `grad` (same offsets) and returns dL/dx.
Grid dense_backward(const float* params, double* grad, std::size_t kernel, std::size_t bias, const Grid& x, const Grid& d_y);

/// The trunk at `params`; `trace` receives one entry per layer. `dropout` as in ActorTape, empty for none.
Grid trunk_forward(const float* params, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, const Grid& x,
                   std::vector<LayerTrace>& trace, std::span<const Matrix> dropout = {});

/// Adds to `grad` and returns dL/dx.
Grid trunk_backward(const float* params, double* grad, const TrunkSpec& spec, const std::vector<LayerLayout>& layers,
                    const std::vector<LayerTrace>& trace, Grid d_y, std::span<const Matrix> dropout = {});

}  // namespace warmstart::reference
