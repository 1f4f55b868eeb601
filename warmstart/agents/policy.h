// Who acts: an immutable snapshot of an actor with its own random stream, apart from the agent that learns.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "warmstart/core/random.h"
#include "warmstart/nn/act.h"

namespace warmstart {

class Policy {
 public:
  /// `exploration_noise` as Agent::exploration_noise says: 0 samples from the policy.
  Policy(std::shared_ptr<const Actor> actor, Rng rng, double exploration_noise = 0)
      : actor_(std::move(actor)), rng_(rng), exploration_noise_(static_cast<float>(exploration_noise)), scratch_(actor_->spec) {}

  /// One action [A] for one observation [O] as the task gives it, inside the box [-1,1]; allocates nothing. Deterministic: tanh(mean), or
  /// the mean of a policy that is not squashed, and no random number is used. Throws Error(kUsage) for spans of other sizes.
  void act(std::span<const float> obs, bool deterministic, std::span<float> action);

  const Actor& actor() const { return *actor_; }
  Rng& rng() { return rng_; }
  /// Replaces the snapshot; the random stream goes on. Throws Error(kUsage) for one of other observations or actions.
  void set_actor(std::shared_ptr<const Actor> actor);
  /// As in the constructor, from now on.
  void set_exploration_noise(double noise) { exploration_noise_ = static_cast<float>(noise); }
  /// Checksum of the actor's parameters and normalizer: two policies with the same fingerprint act the same.
  std::string fingerprint() const;

 private:
  std::shared_ptr<const Actor> actor_;
  Rng rng_;
  float exploration_noise_ = 0;
  ActScratch scratch_;
};

}  // namespace warmstart
