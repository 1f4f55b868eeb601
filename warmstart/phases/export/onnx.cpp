#include "warmstart/io/onnx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "warmstart/nn/gaussian.h"
#include "warmstart/phases/export/export.h"

namespace warmstart {
namespace {

// grows a model node by node; every value is known by its name
class Builder {
 public:
  explicit Builder(OnnxModel& model) : model_(model) {}

  std::string constant(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
    model_.constants.push_back({name, std::move(shape), std::move(values)});
    return name;
  }
  std::string scalar(const std::string& name, float value) { return constant(name, {}, {value}); }
  std::string row(const std::string& name, const FloatVector& values) {
    return constant(name, {static_cast<std::int64_t>(values.size())}, {values.begin(), values.end()});
  }
  std::string add(const std::string& op, const std::string& name, std::vector<std::string> inputs) {
    model_.nodes.push_back({.op = op, .inputs = std::move(inputs), .outputs = {name}});
    return name;
  }
  OnnxNode& last() { return model_.nodes.back(); }

 private:
  OnnxModel& model_;
};

}  // namespace

std::string onnx_text(const ExportedActor& from, bool stochastic) {
  const Actor& actor = from.actor;
  const ActorSpec& spec = actor.spec;
  const int o = spec.obs, a = spec.action;
  OnnxModel model{.name = from.name, .inputs = {{"obs", o}}, .outputs = {{"action", a}}};
  model.metadata = {{"env", from.env}, {"label", from.label}, {"stochastic", stochastic ? "true" : "false"}};
  Builder b(model);
  for (const TensorInfo& t : actor.tensors())
    if (t.name != "actor/log_std/bias" || spec.std_head == StdHead::kExp) {
      const auto from_at = actor.params.begin() + static_cast<std::ptrdiff_t>(t.offset);
      b.constant(t.name, t.shape, {from_at, from_at + static_cast<std::ptrdiff_t>(t.size)});
    }

  std::string x = "obs";
  if (const ObsNormalizer& n = actor.normalizer; n.on()) {
    const auto of_obs = [&](const std::string& name, std::span<const float> values) {
      return b.constant(name, {o}, {values.begin(), values.end()});
    };
    x = b.add("Sub", "centered_obs", {x, of_obs("obs_mean", n.mean())});
    x = b.add("Mul", "normalized_obs", {x, of_obs("obs_scale", n.scale())});
  }
  for (std::size_t k = 0; k < actor.layers.size(); ++k) {
    const std::string layer = "actor/layer" + std::to_string(k) + "/";
    x = b.add("Gemm", layer + "sum", {x, layer + "kernel", layer + "bias"});
    if (spec.trunk.layer_norm) {
      x = b.add("LayerNormalization", layer + "norm", {x, layer + "scale", layer + "shift"});
      b.last().integers["axis"] = -1, b.last().reals["epsilon"] = kLayerNormEpsilon;
    }
    x = b.add("Relu", layer + "relu", {x});
  }
  std::string action = b.add("Gemm", "mean", {x, "actor/mean/kernel", "actor/mean/bias"});
  const auto squash = [&] {
    if (spec.squash) action = b.add("Tanh", "squashed", {action});
  };
  const auto clip = [&](const std::string& name, const std::string& low, const std::string& high) {
    action = b.add("Min", name + "/below", {b.add("Max", name + "/above", {action, low}), high});
  };

  if (stochastic) model.inputs.push_back({"noise", a});
  if (!stochastic) {
    squash();
  } else if (from.exploration_noise > 0) {
    squash();
    const std::string scaled =
        b.add("Mul", "scaled_noise", {"noise", b.scalar("exploration_noise", static_cast<float>(from.exploration_noise))});
    action = b.add("Add", "explored", {action, scaled});
  } else {
    std::string std;
    if (spec.std_head == StdHead::kExp) {
      const std::string raw = b.add("Exp", "raw_std", {b.add("Gemm", "log_std", {x, "actor/log_std/kernel", "actor/log_std/bias"})});
      std = b.add("Min", "std", {b.add("Max", "std/above", {raw, b.scalar("min_std", kMinStd)}), b.scalar("max_std", kMaxStd)});
    } else {
      FloatVector values(a);
      for (int j = 0; j < a; ++j) values[j] = std::clamp(std::exp(actor.params[actor.log_std_bias + j]), kMinStd, kMaxStd);
      std = b.row("std", values);
    }
    action = b.add("Add", "sampled", {action, b.add("Mul", "deviation", {"noise", std})});
    squash();
  }
  if (!spec.squash || (stochastic && from.exploration_noise > 0)) clip("box", b.scalar("box_low", -1), b.scalar("box_high", 1));

  const ActionFilter filter(from.safety, a);
  const bool scaled = !from.units.off();
  const FloatVector center = scaled ? from.units.center(a) : FloatVector(a), half = scaled ? from.units.half(a) : FloatVector(a, 1.0f);
  if (scaled) b.row("units_center", center), b.row("units_half", half);
  model.metadata["units"] = from.units_from, model.metadata["action_range"] = action_range(from);
  std::string previous = "previous_action";
  if (from.safety.has_memory()) {
    model.inputs.push_back({previous, a});
    std::string rest;
    for (int j = 0; j < a; ++j) rest += (j == 0 ? "" : " ") + fmt::format("{:.9g}", center[j] + half[j] * filter.rest()[j]);
    model.metadata["rest_action"] = rest;  // the previous action of an episode's first step
    if (scaled) previous = b.add("Div", "previous", {b.add("Sub", "previous/centered", {previous, "units_center"}), "units_half"});
  }
  if (filter.smoothing() > 0) {
    const std::string kept = b.add("Mul", "kept", {previous, b.scalar("smoothing", filter.smoothing())});
    action = b.add("Add", "smoothed", {b.add("Mul", "new", {action, b.scalar("new_share", 1 - filter.smoothing())}), kept});
  }
  if (from.safety.bounded()) clip("bounds", b.row("action_low", filter.low()), b.row("action_high", filter.high()));
  if (!from.safety.max_action_change.empty()) {
    const std::string change = b.row("max_action_change", filter.max_change());
    clip("change", b.add("Sub", "least", {previous, change}), b.add("Add", "greatest", {previous, change}));
  }
  if (scaled) action = b.add("Add", "scaled", {b.add("Mul", "stretched", {action, "units_half"}), "units_center"});
  model.nodes.back().outputs = {"action"};
  // what this form of the policy does not need, runtimes would warn about
  std::set<std::string> used;
  for (const OnnxNode& node : model.nodes) used.insert(node.inputs.begin(), node.inputs.end());
  std::erase_if(model.constants, [&](const auto& constant) { return !used.contains(constant.name); });
  return encode_onnx(model);
}

}  // namespace warmstart
