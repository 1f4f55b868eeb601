// Makes offline datasets: drivers through mazes, good or mediocre; an expert's policy; clones of its demonstrations; random actions.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "warmstart/core/fields.h"
#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"
#include "warmstart/phases/action_filter.h"

namespace warmstart {

struct CollectConfig {
  std::string policy = "waypoint";
  std::string protocol = "episodes";
  std::string agent;
  std::int64_t steps = 100'000;
  double noise = 0.5;
  double random_share = 0;
  double detour = 0;
  std::string expert;
  std::int64_t demonstrations = 25, trajectories = 500, clone_steps = 3000;
  std::int64_t seed = 0;

  Fields fields(const std::string& section = "collect");
};

struct CollectReport {
  std::int64_t steps = 0, episodes = 0;
  double success_share = 0;  ///< of the episodes, those that reached their goal in any step
  double mean_return = 0;    ///< undiscounted, over episodes
  double mean_length = 0;    ///< steps
  double steps_per_second = 0;
  std::vector<std::string> notes;  ///< how it came about, a line each
};

/// Called now and then with the number of steps done.
using CollectProgress = std::function<void(std::int64_t done)>;

struct Collected {
  D4rlFile file;
  CollectReport report;
};

/// Plays `config.steps` steps. Rewards, terminals and success are the environment's own; `next_observations` is always
/// the state the step led to, also at the end of an episode; the last step closes its episode as a timeout. Actions are
/// executed as the file holds them (rounded to float), within the limits of `safety` whoever acts. Same settings and seed, same file.
/// Protocol "demonstrations" counts in episodes instead (phases/demonstrations.h).
/// Throws Error(kUsage) when the policy does not fit the task.
Collected collect_steps(const EnvConfig& env, const CollectConfig& config, const CollectProgress& progress = {},
                        const SafetyConfig& safety = {});

/// The same, written to `path` in D4RL's layout with infos/{qpos, qvel, goal, success} and metadata on how it was made.
CollectReport collect(const EnvConfig& env, const CollectConfig& config, const std::filesystem::path& path,
                      const CollectProgress& progress = {}, const SafetyConfig& safety = {});

}  // namespace warmstart
