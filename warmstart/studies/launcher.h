// Runs the jobs of a plan on this machine, several at once.
#pragma once
#include <functional>

#include "warmstart/studies/job.h"

namespace warmstart {

/// A moment worth showing: a job that ended, or a glance while they run.
struct LaunchProgress {
  const StudyJob* ended = nullptr;  ///< null: a glance
  JobState state;                   ///< of `ended`
  int total = 0, done = 0, failed = 0, running = 0;
  double seconds = 0;        ///< since the launch
  double seconds_left = -1;  ///< -1 = unknown yet
};

struct LaunchOptions {
  int jobs = 1, threads = 1;                         ///< processes at once, threads of each
  std::function<bool(const StudyJob&)> chosen = {};  ///< runs to do; what they need is done with them. Empty = all
  std::function<void(const LaunchProgress&)> progress = {};
};

/// Every chosen job once, in the order of the plan as soon as what it needs is done; done ones are left alone. A job that fails stops
/// only those that need it. After stop_requested() every job is asked to save and stop, and this returns when all have. The states of all
/// jobs of the plan are returned.
std::vector<JobState> launch(const StudyPlan& plan, const LaunchOptions& options);

/// Which jobs `chosen` comes to: those runs, and what those of them need that are not done.
std::vector<bool> chosen_jobs(const StudyPlan& plan, const std::vector<JobState>& states,
                              const std::function<bool(const StudyJob&)>& chosen);

}  // namespace warmstart
