// The policy in pretrained.safetensors or final.safetensors, for programs that only act: a robot, a game, a service.
// Neither the task nor its simulator, nor the learner that made it, need be known. docs/own-program.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "warmstart/agents/policy.h"
#include "warmstart/envs/action_bounds.h"
#include "warmstart/phases/action_filter.h"

namespace warmstart {

/// What a file says of acting: an immutable snapshot that many controllers may share, also from several threads.
struct SavedPolicy {
  std::shared_ptr<const Actor> actor;
  SafetyConfig safety;           ///< the recipe's [safety]: limits that hold wherever the policy acts
  double exploration_noise = 0;  ///< std of the noise with which it explored; 0: it samples by its own spread
  ActionBounds bounds;           ///< of the task's own units, where the file says them: bounds.from_unit turns an action into a command
  std::string task, phase;       ///< id of the task, and the phase that wrote the file

  int obs_size() const { return actor->spec.obs; }
  int action_size() const { return actor->spec.action; }
};

/// Throws Error(kData) for a missing, truncated, damaged or foreign file, and for one of another format version.
SavedPolicy read_policy(const std::filesystem::path& path);

/// A saved policy that acts within its limits, episode after episode. Allocates nothing after it is made; not thread safe: one per robot.
class Controller {
 public:
  /// `seed` is of the noise of `explore`. Throws Error(kUsage) for limits that do not fit the policy.
  explicit Controller(const SavedPolicy& policy, std::uint64_t seed = 0);

  /// The next action starts from rest, as in an episode's first step. A new controller is there already.
  void begin_episode() { filter_.begin_episode(); }
  /// action [A] = the policy's best one for obs [O], within the limits. Observations come in the order and units of the training data.
  /// Throws Error(kUsage) for spans of other sizes, Error(kDiverged) for an observation that is not finite; `action` is left alone then.
  void act(std::span<const float> obs, std::span<float> action) { choose(obs, true, action); }
  /// As act, but as it would explore.
  void explore(std::span<const float> obs, std::span<float> action) { choose(obs, false, action); }

  const Policy& policy() const { return policy_; }
  const ActionFilter& filter() const { return filter_; }

 private:
  void choose(std::span<const float> obs, bool deterministic, std::span<float> action);

  Policy policy_;
  ActionFilter filter_;
};

}  // namespace warmstart
