#include "warmstart/nn/reference/trunk.h"

#include <cmath>

namespace warmstart::reference {
namespace {

// y = scale * (x - mean) / sqrt(variance + eps) + shift, over the features of each row
Grid layer_norm(const float* scale, const float* shift, const Grid& x, LayerTrace& trace) {
  Grid y(x.rows, x.cols);
  trace.normalised = Grid(x.rows, x.cols);
  trace.inverse_std.assign(x.rows, 0.0);
  for (int i = 0; i < x.rows; ++i) {
    double mean = 0, variance = 0;
    for (int j = 0; j < x.cols; ++j) mean += x.row(i)[j] / x.cols;
    for (int j = 0; j < x.cols; ++j) variance += (x.row(i)[j] - mean) * (x.row(i)[j] - mean) / x.cols;
    const double inverse = 1.0 / std::sqrt(variance + kLayerNormEpsilon);
    trace.inverse_std[i] = inverse;
    for (int j = 0; j < x.cols; ++j) {
      trace.normalised.row(i)[j] = (x.row(i)[j] - mean) * inverse;
      y.row(i)[j] = scale[j] * trace.normalised.row(i)[j] + shift[j];
    }
  }
  return y;
}

Grid layer_norm_backward(const float* scale, double* d_scale, double* d_shift, const LayerTrace& trace, const Grid& d_y) {
  Grid d_x(d_y.rows, d_y.cols);
  for (int i = 0; i < d_y.rows; ++i) {
    const double* z = trace.normalised.row(i);
    const double* d = d_y.row(i);
    double mean_d = 0, mean_dz = 0;  // of d = dL/dz and of d * z
    for (int j = 0; j < d_y.cols; ++j) {
      d_scale[j] += d[j] * z[j];
      d_shift[j] += d[j];
      mean_d += d[j] * scale[j] / d_y.cols;
      mean_dz += d[j] * scale[j] * z[j] / d_y.cols;
    }
    for (int j = 0; j < d_y.cols; ++j) d_x.row(i)[j] = trace.inverse_std[i] * (d[j] * scale[j] - mean_d - z[j] * mean_dz);
  }
  return d_x;
}

}  // namespace

Grid dense(const float* params, std::size_t kernel, std::size_t bias, const Grid& x, int out) {
  Grid y(x.rows, out);
  for (int i = 0; i < x.rows; ++i) {
    for (int j = 0; j < out; ++j) y.row(i)[j] = params[bias + j];
    for (int k = 0; k < x.cols; ++k)
      for (int j = 0; j < out; ++j) y.row(i)[j] += x.row(i)[k] * params[kernel + static_cast<std::size_t>(k) * out + j];
  }
  return y;
}

Grid dense_backward(const float* params, double* grad, std::size_t kernel, std::size_t bias, const Grid& x, const Grid& d_y) {
  const int out = d_y.cols;
  Grid d_x(x.rows, x.cols);
  for (int i = 0; i < x.rows; ++i) {
    const double* d = d_y.row(i);
    for (int j = 0; j < out; ++j) grad[bias + j] += d[j];
    for (int k = 0; k < x.cols; ++k) {
      const std::size_t w = kernel + static_cast<std::size_t>(k) * out;
      for (int j = 0; j < out; ++j) grad[w + j] += x.row(i)[k] * d[j];
      double sum = 0;
      for (int j = 0; j < out; ++j) sum += params[w + j] * d[j];
      d_x.row(i)[k] = sum;
    }
  }
  return d_x;
}

Grid trunk_forward(const float* params, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, const Grid& x,
                   std::vector<LayerTrace>& trace, std::span<const Matrix> dropout) {
  trace.assign(layers.size(), {});
  Grid h = x;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerLayout& l = layers[k];
    trace[k].input = h;
    h = dense(params, l.kernel, l.bias, h, l.out);
    if (!dropout.empty())
      for (std::size_t i = 0; i < h.values.size(); ++i) h.values[i] *= dropout[k].data()[i];
    if (spec.layer_norm) h = layer_norm(params + l.scale, params + l.shift, h, trace[k]);
    for (double& value : h.values) value = value < 0 ? 0.0 : value;  // lets NaN through, so that a diverged network shows
    trace[k].output = h;
  }
  return h;
}

Grid trunk_backward(const float* params, double* grad, const TrunkSpec& spec, const std::vector<LayerLayout>& layers,
                    const std::vector<LayerTrace>& trace, Grid d_y, std::span<const Matrix> dropout) {
  for (std::size_t k = layers.size(); k-- > 0;) {
    const LayerLayout& l = layers[k];
    for (std::size_t i = 0; i < d_y.values.size(); ++i)
      if (!(trace[k].output.values[i] > 0)) d_y.values[i] = 0;
    if (spec.layer_norm) d_y = layer_norm_backward(params + l.scale, grad + l.scale, grad + l.shift, trace[k], d_y);
    if (!dropout.empty())
      for (std::size_t i = 0; i < d_y.values.size(); ++i) d_y.values[i] *= dropout[k].data()[i];
    d_y = dense_backward(params, grad, l.kernel, l.bias, trace[k].input, d_y);
  }
  return d_y;
}

}  // namespace warmstart::reference
