// The jobs of a plan as Slurm job arrays: one script, an array for the jobs that need the same, each waiting for what it needs.
#pragma once
#include <map>

#include "warmstart/studies/launcher.h"

namespace warmstart {

/// Jobs that wait or run in Slurm's queue, and how: "run/.../seed0" -> "PENDING". Empty when Slurm is not there or knows none.
std::map<std::string, std::string> slurm_queue(const StudyPlan& plan);

struct SlurmSubmission {
  int jobs = 0, arrays = 0;
  std::vector<std::string> ids;  ///< of the arrays, in the order of submission
};

/// Submits the chosen jobs that are neither done nor running nor queued, with sbatch, and returns at once. What sbatch should add
/// (partition, account, time) comes from its own SBATCH_ variables. Each array has at most `options.jobs` elements running when that is
/// above 0. Throws Error(kMachine) without sbatch or when it refuses; what was submitted before stays queued.
SlurmSubmission submit_to_slurm(const StudyPlan& plan, const LaunchOptions& options);

/// Does one job of a study in this process's name and remembers how it ended: what an element of the array calls. Asked to stop, the job
/// saves first. Throws Error(kUsage) for an unknown id, Error(kData) when what it needs is not done, or the error that the job ended with.
void do_job(const StudyPlan& plan, const std::string& id, int threads);

}  // namespace warmstart
