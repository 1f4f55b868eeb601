// Who acts while a dataset is made. One line in driver.cpp adds a policy to `collect.policy`.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "warmstart/envs/env.h"
#include "warmstart/phases/collect.h"

namespace warmstart {

/// Chooses actions; told of every new episode.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual void begin(const Env&, Rng&) {}
  /// action [A], to be filled; it is clipped to the task's range afterwards.
  virtual void act(const Env& env, Rng& rng, std::span<double> action) = 0;
  /// The driver wants a new goal although the task goes on.
  virtual bool done(const Env&) const { return false; }
};

/// The driver that `config.policy` names. `env` and `config` must outlive it. Throws Error(kUsage) when it does not fit the task.
std::unique_ptr<Driver> make_driver(const Env& env, const CollectConfig& config);

/// What `collect.policy` may be.
std::vector<std::string> driver_names();

}  // namespace warmstart
