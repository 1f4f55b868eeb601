// Makes offline datasets with scripted policies: drivers through mazes, good or mediocre, and random actions anywhere.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "warmstart/core/fields.h"
#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

struct CollectConfig {
  std::string policy = "waypoint";
  std::string protocol = "episodes";
  std::int64_t steps = 100'000;
  double noise = 0.5;
  double random_share = 0;
  double detour = 0;
  std::int64_t demonstrations = 20;
  std::int64_t seed = 0;

  Fields fields(const std::string& section = "collect");
};

struct CollectReport {
  std::int64_t steps = 0, episodes = 0;
  double success_share = 0;  ///< of the episodes, those that reached their goal in any step
  double mean_return = 0;    ///< undiscounted, over episodes
  double mean_length = 0;    ///< steps
  double steps_per_second = 0;
};

/// Called now and then with the number of steps done.
using CollectProgress = std::function<void(std::int64_t done)>;

struct Collected {
  D4rlFile file;
  CollectReport report;
};

/// Plays `config.steps` steps. Rewards, terminals and success are the environment's own; `next_observations` is always
/// the state the step led to, also at the end of an episode; the last step closes its episode as a timeout. Actions are
/// executed as the file holds them (rounded to float). Same settings and seed, same file.
/// Throws Error(kUsage) when the policy does not fit the task.
Collected collect_steps(const EnvConfig& env, const CollectConfig& config, const CollectProgress& progress = {});

/// The same, written to `path` in D4RL's layout with infos/{qpos, qvel, goal, success} and metadata on how it was made.
CollectReport collect(const EnvConfig& env, const CollectConfig& config, const std::filesystem::path& path,
                      const CollectProgress& progress = {});

}  // namespace warmstart
