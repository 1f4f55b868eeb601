// Several environments of one task, stepped on all cores at once: for data, for planners, for programs of one's own.
#pragma once
#include <memory>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/core/threads.h"
#include "warmstart/envs/env.h"

namespace warmstart {

/// Environment i draws its episodes from a stream of its own, so what it does depends on neither `threads` nor the others. An
/// environment whose episode ended begins the next one at the following call of step, whose action it ignores then.
class VectorEnv {
 public:
  /// `count` environments on `threads` threads. Throws Error as make_env does.
  VectorEnv(const EnvConfig& config, int count, std::uint64_t seed, int threads);

  int count() const { return static_cast<int>(envs_.size()); }
  const EnvSpec& spec() const { return envs_.front()->spec(); }
  /// Throws Error(kUsage) for an i that is none of them.
  Env& env(int i);

  /// Every environment begins an episode.
  void reset();
  /// actions [N,A], row-major. Row i of obs() is then what the step led to, steps()[i] what it gave (all zero for a reset).
  /// Throws the first Error of an environment; the others have made their step.
  void step(std::span<const double> actions);

  std::span<const double> obs() const { return obs_; }  ///< [N,O], row-major
  const std::vector<Step>& steps() const { return steps_; }

 private:
  void take_obs(std::size_t i);

  std::vector<std::unique_ptr<Env>> envs_;
  std::vector<Rng> rngs_;
  std::vector<Step> steps_;
  std::vector<double> obs_;
  ThreadTeam team_;
};

}  // namespace warmstart
