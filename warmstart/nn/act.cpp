#include "warmstart/nn/act.h"

#include <algorithm>
#include <cmath>

namespace warmstart {
namespace {

// y = x W + b, row by row of W so that memory is read in order
void affine(const float* x, int in, const float* kernel, const float* bias, int out, float* y) {
  std::copy_n(bias, out, y);
  for (int i = 0; i < in; ++i) {
    const float xi = x[i];
    const float* row = kernel + static_cast<std::size_t>(i) * out;
#pragma omp simd
    for (int j = 0; j < out; ++j) y[j] += xi * row[j];
  }
}

}  // namespace

ActScratch::ActScratch(const ActorSpec& spec) : mean(spec.action), log_std(spec.action), noise(spec.action) {
  int widest = spec.obs;
  for (int h : spec.trunk.hidden) widest = std::max(widest, h);
  for (auto& h : hidden) h.resize(widest);
}

void actor_row(const Actor& actor, std::span<const float> obs, ActScratch& s) {
  const float* p = actor.params.data();
  const float* x = obs.data();
  int which = 0;
  for (const LayerLayout& l : actor.layers) {
    float* y = s.hidden[which].data();
    affine(x, l.in, p + l.kernel, p + l.bias, l.out, y);
    if (actor.spec.trunk.layer_norm) {
      float sum = 0, squares = 0;
      for (int j = 0; j < l.out; ++j) sum += y[j];
      const float mean = sum / static_cast<float>(l.out);
      for (int j = 0; j < l.out; ++j) squares += (y[j] - mean) * (y[j] - mean);
      const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(l.out) + kLayerNormEpsilon);
      for (int j = 0; j < l.out; ++j) y[j] = (y[j] - mean) * rstd * p[l.scale + j] + p[l.shift + j];
    }
    for (int j = 0; j < l.out; ++j) y[j] = std::max(y[j], 0.0f);
    x = y;
    which = 1 - which;
  }
  const int h = actor.spec.trunk.width(), a = actor.spec.action;
  affine(x, h, p + actor.mean_kernel, p + actor.mean_bias, a, s.mean.data());
  if (actor.spec.std_head == StdHead::kExp) affine(x, h, p + actor.log_std_kernel, p + actor.log_std_bias, a, s.log_std.data());
  else std::copy_n(p + actor.log_std_bias, a, s.log_std.data());
}

}  // namespace warmstart
