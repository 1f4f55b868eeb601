#include "warmstart/nn/dormant.h"

#include <algorithm>

#include "warmstart/nn/cpu/kernels.h"

namespace warmstart {

double dormant_share(const float* params, const TrunkSpec& trunk, const std::vector<LayerLayout>& layers, ConstMatrixView x, double tau) {
  const cpu::Kernels& k = cpu::kernels();
  std::vector<std::vector<double>> mean(layers.size());
  FloatVector in, out;
  for (std::size_t n = 0; n < layers.size(); ++n) mean[n].assign(layers[n].out, 0.0);
  for (int b = 0; b < x.rows; ++b) {
    in.assign(x.row(b), x.row(b) + x.cols);
    for (std::size_t n = 0; n < layers.size(); ++n) {
      const LayerLayout& l = layers[n];
      out.resize(l.out);
      k.row_product(in.data(), l.in, params + l.kernel, l.out, out.data());
      if (trunk.layer_norm) k.norm_relu(out.data(), 1, l.out, params + l.bias, params + l.scale, params + l.shift, nullptr, nullptr);
      else k.bias_relu(out.data(), 1, l.out, params + l.bias);
      for (int j = 0; j < l.out; ++j) mean[n][j] += out[j] / static_cast<double>(x.rows);
      in = out;
    }
  }
  std::size_t dormant = 0, units = 0;
  for (const auto& layer : mean) {
    double whole = 0;
    for (const double a : layer) whole += a / static_cast<double>(layer.size());
    for (const double a : layer) dormant += a <= tau * whole;
    units += layer.size();
  }
  return static_cast<double>(dormant) / static_cast<double>(units);
}

double dormant_share(const Actor& actor, ConstMatrixView obs) {
  return dormant_share(actor.params.data(), actor.spec.trunk, actor.layers, obs);
}

double dormant_share(const Critic& critic, ConstMatrixView obs, ConstMatrixView action) {
  Matrix x(obs.rows, obs.cols + action.cols);
  for (int b = 0; b < obs.rows; ++b) {
    std::copy_n(obs.row(b), obs.cols, x.row(b));
    std::copy_n(action.row(b), action.cols, x.row(b) + obs.cols);
  }
  double sum = 0;
  for (int i = 0; i < critic.spec.members; ++i)
    sum += dormant_share(critic.params.data() + critic.member_offset(i), critic.spec.trunk, critic.layers, x);
  return sum / critic.spec.members;
}

}  // namespace warmstart
