// Learners speak of actions from -1 to 1: which units a file's actions are in, and how they become that. Rules: docs/formats/dataset.md.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/data/findings.h"
#include "warmstart/io/steps.h"

namespace warmstart {

struct DatasetOptions;

/// Least and greatest value of each action coordinate; empty stands for -1 and 1.
struct ActionRange {
  std::vector<double> low, high;
  bool unit() const;         ///< -1 and 1
  std::string text() const;  ///< "-0.4 .. 0.4", "[0, -1] .. [1, 1]"
};

/// Share of the entries that may lie beyond their bounds: they are clipped; more of them are a problem.
constexpr double kMayClip = 0.01;

/// How a file's actions become -1 .. 1.
struct ActionUnits {
  ActionRange file;                   ///< the file's values that become -1 and 1
  ActionRange stands;                 ///< what -1 and 1 stand for in the task's own units
  bool known = false;                 ///< somebody said so: file, task or person; else -1 .. 1 is what the format asks for
  void apply(Matrix& actions) const;  ///< [T,A] in place
  /// What a file with the mapped actions says of them: metadata "action_units" = "unit", and bounds where -1 and 1 stand for others.
  /// Nothing where the units are not known.
  void describe(StepsLayout& layout) const;
};

/// How many entries of all a file's actions lie beyond -1 .. 1 and beyond a range, and what was seen.
struct ActionCount {
  std::size_t entries = 0, beyond_unit = 0, beyond_range = 0;
  double min = 0, max = 0;
  void add(const Matrix& actions, const ActionRange& range);
};

/// Decides by what `options` and the file say. `count` looks through all actions and is called only where their values must decide.
ActionUnits action_units(const StepsLayout& layout, const DatasetOptions& options,
                         const std::function<ActionCount(const ActionRange&)>& count, Findings& findings);

constexpr const char* kActionUnits = "action_units";  ///< metadata key: what the file's actions are; "unit" is -1 .. 1
constexpr const char* kUnitActions = "unit";

}  // namespace warmstart
