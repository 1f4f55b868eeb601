#include "warmstart/nn/network.h"

#include <cmath>
#include <utility>

namespace warmstart {
namespace {

void add_layers(std::vector<TensorInfo>& out, const std::string& prefix, const TrunkSpec& spec, const std::vector<LayerLayout>& layers,
                std::size_t base) {
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerLayout& l = layers[k];
    const std::string name = prefix + "layer" + std::to_string(k) + "/";
    const auto out_size = static_cast<std::size_t>(l.out);
    out.push_back({name + "kernel", {l.in, l.out}, base + l.kernel, l.in * out_size});
    out.push_back({name + "bias", {l.out}, base + l.bias, out_size});
    if (!spec.layer_norm) continue;
    out.push_back({name + "scale", {l.out}, base + l.scale, out_size});
    out.push_back({name + "shift", {l.out}, base + l.shift, out_size});
  }
}

}  // namespace

std::vector<LayerLayout> TrunkSpec::layout(std::size_t& size) const {
  std::vector<LayerLayout> layers;
  std::size_t at = 0;
  int in = input;
  for (int out : hidden) {
    const auto take = [&](std::size_t n) { return std::exchange(at, at + n); };
    LayerLayout l{.in = in, .out = out};
    l.kernel = take(static_cast<std::size_t>(in) * out);
    l.bias = take(out);
    if (layer_norm) l.scale = take(out), l.shift = take(out);
    layers.push_back(l);
    in = out;
  }
  size = at;
  return layers;
}

Critic::Critic(const CriticSpec& s) : spec(s) {
  layers = spec.trunk.layout(trunk_size_);
  const std::size_t head = spec.trunk.width() + 1;
  member_size_ = trunk_size_ + (spec.shared_output ? 0 : head);
  params.assign(spec.members * member_size_ + (spec.shared_output ? head : 0), 0.0f);
}

std::vector<TensorInfo> Critic::tensors(const std::string& name) const {
  std::vector<TensorInfo> out;
  const auto width = static_cast<std::size_t>(spec.trunk.width());
  const auto add_head = [&](const std::string& prefix, std::size_t at) {
    out.push_back({prefix + "output/kernel", {spec.trunk.width(), 1}, at, width});
    out.push_back({prefix + "output/bias", {1}, at + width, 1});
  };
  for (int i = 0; i < spec.members; ++i) {
    const std::string prefix = name + "/" + std::to_string(i) + "/";
    add_layers(out, prefix, spec.trunk, layers, member_offset(i));
    if (!spec.shared_output) add_head(prefix, head_offset(i));
  }
  if (spec.shared_output) add_head(name + "/", head_offset(0));
  return out;
}

Actor::Actor(const ActorSpec& s) : spec(s) {
  std::size_t at = 0;
  layers = spec.trunk.layout(at);
  const auto take = [&](std::size_t n) { return std::exchange(at, at + n); };
  const std::size_t kernel = static_cast<std::size_t>(spec.trunk.width()) * spec.action;
  mean_kernel = take(kernel);
  mean_bias = take(spec.action);
  if (spec.std_head == StdHead::kExp) log_std_kernel = take(kernel);
  log_std_bias = take(spec.action);
  params.assign(at, 0.0f);
}

std::vector<TensorInfo> Actor::tensors() const {
  std::vector<TensorInfo> out;
  add_layers(out, "actor/", spec.trunk, layers, 0);
  const int h = spec.trunk.width(), a = spec.action;
  const std::size_t kernel = static_cast<std::size_t>(h) * a;
  out.push_back({"actor/mean/kernel", {h, a}, mean_kernel, kernel});
  out.push_back({"actor/mean/bias", {a}, mean_bias, static_cast<std::size_t>(a)});
  if (spec.std_head == StdHead::kExp) out.push_back({"actor/log_std/kernel", {h, a}, log_std_kernel, kernel});
  out.push_back({"actor/log_std/bias", {a}, log_std_bias, static_cast<std::size_t>(a)});
  return out;
}

AdamFactors::AdamFactors(const AdamConfig& c, std::int64_t t)
    : b1(static_cast<float>(c.b1)),
      one_minus_b1(static_cast<float>(1 - c.b1)),
      b2(static_cast<float>(c.b2)),
      one_minus_b2(static_cast<float>(1 - c.b2)),
      rate(static_cast<float>(c.learning_rate / (1 - std::pow(c.b1, static_cast<double>(t))))),
      root_correction(static_cast<float>(1 / std::sqrt(1 - std::pow(c.b2, static_cast<double>(t))))),
      eps(static_cast<float>(c.eps)) {}

PositiveScalar::PositiveScalar(double value) : raw(static_cast<float>(std::log(std::expm1(value)))) {}

float PositiveScalar::value() const { return std::max(raw, 0.0f) + std::log1p(std::exp(-std::abs(raw))); }

float PositiveScalar::value_slope() const { return 1.0f / (1.0f + std::exp(-raw)); }

void PositiveScalar::step(const AdamConfig& config, float grad) {
  const AdamFactors f(config, ++steps);
  m = f.b1 * m + f.one_minus_b1 * grad;
  v = f.b2 * v + f.one_minus_b2 * grad * grad;
  raw -= f.rate * m / (std::sqrt(v) * f.root_correction + f.eps);
}

}  // namespace warmstart
