// An offline dataset: what pre-training, RLPD and retention draw from. Immutable once built.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "warmstart/data/mc_return.h"
#include "warmstart/data/transition.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

struct DatasetOptions {
  double reward_scale = 1, reward_bias = 0;  ///< stored reward = scale * file's + bias
  double action_clip = 0.99999;              ///< tanh policies cannot represent +-1; entries beyond are clipped and counted
  double discount = 0.99;                    ///< of the Monte-Carlo returns
  bool sparse_reward = false;                ///< never-successful trajectories get negative / (1 - discount)
  double negative_reward = 0;                ///< file's reward of a step without success (AntMaze 0, Adroit binary -1)
  bool infinite_horizon = false;             ///< Monte-Carlo returns go on after the last step (continuing tasks)
  int obs_size = 0, action_size = 0;         ///< what the task expects; 0 = do not check
  std::string task = {};                     ///< id named in a size mismatch
  std::string source = "dataset";            ///< file named in errors

  /// How Monte-Carlo returns are made of rewards stored by these rules.
  McReturnOptions mc_returns() const;
};

/// How a recorded episode ended.
enum class EpisodeEnd : std::uint8_t { kTerminal, kTimeout, kUnfinished };

/// One recorded trajectory, before dropping anything.
struct Episode {
  std::size_t start = 0;   ///< first row in the file
  std::size_t length = 0;  ///< steps in the file
  double reward_sum = 0;   ///< undiscounted, as recorded (not scaled)
  EpisodeEnd end = EpisodeEnd::kUnfinished;
};

/// Cuts a file's flags into episodes; an episode ends at a terminal or a timeout.
std::vector<Episode> episodes_of(const D4rlFile& file);

/// D4RL "qlearning" transitions. A step whose next observation the file does not hold (the last of a timed-out or
/// unfinished episode, unless there is next_observations) is no transition. A terminal step is always one: its mask is
/// 0, so the next observation carries no value; as in D4RL it is the following row, at the end of the file its own.
/// Monte-Carlo returns run over the kept transitions of each episode.
class Dataset : public DataSource {
 public:
  /// Throws Error(kData) naming file, key, row and remedy: NaN or infinity, sizes that do not fit the task, no transition.
  static Dataset from_d4rl(const D4rlFile& file, const DatasetOptions& options);
  /// read_d4rl + from_d4rl, errors naming `path`.
  static Dataset load(const std::filesystem::path& path, DatasetOptions options);

  std::size_t size() const override { return reward_.size(); }
  void sample(Rng& rng, BatchStorage& out, int first, int count) const override;
  /// How the rows of later samples are made; 1 step unless set.
  void set_n_step(NStep n_step) { n_step_ = n_step; }
  bool has_mc_return() const override { return true; }

  int obs_size() const { return obs_size_; }
  int action_size() const { return action_size_; }
  Transition at(std::size_t row) const;  ///< row < size(); in file order
  /// Row + 1 goes on where `row` ends.
  bool follows(std::size_t row) const { return row + 1 < size() && mask_[row] > 0 && next_state_[row] == state_[row + 1]; }
  std::size_t clipped_actions() const { return clipped_actions_; }  ///< action entries beyond action_clip
  std::size_t dropped_steps() const { return dropped_steps_; }      ///< steps without a known next observation
  const std::vector<Episode>& episodes() const { return episodes_; }

 private:
  Dataset() = default;
  int obs_size_ = 0, action_size_ = 0;
  std::vector<float> states_;                              // [S,O]: an observation shared by two transitions is stored once
  std::vector<std::uint32_t> state_, next_state_;          // [size()] rows of states_
  std::vector<float> action_, reward_, mask_, mc_return_;  // [size(), A], [size()]
  std::vector<Episode> episodes_;
  NStep n_step_;
  std::size_t clipped_actions_ = 0, dropped_steps_ = 0;
};

}  // namespace warmstart
