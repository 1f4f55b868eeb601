// Runs recorded updates through an agent and compares everything that was recorded.
#pragma once
#include <string>
#include <vector>

#include "tests/golden/case.h"

namespace warmstart::golden {

/// The worst error of a replay, as a share of its tolerance, and everything that exceeded it.
struct Report {
  double worst = 0;
  std::string worst_name;
  std::size_t compared = 0;
  std::vector<std::string> failures;
  std::set<std::string> seen;  ///< names of everything compared

  void see(const std::string& name, double ours, double recorded, double tolerance);
  bool ok() const { return failures.empty(); }
  std::string text(std::size_t most = 8) const;
};

constexpr double kParameterTolerance = 1e-5;  ///< absolute; Adam's moments and the target too
constexpr double kInfoTolerance = 1e-4;       ///< relative
/// Smallest magnitude an info is measured against: losses are differences of means of order 1, whose float32 sums are
/// already uncertain by 1e-6 when the difference itself is near 0.
constexpr double kInfoFloor = 1e-2;

/// A fresh learner with the recorded state before the first update.
std::unique_ptr<Agent> build_agent(const Case& c, const Setup& setup, Backend& backend);

/// All updates of `c` in order. Never throws: what goes wrong is a failure of the report.
Report replay(const Case& c, Backend& backend);

}  // namespace warmstart::golden
