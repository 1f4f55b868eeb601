#include <Eigen/QR>
#include <cmath>
#include <numbers>

#include "warmstart/nn/network.h"

namespace warmstart {
namespace {

constexpr double kGain = std::numbers::sqrt2;

// Orthogonal [in,out]: Q of a Gaussian matrix's QR decomposition, signs fixed by R's diagonal so that it is uniform.
void orthogonal(float* kernel, int in, int out, double gain, Rng& rng) {
  const int tall = std::max(in, out), wide = std::min(in, out);
  Eigen::MatrixXf gaussian(tall, wide);
  rng.fill_normal({gaussian.data(), static_cast<std::size_t>(gaussian.size())});
  const Eigen::HouseholderQR<Eigen::MatrixXf> qr(gaussian);
  Eigen::MatrixXf q = qr.householderQ() * Eigen::MatrixXf::Identity(tall, wide);
  for (int j = 0; j < wide; ++j)
    if (qr.matrixQR()(j, j) < 0) q.col(j) = -q.col(j);
  for (int i = 0; i < in; ++i)
    for (int j = 0; j < out; ++j)
      kernel[static_cast<std::size_t>(i) * out + j] = static_cast<float>(gain) * (in >= out ? q(i, j) : q(j, i));
}

void initialise_trunk(float* base, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, Rng& rng) {
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerLayout& l = layers[k];
    const bool last = k + 1 == layers.size();
    orthogonal(base + l.kernel, l.in, l.out, last && spec.final_scale > 0 ? spec.final_scale : kGain, rng);
    std::fill_n(base + l.bias, l.out, 0.0f);
    if (!spec.layer_norm) continue;
    std::fill_n(base + l.scale, l.out, 1.0f);
    std::fill_n(base + l.shift, l.out, 0.0f);
  }
}

}  // namespace

void initialise(Critic& critic, Rng& rng) {
  float* p = critic.params.data();
  const int width = critic.spec.trunk.width();
  for (int i = 0; i < critic.spec.members; ++i) {
    initialise_trunk(p + critic.member_offset(i), critic.spec.trunk, critic.layers, rng);
    if (critic.spec.shared_output && i > 0) continue;
    orthogonal(p + critic.head_offset(i), width, 1, kGain, rng);
    p[critic.head_offset(i) + width] = 0;
  }
}

void initialise(Actor& actor, Rng& rng) {
  float* p = actor.params.data();
  const int width = actor.spec.trunk.width(), a = actor.spec.action;
  initialise_trunk(p, actor.spec.trunk, actor.layers, rng);
  orthogonal(p + actor.mean_kernel, width, a, kGain, rng);
  std::fill_n(p + actor.mean_bias, a, 0.0f);
  if (actor.spec.std_head == StdHead::kExp) orthogonal(p + actor.log_std_kernel, width, a, kGain, rng);
  std::fill_n(p + actor.log_std_bias, a, 0.0f);
}

}  // namespace warmstart
