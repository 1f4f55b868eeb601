#include "warmstart/envs/env.h"

#include "warmstart/core/text.h"
#include "warmstart/envs/locomotion.h"
#include "warmstart/envs/point_maze.h"

namespace warmstart {
namespace {

/// One line per family. `make` returns null for an id that is not its own.
struct Family {
  std::vector<EnvSpec> (*specs)();
  std::unique_ptr<Env> (*make)(const EnvSpec&);
};
const Family kFamilies[] = {
    {point_maze_specs, make_point_maze},
    {locomotion_specs, make_locomotion},
};

std::vector<EnvSpec> collect_specs() {
  std::vector<EnvSpec> all;
  for (const Family& family : kFamilies)
    for (EnvSpec& spec : family.specs()) all.push_back(std::move(spec));
  return all;
}

}  // namespace

const std::vector<EnvSpec>& env_specs() {
  static const std::vector<EnvSpec> specs = collect_specs();
  return specs;
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

int time_limit(const EnvConfig& config) {
  return config.max_episode_steps > 0 ? config.max_episode_steps : env_spec(config.id).max_episode_steps;
}

std::unique_ptr<Env> make_env(const EnvConfig& config) {
  EnvSpec spec = env_spec(config.id);
  if (config.max_episode_steps < 0) throw usage_error("negative time limit", config.id, "give a number of steps, or 0 for the task's own");
  spec.max_episode_steps = time_limit(config);
  for (const Family& family : kFamilies)
    if (auto env = family.make(spec)) return env;
  throw usage_error("environment is listed but cannot be built", config.id, "report this");
}

}  // namespace warmstart
