// Behaviour cloning: maximise log pi(a_data | s). A baseline, and a start for fine-tuning.
#pragma once
#include "warmstart/agents/agent.h"

namespace warmstart {

class Bc : public Agent {
 public:
  Bc(const AgentConfig& config, ActorCritic start, Backend& backend)
      : Agent(config, std::move(start), backend), tape_(backend.make_tape()) {}
  std::string name() const override { return "bc"; }

 private:
  /// `utd` is ignored: there is one network.
  UpdateStats learn(const Batch& batch, int utd, Noise& noise) override;

  std::unique_ptr<ActorTape> tape_;
  Matrix mean_, log_std_, d_mean_, d_log_std_;
  Column log_prob_, d_log_prob_;
};

}  // namespace warmstart
