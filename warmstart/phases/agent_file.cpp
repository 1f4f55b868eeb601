#include "warmstart/phases/agent_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "warmstart/core/error.h"
#include "warmstart/envs/plugin_env.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/phases/normalizer_file.h"

namespace warmstart {

double exploration_noise(const Recipe& recipe, const std::string& agent) {
  // those with a target actor have a deterministic policy and explore by noise on top
  return agent_info(agent).networks.target_actor ? recipe.td3.exploration_noise : 0;
}

double exploration_noise(const AgentFile& file) {
  const auto text = [&](const char* key) {
    const auto at = file.metadata.find(key);
    return at == file.metadata.end() ? std::string() : at->second;
  };
  const bool offline = text("phase") == "pretrain" || (text("kind") == "agent" && text("phase") == "warmup");
  return exploration_noise(file.recipe, offline ? file.recipe.pretrain.agent : file.recipe.finetune.agent);
}

ActorCritic fresh_agent(const Recipe& recipe) { return fresh_agent(recipe, agent_info(recipe.pretrain.agent).networks); }

ActorCritic fresh_agent(const Recipe& recipe, ExtraNetworks extra) {
  const EnvSpec& spec = env_spec(recipe.env);
  return fresh_agent(recipe, extra, spec.obs_size, spec.action_size);
}

ActorCritic fresh_agent(const Recipe& recipe, ExtraNetworks extra, int obs_size, int action_size) {
  Rng rng(static_cast<std::uint64_t>(recipe.run.seed), "networks");
  ActorCritic fresh(recipe.network, obs_size, action_size, recipe.agent.initial_temperature, recipe.cql.initial_alpha, rng, extra);
  if (recipe.data.normalizes()) fresh.actor.normalizer = ObsNormalizer(obs_size, recipe.data.normalize_epsilon);
  return fresh;
}

void put_agent(ActorCritic& agent, SafeTensors& file, const std::string& prefix) {
  for (const auto& array : agent.arrays()) {
    for (float x : array.values)
      if (!std::isfinite(x))
        throw Error(
            Exit::kDiverged, "the run diverged: a parameter is not finite", array.name,
            "begin again (--overwrite) with lower agent.critic_lr and agent.actor_lr; rewards and observations should be of order 1");
    file.tensors[prefix + array.name] = Tensor::from(array.values, array.shape);
  }
  std::string counts;
  for (const auto* count : agent.counts()) counts += (counts.empty() ? "" : " ") + std::to_string(*count);
  file.metadata[prefix + "adam_steps"] = counts;  // actor, critic, temperature, cql_alpha
  put_normalizer(agent.actor.normalizer, file, prefix);
  file.metadata[prefix + "sizes"] = fmt::format("{} {}", agent.actor.spec.obs, agent.actor.spec.action);
}

void get_agent(const SafeTensors& file, const std::string& where, ActorCritic& agent, const std::string& prefix) {
  for (const auto& array : agent.arrays()) {
    const Tensor& t = file.at(prefix + array.name, where);
    if (t.dtype != DType::kF32 || t.shape != array.shape)
      throw data_error(fmt::format("network of other sizes: {} is [{}], the recipe asks for [{}]", array.name, fmt::join(t.shape, ","),
                                   fmt::join(array.shape, ",")),
                       where, "use the recipe it was made with (its `network` section is in the file's header)");
    std::copy(t.f32().begin(), t.f32().end(), array.values.begin());
  }
  const auto at = file.metadata.find(prefix + "adam_steps");
  std::istringstream counts(at == file.metadata.end() ? "" : at->second);
  std::size_t k = 0;
  constexpr std::size_t kAlways = 4;  // files of earlier builds end here
  for (auto* count : agent.counts()) {
    if (counts >> *count) ++k;
    else if (k < kAlways) throw data_error("optimiser counts are missing", where, "use a file that `warmstart` wrote");
    else *count = 0;
  }
  get_normalizer(file, where, agent.actor.normalizer, prefix);
}

void confirm_task(Recipe& recipe, const std::string& where, const std::string& env, const std::string& plugin) {
  const std::string what = "checkpoint of another task, " + recipe.env.id;
  if (!plugin.empty()) {
    recipe.env.plugin = plugin;
    if (const std::string id = env_spec(recipe.env).id; id != recipe.env.id)
      throw data_error(what, where, "give the plug-in of that task; " + plugin + " is " + id);
  }
  if (!env.empty() && !same_task(env_spec(env).id, recipe.env.id))
    throw data_error(what, where, "leave out --env " + env + ", or give a checkpoint of that task");
}

namespace {

std::string text_of(const ActionBounds& bounds) {
  if (bounds.low.empty()) return "-1 to 1";
  return fmt::format("{:g} to {:g}", fmt::join(bounds.low, ", "), fmt::join(bounds.high, ", "));
}

}  // namespace

void check_bounds(const ActionBounds& was, const EnvSpec& task, const std::string& where) {
  if (was.low.empty() || was == task.bounds) return;
  throw data_error(fmt::format("actions of {} were {} when this was trained and are {} now", task.id, text_of(was), text_of(task.bounds)),
                   where, "give the task the bounds that it had, or train anew");
}

void check_bounds(const SafeTensors& file, const EnvSpec& task, const std::string& where) {
  check_bounds(bounds_of(file.metadata), task, where);
}

void check_fits(const ActorSpec& agent, const EnvSpec& task, const std::string& where) {
  if (agent.obs != task.obs_size || agent.action != task.action_size)
    throw data_error(fmt::format("an agent of {} observations and {} actions; {} has {} and {}", agent.obs, agent.action, task.id,
                                 task.obs_size, task.action_size),
                     where, "give an agent of that task, or the task as it was when the agent was trained");
}

void put_header(Recipe recipe, const std::string& kind, const std::string& phase, SafeTensors& file) {
  file.metadata.insert({{"format", "warmstart"},
                        {"kind", kind},
                        {"version", kFormatVersion},
                        {"env", recipe.env.id},
                        {"phase", phase},
                        {"recipe", recipe.toml()},
                        {"isa", cpu::kernels().isa}});
  // so that an export speaks the machine's units where the machine is not at hand; a plug-in that just crashed is not started for it
  const EnvSpec* known = recipe.env.plugin.empty() ? nullptr : known_plugin_spec(recipe.env.plugin);
  if (const ActionBounds& bounds = (known ? *known : env_spec(recipe.env)).bounds; !bounds.unit())
    file.metadata.insert(
        {{kActionLow, fmt::format("{}", fmt::join(bounds.low, " "))}, {kActionHigh, fmt::format("{}", fmt::join(bounds.high, " "))}});
}

AgentFile read_agent_file(const std::filesystem::path& path) { return agent_file_of(read_safetensors(path), path.string()); }

AgentFile agent_file_of(const SafeTensors& file, const std::string& where) {
  check_header(file, where, "");
  const auto recipe = file.metadata.find("recipe");
  if (recipe == file.metadata.end()) throw data_error("the header has no recipe", where, "use a file that `warmstart` wrote");
  AgentFile out{parse_header_recipe(recipe->second, where + ", recipe in the header"), {}, bounds_of(file.metadata), file.metadata};
  const ExtraNetworks extra{.value = file.tensors.contains("params/value/output/kernel"),
                            .target_actor = file.tensors.contains("target/actor/mean/kernel")};
  const auto sizes = file.metadata.find("sizes");
  int obs_size = 0, action_size = 0;
  if (sizes != file.metadata.end() && (std::istringstream(sizes->second) >> obs_size >> action_size) && obs_size > 0 && action_size > 0 &&
      std::max(obs_size, action_size) < (1 << 24))
    out.agent = fresh_agent(out.recipe, extra, obs_size, action_size);
  else out.agent = fresh_agent(out.recipe, extra);  // files of earlier builds: as the task says
  get_agent(file, where, out.agent);
  return out;
}

}  // namespace warmstart
