// Means of update statistics between two rows of training metrics.
#pragma once
#include "warmstart/agents/agent.h"
#include "warmstart/core/state.h"

namespace warmstart {

class StatsMeter {
 public:
  void add(UpdateStats stats);
  std::int64_t count() const { return count_; }
  /// (name, mean) of every number that was present; empties the meter.
  std::vector<std::pair<std::string, double>> take();
  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  std::vector<double> sums_;
  std::vector<std::int64_t> counts_;
  std::int64_t count_ = 0;
};

}  // namespace warmstart
