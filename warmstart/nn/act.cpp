#include "warmstart/nn/act.h"

#include <algorithm>

#include "warmstart/nn/cpu/kernels.h"

namespace warmstart {

ActScratch::ActScratch(const ActorSpec& spec) : obs(spec.obs), mean(spec.action), log_std(spec.action), noise(spec.action) {
  int widest = spec.obs;
  for (int h : spec.trunk.hidden) widest = std::max(widest, h);
  for (auto& h : hidden) h.resize(widest);
}

void actor_row(const Actor& actor, std::span<const float> obs, ActScratch& s, bool only_mode) {
  const cpu::Kernels& k = cpu::kernels();
  const float* p = actor.params.data();
  if (actor.normalizer.on()) {
    actor.normalizer.apply(obs, s.obs);
    obs = s.obs;
  }
  const float* x = obs.data();
  int which = 0;
  for (const LayerLayout& l : actor.layers) {
    float* y = s.hidden[which].data();
    k.row_product(x, l.in, p + l.kernel, l.out, y);
    if (actor.spec.trunk.layer_norm) k.norm_relu(y, 1, l.out, p + l.bias, p + l.scale, p + l.shift, nullptr, nullptr);
    else k.bias_relu(y, 1, l.out, p + l.bias);
    x = y;
    which = 1 - which;
  }
  const int h = actor.spec.trunk.width(), a = actor.spec.action;
  const auto linear = [&](std::size_t kernel, std::size_t bias, float* y) {
    k.row_product(x, h, p + kernel, a, y);
    for (int j = 0; j < a; ++j) y[j] += p[bias + j];
  };
  linear(actor.mean_kernel, actor.mean_bias, s.mean.data());
  if (only_mode) return;
  if (actor.spec.std_head == StdHead::kExp) linear(actor.log_std_kernel, actor.log_std_bias, s.log_std.data());
  else std::copy_n(p + actor.log_std_bias, a, s.log_std.data());
}

}  // namespace warmstart
