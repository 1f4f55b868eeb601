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
  Policy(std::shared_ptr<const Actor> actor, Rng rng) : actor_(std::move(actor)), rng_(rng), scratch_(actor_->spec) {}

  /// One action [A] for one observation [O]; allocates nothing. Deterministic: tanh(mean), no random number is used.
  void act(std::span<const float> obs, bool deterministic, std::span<float> action);

  const Actor& actor() const { return *actor_; }
  Rng& rng() { return rng_; }
  /// Replaces the snapshot; the random stream goes on.
  void set_actor(std::shared_ptr<const Actor> actor) { actor_ = std::move(actor); }
  /// Checksum of the actor's parameters: two policies with the same fingerprint act the same.
  std::string fingerprint() const;

 private:
  std::shared_ptr<const Actor> actor_;
  Rng rng_;
  ActScratch scratch_;
};

}  // namespace warmstart
