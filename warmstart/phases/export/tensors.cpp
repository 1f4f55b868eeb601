#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/phases/export/export.h"

namespace warmstart {
namespace {

// one number for all coordinates, or one for each
double entry(const std::vector<double>& list, std::size_t j) { return list[list.size() == 1 ? 0 : j]; }

}  // namespace

Fields ActionUnits::fields() {
  Fields f("units");
  f.add("action_low", low, {"the machine's action where the policy's is -1"});
  f.add("action_high", high, {"the machine's action where the policy's is 1"});
  return f;
}

void ActionUnits::validate(int action_size) const {
  const auto n = static_cast<std::size_t>(action_size);
  for (const auto& [list, option] : {std::pair{&low, "--action-low"}, std::pair{&high, "--action-high"}})
    if (!off() && list->size() != 1 && list->size() != n)
      throw usage_error(fmt::format("{} numbers for {} actions", list->size(), action_size), option,
                        fmt::format("give --action-low and --action-high, each one number or {}", action_size));
  if (off()) return;
  for (std::size_t j = 0; j < n; ++j) {
    const double l = entry(low, j), h = entry(high, j);
    if (!(l < h))
      throw usage_error(fmt::format("from {} to {} there is nothing", l, h), "--action-low and --action-high", "low goes first");
  }
}

FloatVector ActionUnits::center(int action_size) const {
  FloatVector out(static_cast<std::size_t>(action_size));
  for (std::size_t j = 0; j < out.size(); ++j) out[j] = static_cast<float>((entry(low, j) + entry(high, j)) / 2);
  return out;
}

FloatVector ActionUnits::half(int action_size) const {
  FloatVector out(static_cast<std::size_t>(action_size));
  for (std::size_t j = 0; j < out.size(); ++j) out[j] = static_cast<float>((entry(high, j) - entry(low, j)) / 2);
  return out;
}

SafeTensors actor_tensors(const ExportedActor& from) {
  const ActorSpec& spec = from.actor.spec;
  SafeTensors file;
  for (const TensorInfo& t : from.actor.tensors())
    file.tensors[t.name] = Tensor::from(std::span(from.actor.params).subspan(t.offset, t.size), t.shape);
  const ObsNormalizer& n = from.actor.normalizer;
  for (const auto& [name, values] : {std::pair{"obs_mean", n.mean()}, std::pair{"obs_scale", n.scale()}})
    if (n.on()) file.tensors[name] = Tensor::from(values, {spec.obs});
  file.metadata = {{"format", "warmstart-actor"},
                   {"name", from.name},
                   {"env", from.env},
                   {"label", from.label},
                   {"units_from", from.units_from},
                   {"obs_size", std::to_string(spec.obs)},
                   {"action_size", std::to_string(spec.action)},
                   {"hidden", fmt::format("{}", fmt::join(spec.trunk.hidden, " "))},
                   {"layer_norm", spec.trunk.layer_norm ? "true" : "false"},
                   {"std_head", spec.std_head == StdHead::kExp ? "exp" : "uniform"},
                   {"squash", spec.squash ? "true" : "false"},
                   {"exploration_noise", fmt::format("{}", from.exploration_noise)}};
  SafetyConfig safety = from.safety;
  ActionUnits units = from.units;
  Fields fields = safety.fields();
  fields.append(units.fields());
  for (const Field& f : fields.list()) file.metadata[f.key] = f.toml();
  return file;
}

ExportedActor actor_of(const SafeTensors& file, const std::string& where) {
  const auto text = [&](const std::string& key) {
    const auto at = file.metadata.find(key);
    if (at == file.metadata.end()) throw data_error("no " + key + " in the metadata", where, "use a file that `warmstart export` wrote");
    return at->second;
  };
  if (text("format") != "warmstart-actor") throw data_error("not an exported actor", where, "use a file that `warmstart export` wrote");
  ExportedActor out{.env = text("env"), .label = text("label"), .name = text("name")};
  // numbers are read as recipes' are, so that a bad one is refused by its name
  std::int64_t obs = 0, action = 0;
  std::vector<std::int64_t> hidden;
  std::string std_head;
  ActorSpec spec;
  Fields fields;
  fields.add("obs_size", obs, {.help = "", .min = 1, .max = 1e6}), fields.add("action_size", action, {.help = "", .min = 1, .max = 1e6});
  fields.add("hidden", hidden, {.help = "", .min = 1, .max = 1e6}), fields.add("layer_norm", spec.trunk.layer_norm, {.help = ""});
  fields.add("std_head", std_head, choice("", "", {"exp", "uniform"})), fields.add("squash", spec.squash, {.help = ""});
  fields.add("exploration_noise", out.exploration_noise, {.help = "", .min = 0});
  fields.append(out.safety.fields()), fields.append(out.units.fields());
  for (const Field& f : fields.list()) {
    std::string value = text(f.key);
    if (f.key == "hidden") std::replace(value.begin(), value.end(), ' ', ',');
    f.set_text(value, where);
  }
  spec.obs = static_cast<int>(obs), spec.action = static_cast<int>(action), spec.trunk.input = spec.obs;
  spec.trunk.hidden.assign(hidden.begin(), hidden.end());
  spec.std_head = std_head == "exp" ? StdHead::kExp : StdHead::kUniform;
  out.safety.validate(spec.action), out.units.validate(spec.action);
  out.actor = Actor(spec);
  for (const TensorInfo& t : out.actor.tensors()) {
    const Tensor& given = file.at(t.name, where);
    if (given.dtype != DType::kF32 || given.shape != t.shape) throw data_error(t.name + " has another shape", where, "export it again");
    std::copy(given.f32().begin(), given.f32().end(), out.actor.params.begin() + static_cast<std::ptrdiff_t>(t.offset));
  }
  const auto of_obs = [&](const char* name) {
    const Tensor& given = file.at(name, where);
    if (given.dtype != DType::kF32 || given.shape != std::vector<std::int64_t>{spec.obs})
      throw data_error(std::string(name) + " has another shape", where, "export it again");
    return std::vector<float>(given.f32().begin(), given.f32().end());
  };
  if (file.tensors.contains("obs_mean") || file.tensors.contains("obs_scale"))
    out.actor.normalizer = ObsNormalizer::fixed(of_obs("obs_mean"), of_obs("obs_scale"));
  return out;
}

}  // namespace warmstart
