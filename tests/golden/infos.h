// The recorded infos of an update: what the learner reports, and what follows from its state around the update.
#pragma once
#include "tests/golden/case.h"
#include "tests/golden/replay.h"

namespace warmstart::golden {

/// The learner before and after every gradient step of one update.
class Infos {
 public:
  Infos(const Case& c, const Setup& setup, int update, const ActorCritic& start)
      : case_(c), setup_(setup), prefix_(std::to_string(update) + "/"), before_(start) {}

  /// Gradient step j is over and another follows: compares its norms.
  void step_done(int j, const ActorCritic& now, Report& report);
  /// The update is over.
  void done(const ActorCritic& now, const UpdateStats& stats, const Batch& batch, Backend& backend, Report& report);

 private:
  void see(const std::string& name, double ours, Report& report) const;  // when it was recorded
  void norms(const std::string& prefix, const ActorCritic& now, Report& report) const;
  void policy(const Batch& batch, const UpdateStats& stats, Backend& backend, Report& report) const;
  void value(const Batch& batch, Backend& backend, Report& report) const;
  std::string draws() const { return prefix_ + "draws/u" + std::to_string(step_) + "/"; }

  const Case& case_;
  const Setup& setup_;
  std::string prefix_;
  ActorCritic before_;  // before the running gradient step
  int step_ = 0;
};

}  // namespace warmstart::golden
