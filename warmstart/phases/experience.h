// Where online transitions come from. Fine-tuning asks a source and does not own the environment's loop: a robot cannot be
// stepped by its learner.
#pragma once
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
  /// What a checkpoint must hold so that the next transition is the same. A source that cannot restore its episode (a robot, or a task
  /// that just failed) says so; it saves its streams alone, and after loading them begins a new episode.
  virtual bool can_save() const = 0;
  virtual void save(StateWriter& out) const = 0;
  virtual void load(StateReader& in) = 0;
};

/// Steps an environment of this process.
class LocalExperience : public ExperienceSource {
 public:
  LocalExperience(std::unique_ptr<Env> env, Rng rng, const SafetyConfig& safety = {});
  Experience next(Policy& policy) override;
  bool can_save() const override { return !failed_ && env_->can_save(); }
  void save(StateWriter& out) const override;
  void load(StateReader& in) override;

 private:
  void take_obs(std::vector<float>& out) const;

  std::unique_ptr<Env> env_;
  Rng rng_;
  ActionFilter filter_;
  bool in_episode_ = false;
  bool failed_ = false;  ///< the task threw: its state is worth nothing
  double return_ = 0;
  bool success_ = false;
  int length_ = 0;
  std::vector<float> obs_, next_obs_, action_;
  std::vector<double> command_;
};

struct Evaluation {
  double return_mean = 0, return_std = 0;                        ///< undiscounted, as the task gives rewards
  double success_rate = 0;                                       ///< share of episodes with success in any step
  double length_mean = 0;                                        ///< steps
  double normalized = std::numeric_limits<double>::quiet_NaN();  ///< mean normalised score; NaN when the task has none
  int episodes = 0;
};

/// Settings of an evaluation.
struct EvaluateOptions {
  bool deterministic = true;  ///< stochastic actions use the policy's own stream
  SafetyConfig safety = {};
  std::function<void()> before_step = {};  ///< may throw, which ends the evaluation
  std::vector<double>* returns = nullptr;  ///< if given, receives the return of every episode
};

/// One episode after another; resets are drawn from `seed`, so equal policies give equal numbers.
Evaluation evaluate(Env& env, Policy& policy, int episodes, std::uint64_t seed, const EvaluateOptions& options = {});

}  // namespace warmstart
