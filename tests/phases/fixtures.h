// A recipe so small that all three phases take a fraction of a second, and a folder that goes with it.
#pragma once
#include <string>
#include <vector>

#include "../support.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/train.h"

namespace warmstart {

inline const char* kTinyRecipe = R"(
[env]
id = "PointMaze_UMaze_Episodic-v3"
max_episode_steps = 40
reward_scale = 10
reward_bias = -5
[data]
collect = true
sparse_reward = true
[collect]
steps = 400
noise = 0.3
[network]
critic_hidden = [8, 8]
actor_hidden = [8]
num_qs = 3
std_head = "uniform"
[cql]
autotune_alpha = true
actions = 2
[pretrain]
agent = "calql"
steps = 20
batch = 16
[warm_up]
steps = 30
[finetune]
steps = 25
batch = 8
utd = 2
[eval]
every = 0
episodes = 2
[run]
log_every = 10
checkpoint_every = 0
checkpoint_seconds = 0
)";

/// The tiny recipe with its dataset in `folder`.
inline Recipe tiny_recipe(const TemporaryFolder& folder, std::vector<Override> overrides = {}) {
  overrides.insert(overrides.begin(), {"data.path", (folder / "data.hdf5").string()});
  return parse_recipe(kTinyRecipe, "tiny.toml", overrides);
}

inline RunOptions options_in(const std::filesystem::path& folder) { return {.folder = folder, .threads = 1}; }

/// Everything a learner is, as one list of numbers.
inline std::vector<float> numbers(ActorCritic& agent) {
  std::vector<float> all;
  for (const auto& array : agent.arrays()) all.insert(all.end(), array.values.begin(), array.values.end());
  for (const auto* count : agent.counts()) all.push_back(static_cast<float>(*count));
  return all;
}

}  // namespace warmstart
