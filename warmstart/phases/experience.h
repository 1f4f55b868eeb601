// Where online transitions come from. Fine-tuning asks a source and does not own the environment's loop: a robot cannot be
// stepped by its learner.
#pragma once
#include <chrono>
#include <functional>
#include <limits>
#include <memory>

#include "warmstart/agents/policy.h"
#include "warmstart/core/state.h"
#include "warmstart/envs/env.h"
#include "warmstart/phases/action_filter.h"

namespace warmstart {

/// One step of the world, rewards as the task gives them; `action` is what was done, after the filter. Views are valid until the next call.
struct Experience {
  std::span<const float> obs, action, next_obs;
  Step step;
  double gap = std::numeric_limits<double>::quiet_NaN();  ///< s since the command before it; NaN for an episode's first
  bool episode_over = false;
  // set when episode_over: the whole episode
  double episode_return = 0;
  bool episode_success = false;
  int episode_length = 0;
};

class ExperienceSource {
 public:
  virtual ~ExperienceSource() = default;
  /// The next transition under `policy` (stochastic). Throws Error as the task does.
  virtual Experience next(Policy& policy) = 0;
  /// Between two transitions of one episode.
  virtual bool in_episode() const = 0;
  /// Leaves the episode under way: the next transition begins another. Whoever keeps the transitions closes it there.
  virtual void cut_episode() = 0;
  /// What a checkpoint must hold so that the next transition is the same. A source that cannot restore its episode (a robot, or a task
  /// that just failed) says so; it saves its streams alone, and after loading them begins a new episode.
  virtual bool can_save() const = 0;
  virtual void save(StateWriter& out) const = 0;
  virtual void load(StateReader& in) = 0;
};

/// Steps an environment of this process.
class LocalExperience : public ExperienceSource {
 public:
  /// Others may step `env` between two episodes.
  LocalExperience(std::shared_ptr<Env> env, Rng rng, const SafetyConfig& safety = {});
  Experience next(Policy& policy) override;
  bool in_episode() const override { return in_episode_; }
  void cut_episode() override { in_episode_ = false; }
  bool can_save() const override { return !failed_ && env_->can_save(); }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;

 private:
  void take_obs(std::vector<float>& out) const;

  std::shared_ptr<Env> env_;
  Rng rng_;
  ActionFilter filter_;
  bool in_episode_ = false;
  bool timed_ = false;   ///< commanded_ is of this episode and this process
  bool failed_ = false;  ///< the task threw: its state is worth nothing
  double return_ = 0;
  bool success_ = false;
  int length_ = 0;
  std::vector<float> obs_, next_obs_, action_;
  std::vector<double> command_;
  std::chrono::steady_clock::time_point commanded_;  ///< when the last command was given
};

struct Evaluation {
  double return_mean = 0, return_std = 0;                        ///< undiscounted, as the task gives rewards
  double success_rate = 0;                                       ///< share of episodes with success in any step
  double length_mean = 0;                                        ///< steps
  double normalized = std::numeric_limits<double>::quiet_NaN();  ///< mean normalised score; NaN when the task has none
  int episodes = 0;
  int cut = 0;  ///< of them, those that EvaluateOptions::max_steps ended: their returns are those of a part
};

/// Steps of the longest episode of an evaluation where nobody says more: a task need not have an end.
inline constexpr std::int64_t kLongestEvaluation = 10'000;

/// Settings of an evaluation.
struct EvaluateOptions {
  bool deterministic = true;  ///< stochastic actions use the policy's own stream
  SafetyConfig safety = {};
  std::int64_t max_steps = 0;                                        ///< an episode is cut here; 0 = kLongestEvaluation
  std::function<void()> before_step = {};                            ///< may throw, which ends the evaluation
  std::function<void(int episode, std::int64_t step)> on_step = {};  ///< told of every step, counted from 1
  std::vector<double>* returns = nullptr;                            ///< if given, receives the return of every episode
};

/// One episode after another; resets are drawn from `seed`, so equal policies give equal numbers.
Evaluation evaluate(Env& env, Policy& policy, int episodes, std::uint64_t seed, const EvaluateOptions& options = {});

/// A line on episodes that were cut; "" when none was.
std::string cut_warning(const Evaluation& e, std::int64_t max_steps);

}  // namespace warmstart
