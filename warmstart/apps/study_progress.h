// How a study shows what it does: a line for every job that ended, and on a terminal a live line below them.
#pragma once
#include "warmstart/studies/launcher.h"
#include "warmstart/studies/results.h"

namespace warmstart {

/// On standard error; without `live` only the lines of jobs that failed.
std::function<void(const LaunchProgress&)> study_progress(const StudyPlan& plan, bool quiet);

/// A line per arm and seed that is not done, counts of all, for `study status`.
std::string status_text(const StudyPlan& plan, const std::vector<JobState>& states);

/// What would run: sizes, shared pre-trainings, and the number of gradient and environment steps.
std::string plan_text(const StudyPlan& plan, const std::vector<bool>& chosen);

}  // namespace warmstart
