#include "warmstart/phases/saved_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "warmstart/agents/actor_critic.h"
#include "warmstart/core/error.h"
#include "warmstart/io/safetensors.h"
#include "warmstart/io/toml.h"
#include "warmstart/phases/file_header.h"
#include "warmstart/phases/normalizer_file.h"

namespace warmstart {
namespace {

constexpr const char* kRemedy = "use a pretrained.safetensors or final.safetensors that this version of `warmstart` wrote";
constexpr int kLargest = 1 << 24;  // of observations and actions

const std::string& text(const SafeTensors& file, const char* key, const std::string& where) {
  const auto at = file.metadata.find(key);
  if (at == file.metadata.end()) throw data_error(fmt::format("the header has no \"{}\"", key), where, kRemedy);
  return at->second;
}

// The sections that acting depends on; how it was learned is for others.
void read_sections(const FlatConfig& recipe, const Fields& fields, const std::string& where) {
  for (const auto& [key, value] : recipe)
    if (key.starts_with(fields.section() + ".")) fields.at(key, where).set(value, where);
}

}  // namespace

SavedPolicy read_policy(const std::filesystem::path& path) {
  const std::string where = path.string();
  const SafeTensors file = read_safetensors(path);
  check_header(file, where, "");
  const FlatConfig recipe = parse_toml(text(file, "recipe", where), where + ", recipe in the header");
  int obs = 0, action = 0;
  if (!(std::istringstream(text(file, "sizes", where)) >> obs >> action) || obs < 1 || action < 1 || std::max(obs, action) >= kLargest)
    throw data_error("sizes in the header that cannot be", where, kRemedy);

  NetworkConfig network;
  SavedPolicy out{.task = text(file, "env", where), .phase = text(file, "phase", where)};
  read_sections(recipe, network.fields(), where);
  read_sections(recipe, out.safety.fields(), where);
  out.safety.validate(action);
  out.bounds = bounds_of(file.metadata);
  out.bounds.check(action, where + ", action_low and action_high in the header");
  // learners with a target actor have a deterministic policy and explore by noise on top
  if (file.tensors.contains("target/actor/mean/kernel"))
    for (const auto& [key, value] : recipe)
      if (const auto* std = std::get_if<double>(&value); std && key == "td3.exploration_noise") out.exploration_noise = *std;

  Actor actor(actor_spec(network, obs, action));
  if (has_normalizer(file)) {
    double epsilon = -1;
    for (const auto& [key, value] : recipe) {
      if (key != "data.normalize_epsilon") continue;
      if (const auto* number = std::get_if<double>(&value)) epsilon = *number;
      if (const auto* whole = std::get_if<std::int64_t>(&value)) epsilon = static_cast<double>(*whole);
    }
    if (!(epsilon >= 0)) throw data_error("the header's recipe has no data.normalize_epsilon", where, kRemedy);
    actor.normalizer = ObsNormalizer(obs, epsilon);
    get_normalizer(file, where, actor.normalizer, "");
  }
  for (const TensorInfo& t : actor.tensors()) {
    const std::string name = "params/" + t.name;
    const Tensor& stored = file.at(name, where);
    if (stored.dtype != DType::kF32 || stored.shape != t.shape)
      throw data_error(fmt::format("network of other sizes: {} is [{}], the header says [{}]", name, fmt::join(stored.shape, ","),
                                   fmt::join(t.shape, ",")),
                       where, kRemedy);
    std::copy(stored.f32().begin(), stored.f32().end(), actor.params.begin() + static_cast<std::ptrdiff_t>(t.offset));
  }
  out.actor = std::make_shared<const Actor>(std::move(actor));
  return out;
}

Controller::Controller(const SavedPolicy& policy, std::uint64_t seed)
    : policy_(policy.actor, Rng(seed, "controller"), policy.exploration_noise), filter_(policy.safety, policy.action_size()) {}

void Controller::choose(std::span<const float> obs, bool deterministic, std::span<float> action) {
  // a network turns NaN into some action or other
  for (std::size_t i = 0; i < obs.size(); ++i)
    if (!std::isfinite(obs[i]))
      throw Error(Exit::kDiverged, fmt::format("obs[{}] is {}", i, obs[i]), "Controller::act", "do not act on it: look at the sensor");
  policy_.act(obs, deterministic, action);
  filter_.apply(action);
}

}  // namespace warmstart
