// The statistics of a report. J is the evaluation that counts: normalized score, else success rate, else return.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "warmstart/io/report.h"

namespace warmstart {

enum class Scope { kPretrain, kOnline };  ///< steps are gradient steps, or environment steps since the switch

struct Point {
  std::int64_t step = 0;
  double value = 0;
};
using Series = std::vector<Point>;  ///< ascending steps, finite values

/// One number over the seeds of a group.
struct Spread {
  double mean = 0, low = 0, high = 0;
  int count = 0;  ///< seeds that have the number; 0 = none, the others are then meaningless
};

/// The seeds' values at the steps that all seeds have, of seeds with any point.
struct Aligned {
  std::vector<std::int64_t> step;
  std::vector<std::vector<double>> values;
};

/// Mean, minimum and maximum per step, at the steps that all seeds have.
struct Band {
  std::vector<std::int64_t> step;
  std::vector<Spread> spread;
};

/// What the switch did to one run. A run without an update has levels, and nothing that compares them.
struct Outcome {
  std::optional<double> before;   ///< evaluation at the switch, or the last one of pre-training
  std::optional<double> lowest;   ///< of the evaluations after the switch
  std::optional<double> last;     ///< the last of them
  std::optional<double> fall;     ///< max(0, before - lowest), in the units of J
  std::optional<double> drop;     ///< unlearning: max(0, (before - lowest) / |before|); none when before is 0
  std::optional<bool> forgotten;  ///< never back to 90% of before, from the lowest on
  /// Steps to recover: environment steps from the switch, warm-up counted, to the first evaluation back at 90% of before, from the
  /// lowest on; 0 when none was below that. None when forgotten.
  std::optional<std::int64_t> recovered_at;
};

struct RunGroup {
  std::string label;
  std::vector<const RunFiles*> runs;
};

struct GroupOutcome {
  Spread before, lowest, last, fall, drop, recovered_at;
  int forgotten = 0, judged = 0;  ///< seeds that forgot, of those that can be judged
};

/// The runs of one task. Numbers of different tasks are never put together.
struct TaskRuns {
  std::string env;
  std::vector<const RunFiles*> runs;
};

/// Tasks in order of first appearance. The runs must outlive it.
std::vector<TaskRuns> by_task(const std::vector<RunFiles>& runs);
/// Runs of one task by label, in order of first appearance.
std::vector<RunGroup> group_runs(const TaskRuns& task);

/// "normalized", "success_rate" (when any evaluation succeeded), else "return_mean".
std::string headline_metric(const TaskRuns& task);

/// The evaluations to show, the headline's among them. A return that equals the success rate everywhere is not shown twice.
std::vector<std::string> shown_metrics(const TaskRuns& task);

/// True when fine-tuning took steps in the environment and made not one update: its policy is the pre-trained one. False when it is not
/// known, as for runs of older versions.
bool without_update(const RunFiles& run);
int without_update(const RunGroup& group);  ///< how many of its runs

/// Evaluations; online, the one at the switch is the point at step 0.
Series evaluations(const RunFiles& run, Scope scope, const std::string& name);
/// The values called `name` in rows of `kind`.
Series logged(const RunFiles& run, Scope scope, const std::string& kind, const std::string& name);
/// Steps per wall-clock second from one row of timing.jsonl to the next; rows that are not later than the one before, as after a kill, are
/// left out.
Series speed(const RunFiles& run, Scope scope);
/// Names in rows of `kind`, in order of first appearance.
std::vector<std::string> names_of(const TaskRuns& task, const std::string& kind);
/// At each point the mean of the last `count` points.
Series running_mean(const Series& points, std::size_t count);

Outcome outcome(const RunFiles& run, const std::string& name);
GroupOutcome outcome(const RunGroup& group, const std::string& name);
Spread spread(const std::vector<double>& values);
Aligned aligned(const std::vector<Series>& seeds);
Band band(const std::vector<Series>& seeds);  ///< seeds without any point are left out

}  // namespace warmstart
