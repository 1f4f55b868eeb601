#include "warmstart/phases/flax_import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "warmstart/agents/policy.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/nn/flax_names.h"

namespace warmstart {
namespace {

const std::string kParams = "state/params/", kTarget = "state/target_params/", kOptimisers = "state/opt_states/", kPrefix = "modules_";

/// One module of the reference's agent and where it lies here.
struct Module {
  std::string name;  ///< of its optimiser; its parameters are under "modules_<name>"
  std::vector<FlaxPiece> pieces;
  std::span<float> params, target, m, v;  ///< same layout; no target where none is used
  std::int64_t* count;
  bool required;
  double rate;  ///< learning rate of the recipe, and its key
  std::string rate_key;

  std::string params_name() const { return kPrefix + name + "/"; }
};

// The one place that knows the modules; whatever else a checkpoint holds is refused.
std::vector<Module> modules(ActorCritic& ac, const Recipe& r) {
  const auto scalar = [](const std::string& name, PositiveScalar& s, bool required, double rate, const std::string& key) {
    return Module{name, {{"lagrange", {}, 0, 0, 1}}, {&s.raw, 1}, {}, {&s.m, 1}, {&s.v, 1}, &s.steps, required, rate, key};
  };
  Adam &actor = ac.actor_adam, &critic = ac.critic_adam;
  std::vector<Module> all = {
      {"actor", flax_pieces(ac.actor), ac.actor.params, {}, actor.m, actor.v, &actor.steps, true, r.agent.actor_lr, "agent.actor_lr"},
      {"critic", flax_pieces(ac.critic), ac.critic.params, ac.target_critic, critic.m, critic.v, &critic.steps, true, r.agent.critic_lr,
       "agent.critic_lr"},
      scalar("temperature", ac.temperature, !ac.has_value(), r.agent.temperature_lr, "agent.temperature_lr"),
      scalar("cql_alpha_lagrange", ac.cql_alpha, false, r.cql.alpha_lr, "cql.alpha_lr"),
  };
  if (Adam& v = ac.value_adam; ac.has_value())
    all.push_back({"value", flax_pieces(ac.value), ac.value.params, {}, v.m, v.v, &v.steps, true, r.agent.critic_lr, "agent.critic_lr"});
  return all;
}

bool has_under(const FlaxCheckpoint& file, const std::string& prefix) {
  const auto at = file.arrays.lower_bound(prefix);
  return at != file.arrays.end() && at->first.starts_with(prefix);
}

/// Calls `body(path)` for every array below `prefix`.
template <class Body>
void for_each_under(const FlaxCheckpoint& file, const std::string& prefix, Body&& body) {
  for (auto at = file.arrays.lower_bound(prefix); at != file.arrays.end() && at->first.starts_with(prefix); ++at) body(at->first);
}

std::vector<std::int64_t> shape_of(const FlaxCheckpoint& file, const std::string& path) {
  const auto at = file.arrays.find(kParams + path);
  return at == file.arrays.end() ? std::vector<std::int64_t>{} : at->second.shape;
}

// The checkpoint's networks in the words of a recipe, so that the remedy can be typed.
std::string network_section(const FlaxCheckpoint& file) {
  std::vector<std::string> keys;
  for (const std::string net : {"critic", "actor"}) {
    const std::string trunk = kPrefix + net + "/network/";
    std::vector<std::int64_t> hidden, bias;
    for (int i = 0; !(bias = shape_of(file, trunk + "Dense_" + std::to_string(i) + "/bias")).empty(); ++i) {
      hidden.push_back(bias.back());
      if (net == "critic" && i == 0) keys.push_back(fmt::format("num_qs = {}", bias.front()));
    }
    keys.push_back(fmt::format("{}_hidden = [{}]", net, fmt::join(hidden, ", ")));
    keys.push_back(fmt::format("{}_layer_norm = {}", net, !shape_of(file, trunk + "LayerNorm_0/scale").empty()));
  }
  keys.push_back(fmt::format("std_head = \"{}\"", shape_of(file, kPrefix + "actor/log_stds").empty() ? "exp" : "uniform"));
  return "the recipe needs a section [network] with " + join(keys);
}

void check_task(const FlaxCheckpoint& file, const Recipe& recipe) {
  const EnvSpec& spec = env_spec(recipe.env);
  const auto input = shape_of(file, kPrefix + "actor/network/Dense_0/kernel"), output = shape_of(file, kPrefix + "actor/Dense_0/bias");
  if (input.size() != 2 || output.size() != 1 || (input[0] == spec.obs_size && output[0] == spec.action_size)) return;
  throw data_error(fmt::format("a policy of {} observations and {} actions; {} has {} and {}", input[0], output[0], recipe.env.id,
                               spec.obs_size, spec.action_size),
                   file.where, "give the recipe of the task it was trained on");
}

void check_modules(const FlaxCheckpoint& file, const std::vector<Module>& known) {
  if (!has_under(file, kParams))
    throw data_error("no agent of the reference implementation: nothing is named state/params", file.where,
                     "give a checkpoint that its finetune.py saved");
  for_each_under(file, kParams, [&](const std::string& path) {
    const std::string module = path.substr(kParams.size(), path.find('/', kParams.size()) - kParams.size());
    if (std::any_of(known.begin(), known.end(), [&](const Module& m) { return module == kPrefix + m.name; })) return;
    if (module == "modules_value")
      throw data_error("an IQL agent, with a value network", file.where + ", " + kParams + module,
                       "give a recipe with pretrain.agent = \"iql\"");
    throw data_error("a network that is unknown here", file.where + ", " + kParams + module,
                     "agents of actor, critic, value, temperature and cql_alpha_lagrange on state vectors can be imported");
  });
  for (const Module& m : known)
    if (m.required && !has_under(file, kParams + m.params_name()))
      throw data_error("the checkpoint has no " + m.name, file.where + ", " + kParams + kPrefix + m.name,
                       "give one of an agent of the recipe's kind (pretrain.agent)");
}

// Everything below `prefix` into `to`, and nothing may be left over on either side.
void take(const FlaxCheckpoint& file, const std::string& prefix, const std::vector<FlaxPiece>& pieces, std::span<float> to) {
  std::map<std::string, std::vector<float>> decoded;
  for (const FlaxPiece& p : pieces) {
    const std::string path = prefix + p.path;
    if (!decoded.contains(path)) {
      if (!file.arrays.contains(path))
        throw data_error("the checkpoint has no such tensor", file.where + ", " + path, network_section(file));
      const auto& shape = file.at(path).shape;
      if (shape != p.shape)
        throw data_error(
            fmt::format("a tensor of shape [{}], where the recipe asks for [{}]", fmt::join(shape, ","), fmt::join(p.shape, ",")),
            file.where + ", " + path, network_section(file));
      decoded[path] = file.floats(path);
    }
    std::copy_n(decoded[path].begin() + static_cast<std::ptrdiff_t>(p.from), p.size, to.begin() + static_cast<std::ptrdiff_t>(p.to));
  }
  for_each_under(file, prefix, [&](const std::string& path) {
    if (!decoded.contains(path))
      throw data_error("the recipe's networks have no such tensor", file.where + ", " + path, network_section(file));
  });
}

// Gradient clipping and weight decay put further tuples around Adam's state, so it is looked for.
std::string adam_prefix(const FlaxCheckpoint& file, const Module& m) {
  const std::string inner = kOptimisers + m.name + "/inner_state/", mark = "/mu/" + m.params_name();
  std::string found;
  for_each_under(file, inner, [&](const std::string& path) {
    const auto at = path.find(mark);
    if (at != std::string::npos) found = path.substr(0, at + 1);
  });
  if (found.empty())
    throw data_error("the optimiser of " + m.name + " has no moments", file.where + ", " + inner, "give a checkpoint with Adam's state");
  return found;
}

void take_optimiser(const FlaxCheckpoint& file, const Module& m, std::vector<std::string>& notes) {
  const std::string adam = adam_prefix(file, m);
  take(file, adam + "mu/" + m.params_name(), m.pieces, m.m);
  take(file, adam + "nu/" + m.params_name(), m.pieces, m.v);
  *m.count = file.integer(adam + "count");
  if (*m.count < 0 || std::any_of(m.v.begin(), m.v.end(), [](float v) { return v < 0; }))
    throw data_error("a count or second moment below 0", file.where + ", " + adam, "copy the file again, or take another checkpoint");
  // an optimiser that also moves another network has no counterpart here
  for_each_under(file, adam + "mu/", [&](const std::string& path) {
    if (path.starts_with(adam + "mu/" + m.params_name())) return;
    for (const float x : file.floats(path))
      if (x != 0)
        throw data_error("the optimiser of " + m.name + " moves another network", file.where + ", " + path, "networks must share nothing");
  });

  const std::string settings = kOptimisers + m.name + "/hyperparams/";
  if (file.arrays.contains(settings + "learning_rate")) {
    const auto rate = file.floats(settings + "learning_rate");
    if (rate.size() == 1 && rate[0] != static_cast<float>(m.rate))
      notes.push_back(
          fmt::format("{} was trained with learning rate {:.6g}; the recipe goes on with {} = {:g}", m.name, rate[0], m.rate_key, m.rate));
  }
  if (file.arrays.contains(settings + "weight_decay")) notes.push_back(m.name + " was trained with weight decay, which is not done here");
}

}  // namespace

FlaxImport import_flax(const FlaxCheckpoint& file, const Recipe& recipe) {
  if (!recipe.network.shared_output)
    throw usage_error("the reference's critics share one output layer", "network.shared_output",
                      "set it to true (run.fidelity = \"reference\")");
  if (recipe.data.normalizes())
    throw usage_error("the checkpoint has no statistics of the observations", "data.normalize",
                      "set it to \"none\": its networks were trained on observations as they are");
  FlaxImport out;
  out.agent = fresh_agent(recipe);
  const std::vector<Module> all = modules(out.agent, recipe);
  check_modules(file, all);
  check_task(file, recipe);
  for (const Module& m : all) {
    if (!has_under(file, kParams + m.params_name())) continue;
    take(file, kParams + m.params_name(), m.pieces, m.params);
    if (!m.target.empty()) take(file, kTarget + m.params_name(), m.pieces, m.target);
    take_optimiser(file, m, out.notes);
    out.modules.push_back(m.name);
  }
  out.steps = file.integer("state/step");
  return out;
}

void write_imported(FlaxImport& import, const FlaxCheckpoint& from, Recipe recipe, const std::filesystem::path& path) {
  SafeTensors file;
  put_agent(import.agent, file);
  put_header(recipe, "agent", "warmup", file);
  const Policy policy(std::make_shared<Actor>(import.agent.actor), Rng(0, ""));
  file.metadata.insert({{"evaluated_policy", policy.fingerprint()},  // who acts online is who was imported
                        {"pretrain_steps", std::to_string(import.steps)},
                        {"online_steps", "0"},
                        {"updates", "0"},
                        {"episodes", "0"},
                        {"imported_from", from.where}});
  write_safetensors(path, file);
}

}  // namespace warmstart
