// An offline dataset: what pre-training, RLPD and retention draw from. Immutable once built.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "warmstart/data/findings.h"
#include "warmstart/data/mc_return.h"
#include "warmstart/data/trajectories.h"
#include "warmstart/data/transition.h"
#include "warmstart/io/pack.h"

namespace warmstart {

struct DatasetOptions {
  double reward_scale = 1, reward_bias = 0;               ///< stored reward = scale * file's + bias
  double action_clip = 0.99999;                           ///< tanh policies cannot represent +-1; entries beyond are clipped and counted
  double discount = 0.99;                                 ///< of the Monte-Carlo returns
  bool sparse_reward = false;                             ///< never-successful trajectories get negative / (1 - discount)
  double negative_reward = 0;                             ///< file's reward of a step without success (AntMaze 0, Adroit binary -1)
  bool infinite_horizon = false;                          ///< Monte-Carlo returns go on after the last step (continuing tasks)
  int obs_size = 0, action_size = 0;                      ///< what the task expects; 0 = do not check
  double reward_low = 0, reward_high = 0;                 ///< the file's rewards must lie between, as the task's do; equal = do not check
  double final_reward = 0;                                ///< steps with this reward or more are terminal (D4RL's Kitchen); 0 = none
  std::string observation_keys = {};                      ///< of Dict observations, see StepsOptions
  int max_episode_steps = 0;                              ///< ends episodes of files without timeouts, see StepsOptions
  std::string task = {};                                  ///< id named in a size mismatch
  std::string source = "dataset";                         ///< file named in errors
  std::vector<double> task_low = {}, task_high = {};      ///< the task's bounds of each action, in its own units; empty = -1 and 1
  std::vector<double> action_low = {}, action_high = {};  ///< what -1 and 1 are in the file, as a person says: one number or one each
  bool makes_rewards = false;                             ///< `data convert --for` makes data of this task
  bool warn_of_sizes = true;                              ///< off for runs, which judge numbers as their networks see them

  /// How Monte-Carlo returns are made of rewards stored by these rules.
  McReturnOptions mc_returns() const;
};

/// D4RL "qlearning" transitions. A step whose next observation the file does not hold (the last of a timed-out or
/// unfinished episode, unless there is next_observations) is no transition. A terminal step is always one: its mask is
/// 0, so the next observation carries no value; as in D4RL it is the following row, at the end of the file its own.
/// Monte-Carlo returns run over the kept transitions of each episode.
class Dataset : public DataSource {
 public:
  /// Throws Error(kData) naming file, key, row and remedy of the first problem that data/checked_steps.h finds.
  static Dataset from_d4rl(D4rlFile file, const DatasetOptions& options);
  /// Any format of io/steps.h, errors naming `path`. A pack was checked when it was made; of it only what the task asks is checked here. It
  /// stays where it is: rows are read from the map when they are drawn, and memory holds 12 bytes and a bit a transition (4 bytes more
  /// without next observations). The bits are those of the file that was packed.
  static Dataset load(const std::filesystem::path& path, DatasetOptions options);

  Dataset(Dataset&&) = default;
  Dataset& operator=(Dataset&&) = default;

  std::size_t size() const override { return reward_.size(); }
  void sample(Rng& rng, BatchStorage& out, int first, int count) const override;
  /// How the rows of later samples are made; 1 step unless set.
  void set_n_step(NStep n_step) { n_step_ = n_step; }
  bool has_mc_return() const override { return true; }

  /// Keeps whole episodes, evenly spaced through the record, out of later samples: enough for `rows` transitions and at least 8, but
  /// fewer, or none, where they would be more than 5% of the transitions. An episode is what was recorded in one piece; those in which
  /// every step is a true end are passed over.
  void hold_out(std::size_t rows);
  std::size_t held_out() const;  ///< transitions that sample() never gives
  bool is_held_out(std::size_t row) const;

  int obs_size() const { return obs_size_; }
  int action_size() const { return action_size_; }
  Transition at(std::size_t row) const;  ///< row < size(); in file order
  /// Row + 1 is the next step of the same episode: no end is flagged, and it goes on where `row` ends.
  bool follows(std::size_t row) const {
    if (row + 1 >= size() || last_[row]) return false;
    return !next_ || next_[step_of(row)] == kFollowing;
  }
  std::size_t clipped_actions() const { return clipped_actions_; }    ///< action entries beyond action_clip
  std::size_t dropped_steps() const { return dropped_steps_; }        ///< steps without a known next observation
  const std::vector<Episode>& episodes() const { return episodes_; }  ///< as recorded, in one piece
  const Findings& findings() const { return findings_; }              ///< notes and warnings
  const std::string& recorded_in() const { return recorded_in_; }     ///< task that the file's metadata name, or ""

 private:
  struct Stretch {
    std::size_t first, count;  // rows
  };
  Dataset() = default;
  static Dataset from(D4rlFile&& file, const DatasetOptions& options, Findings findings);
  Stretch rows_of(const Episode& episode) const;
  std::size_t step_of(std::size_t row) const { return step_.empty() ? row : step_[row]; }
  const float* observation(std::size_t step) const { return obs_ + step * obs_stride_; }
  /// Everything that depends on the options; the arrays of the steps are in place.
  void make_rows(std::span<const float> rewards, std::span<const std::uint8_t> terminals, std::span<const std::uint8_t> timeouts,
                 const DatasetOptions& options);

  int obs_size_ = 0, action_size_ = 0;
  std::size_t steps_ = 0;
  // where the steps lie: in own_ or in the pack
  const float *obs_ = nullptr, *action_ = nullptr, *ends_ = nullptr;  // [steps_, stride] twice; [*, O]
  std::size_t obs_stride_ = 0, action_stride_ = 0;
  const std::uint32_t* next_ = nullptr;  // [steps_] kFollowing or a row of ends_; null: always the following step
  struct Own {
    std::vector<float> obs, action, ends;
    std::vector<std::uint32_t> next;
  } own_;
  std::shared_ptr<const PackMap> pack_;

  std::vector<std::uint32_t> step_;               // [size()] step of a row; empty when every step is a transition
  std::vector<float> reward_, mask_, mc_return_;  // [size()]
  std::vector<bool> last_;                        // [size()] the last row of its episode
  std::vector<Episode> episodes_;
  Findings findings_;
  std::vector<Stretch> held_;  // ascending
  NStep n_step_;
  std::size_t clipped_actions_ = 0, dropped_steps_ = 0;
  std::string recorded_in_;
};

}  // namespace warmstart
