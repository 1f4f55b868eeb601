#include "warmstart/envs/env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

#include "warmstart/core/text.h"
#include "warmstart/envs/adroit.h"
#include "warmstart/envs/ant.h"
#include "warmstart/envs/checked_env.h"
#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/kitchen.h"
#include "warmstart/envs/locomotion.h"
#include "warmstart/envs/peg_insertion.h"
#include "warmstart/envs/plugin_env.h"
#include "warmstart/envs/point_maze.h"
#include "warmstart/envs/rescaled_env.h"

namespace warmstart {
namespace {

/// One line per family. `make` returns null for an id that is not its own.
struct Family {
  std::vector<EnvSpec> (*specs)();
  std::unique_ptr<Env> (*make)(const EnvSpec&, const EnvConfig&);
};
const Family kFamilies[] = {
    {point_maze_specs, make_point_maze},       {locomotion_specs, make_locomotion}, {ant_specs, make_ant},
    {ant_maze_specs, make_ant_maze},           {d4rl_ant_specs, make_d4rl_ant},     {ogbench_ant_specs, make_ogbench_ant},
    {ant_reach_specs, make_ant_reach},         {adroit_specs, make_adroit},         {kitchen_specs, make_kitchen},
    {peg_insertion_specs, make_peg_insertion},
};

constexpr double kLeastScale = 1e-3;  // of frictions and masses

using Maker = std::function<std::unique_ptr<Env>(const EnvSpec&)>;

struct Registry {
  std::deque<EnvSpec> specs;            ///< which stay where they are when another is registered
  std::map<std::string, Maker> makers;  ///< of tasks that programs registered
};

Registry& registry() {
  static Registry all = [] {
    Registry r;
    for (const Family& family : kFamilies)
      for (EnvSpec& spec : family.specs()) r.specs.push_back(std::move(spec));
    return r;
  }();
  return all;
}

}  // namespace

const std::deque<EnvSpec>& env_specs() { return registry().specs; }

void register_env(EnvSpec spec, Maker make) {
  for (const EnvSpec& other : env_specs())
    if (other.id == spec.id) throw usage_error("a task of this name is registered already", spec.id, "give it another id");
  if (!make) throw usage_error("nothing makes this task", spec.id, "give register_env a function that returns an environment");
  if (spec.id.empty() || spec.obs_size < 1 || spec.action_size < 1 || spec.max_episode_steps < 1)
    throw usage_error("a task needs an id, sizes and a time limit above 0", spec.id.empty() ? "register_env" : spec.id,
                      "set id, obs_size, action_size and max_episode_steps of its EnvSpec");
  spec.bounds.check(spec.action_size, "bounds of " + spec.id);
  spec.bounds.check(spec.action_size, spec.id);
  registry().makers[spec.id] = std::move(make);
  registry().specs.push_back(std::move(spec));
}

const EnvSpec& env_spec(const std::string& id) {
  std::vector<std::string> ids;
  for (const EnvSpec& spec : env_specs()) {
    if (spec.id == id) return spec;
    ids.push_back(spec.id);
  }
  throw usage_error("no environment \"" + id + "\"", "environment id",
                    "did you mean \"" + nearest_name(id, ids) + "\"? `warmstart list envs` names all");
}

const EnvSpec& env_spec(const EnvConfig& config) {
  return config.plugin.empty() ? env_spec(config.id) : plugin_spec(config.plugin, plugin_timeouts(config));
}

int time_limit(const EnvConfig& config) {
  return config.max_episode_steps > 0 ? config.max_episode_steps : env_spec(config).max_episode_steps;
}

namespace {

// As the original has it.
std::unique_ptr<Env> make_plain(const EnvConfig& config) {
  EnvSpec spec = env_spec(config);
  if (config.max_episode_steps < 0) throw usage_error("negative time limit", config.id, "give a number of steps, or 0 for the task's own");
  spec.max_episode_steps = time_limit(config);
  for (const auto& [key, scale] : {std::pair("env.friction_scale", config.friction_scale), std::pair("env.mass_scale", config.mass_scale)})
    if (!(scale >= kLeastScale && scale <= 1 / kLeastScale))
      throw usage_error(fmt::format("a scale of {:g}", scale), key,
                        fmt::format("give {:g} to {:g}; 1 is the world as it was", kLeastScale, 1 / kLeastScale));
  if (config.clearance != 0 && !spec.takes_clearance)
    throw usage_error("the task has no clearance", config.id, "leave env.clearance at 0; it is for peg insertion");
  if (!config.plugin.empty()) return make_plugin_env(std::move(spec), config.plugin, plugin_timeouts(config));
  if (const auto own = registry().makers.find(spec.id); own != registry().makers.end())
    return with_unit_actions(make_checked_env(spec, own->second));
  for (const Family& family : kFamilies)
    if (auto env = family.make(spec, config)) return env;
  throw usage_error("environment is listed but cannot be built", config.id, "report this");
}

}  // namespace

std::pair<double, double> reward_range(const EnvSpec& spec) {
  return spec.sparse_reward ? std::pair(0.0, 1.0) : std::pair(spec.reward_low, spec.reward_high);
}

bool same_task(const std::string& a, const std::string& b) {
  const auto first_name = [](const std::string& id) {
    for (const EnvSpec& spec : env_specs())
      if (spec.id == id && !spec.same_as.empty()) return spec.same_as;
    return id;
  };
  return first_name(a) == first_name(b);
}

std::string body_of(const std::string& id) {
  std::string body = id.substr(0, id.find_first_of("-_"));
  std::transform(body.begin(), body.end(), body.begin(), [](unsigned char c) { return std::tolower(c); });
  return body;
}

double normalized_score(const EnvSpec& spec, double episode_return, double solved) {
  if (spec.counts_parts) return 100 * solved;
  if (spec.score_low == spec.score_high) return std::numeric_limits<double>::quiet_NaN();
  return 100 * (episode_return - spec.score_low) / (spec.score_high - spec.score_low);
}

Error step_after_end(const std::string& id) {
  return usage_error("step: no episode is under way, or it has ended", id, "call reset before the next step");
}

void check_action(std::span<const double> action, const EnvSpec& spec) {
  if (static_cast<int>(action.size()) != spec.action_size)
    throw usage_error(fmt::format("action has {} numbers", action.size()), spec.id, fmt::format("give {}", spec.action_size));
  for (std::size_t i = 0; i < action.size(); ++i)
    if (!std::isfinite(action[i])) throw usage_error(fmt::format("action[{}] is {}", i, action[i]), spec.id, "give finite numbers");
}

namespace {

/// What Env::save throws where a task does not override it.
class NotSaved : public Error {
 public:
  explicit NotSaved(const std::string& id)
      : Error(Exit::kUsage, "the task cannot be saved", id, "override Env::save and Env::load, or ask can_save first") {}
};

}  // namespace

bool Env::can_save() const {
  StateWriter nowhere;
  try {
    save(nowhere);
  } catch (const NotSaved&) {
    return false;
  } catch (const std::exception&) {  // it has a save: whoever needs the state hears what is wrong with it
  }
  return true;
}
void Env::save(StateWriter&) const { throw NotSaved(spec().id); }
void Env::load(StateReader&) { throw NotSaved(spec().id); }

void Env::set_state(std::span<const double>, std::span<const double>, std::span<const double>) {
  throw usage_error("the task's state cannot be set from positions and velocities", spec().id, "use reset, or save and load");
}

void Env::scale_physics(double, double) {
  throw usage_error("the task has no frictions and masses to scale", spec().id, "leave env.friction_scale and env.mass_scale at 1");
}

std::unique_ptr<Env> make_env(const EnvConfig& config) {
  std::unique_ptr<Env> env = make_plain(config);
  if (config.friction_scale != 1 || config.mass_scale != 1) env->scale_physics(config.friction_scale, config.mass_scale);
  return env;
}

}  // namespace warmstart
