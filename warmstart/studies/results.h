// What comes out of a study: measures of every run, summaries of every arm, and the files that hold them. They can be made at any time;
// runs that are not finished are named and left out of the numbers.
#pragma once
#include "warmstart/studies/job.h"
#include "warmstart/studies/statistics.h"

namespace warmstart {

struct StudyRun {
  const PlannedArm* arm = nullptr;
  std::int64_t seed = 0;
  JobState state;
  std::optional<RunFiles> files;                                 ///< of a finished run; label = arm, env = task
  RunMeasures measures;                                          ///< of a finished run
  bool idle() const { return files && without_update(*files); }  ///< finished without one update: it compares nothing
};

/// The name of a measure and its value, in the order of results.csv; `forgotten` is 0 or 1.
std::vector<std::pair<std::string, std::optional<double>>> named(const RunMeasures& m);

struct StudyResults {
  const StudyPlan* plan = nullptr;
  std::vector<StudyRun> runs;  ///< by task, arm, seed

  std::vector<const StudyRun*> runs_of(const PlannedArm& arm) const;
  /// Over the finished seeds of an arm.
  Summary summary(const PlannedArm& arm, const std::string& measure) const;
};

/// The plan must outlive it. A damaged run counts as failed, with what is wrong as its reason.
StudyResults gather_results(const StudyPlan& plan);

/// Seeds, question, arms and their summaries as JSON text; docs/studies/README.md lists the keys.
std::string summary_json(const StudyResults& results);
/// A Markdown table for each task.
std::string summary_markdown(const StudyResults& results);
std::string results_csv(const StudyResults& results);      ///< a line per run
std::string curves_csv(const StudyResults& results);       ///< task,arm,seed,step,metric,value
std::string diagnostics_csv(const StudyResults& results);  ///< likewise, with the phase; "" when no run has any

/// Writes summary.json, table.md, results.csv, curves.csv and diagnostics.csv into the plan's folder.
void write_results(const StudyResults& results);

}  // namespace warmstart
