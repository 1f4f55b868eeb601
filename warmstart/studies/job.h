// One job of a study as a process: starting it, knowing how it stands, remembering how it ended. All of it lies in files below the
// study's folder, so that any process, on any machine that sees the folder, tells the same.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "warmstart/core/error.h"
#include "warmstart/studies/plan.h"

namespace warmstart {

/// A lock that dies with its process, and that others can ask about without taking it.
class FileLock {
 public:
  /// Nothing when another process has it; throws Error(kMachine) when the file cannot be made.
  static std::optional<FileLock> take(const fs::path& path);
  /// Process that holds it; 0 = none (or this one).
  static pid_t holder(const fs::path& path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

enum class JobStatus { kWaiting, kRunning, kDone, kInterrupted, kFailed, kBlocked };
const char* status_name(JobStatus status);  ///< "waiting", "running", "done", "interrupted", "failed", "blocked"

/// What is remembered of the attempts at a job.
struct JobRecord {
  int attempts = 0;
  double seconds = 0;      ///< wall-clock of all attempts
  double cpu_seconds = 0;  ///< likewise, user and system
  double memory_mib = 0;   ///< largest resident set of any attempt
  int exit_code = -1;      ///< of the last; -1 = none ended yet
  int signal = 0;          ///< that ended the last
  std::string reason;      ///< why it failed, one line
};

struct JobState {
  JobStatus status = JobStatus::kWaiting;
  JobRecord record;
};

/// The remedy for what a finished job left and somebody damaged.
std::string remedy_for_damaged(const fs::path& result);

/// How every job stands. A job is blocked when one that it needs failed or is blocked.
std::vector<JobState> job_states(const StudyPlan& plan);

/// A job's file below `jobs`, with its folder made: extension ".log", ".lock" or ".json".
fs::path job_file(const StudyPlan& plan, const StudyJob& job, const std::string& extension);

/// Starts the job as a process in a group of its own, its output appended to its log. It gets SIGTERM when this process dies.
/// Throws Error(kMachine) when no process can be started.
pid_t start_job(const StudyPlan& plan, const StudyJob& job, int threads);

/// The job's process has ended with `status` as wait4 gives it after `seconds`: remembers it and returns how the job stands.
JobState end_job(const StudyPlan& plan, const StudyJob& job, int status, double seconds, double cpu_seconds, double memory_mib);

/// What a study exits with when this job's failure ended it: the job's own code, or that of a broken machine.
Exit exit_of(const JobRecord& record);

/// User and system time.
double cpu_seconds(const rusage& used);

}  // namespace warmstart
