// A recipe so small that all three phases take a fraction of a second, and a folder that goes with it.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/train.h"

namespace warmstart {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "warmstart-phases-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

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

/// `act` must throw an Error of `code` whose text has all of `parts`.
template <class F>
void expect_error(Exit code, const std::vector<std::string>& parts, F&& act) {
  try {
    act();
    FAIL() << "no error; expected one with \"" << (parts.empty() ? "" : parts[0]) << "\"";
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.code()), static_cast<int>(code)) << e.what();
    for (const auto& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << '"' << part << "\" is not in: " << e.what();
  }
}

}  // namespace warmstart
