#include "warmstart/studies/job.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/json_text.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLocked = 98;  // a child's exit code: somebody else works on the job

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK, lock.l_whence = SEEK_SET;
  return lock;
}

bool is_done(const StudyJob& job) {
  switch (job.kind) {
    case JobKind::kDataset:
      return fs::exists(job.result);
    case JobKind::kStart:
      return fs::exists(job.result / "pretrained.safetensors");
    default:
      return run_status(job.result) == "done";
  }
}

fs::path file_of(const StudyPlan& plan, const StudyJob& job, const std::string& extension) {
  return plan.folder / "jobs" / (job.id + extension);
}

JobRecord read_record(const fs::path& file) {
  JobRecord r;
  if (!fs::exists(file)) return r;
  const Json in = Json::parse(read_text(file), nullptr, false);
  if (!in.is_object()) return r;
  r.attempts = in.value("attempts", 0), r.seconds = in.value("seconds", 0.0), r.cpu_seconds = in.value("cpu_seconds", 0.0);
  r.memory_mib = in.value("memory_mib", 0.0), r.exit_code = in.value("exit_code", -1), r.signal = in.value("signal", 0);
  r.reason = in.value("reason", "");
  return r;
}

void write_record(const fs::path& file, const StudyJob& job, const JobRecord& r) {
  const Json out = {{"attempts", r.attempts},   {"seconds", r.seconds}, {"cpu_seconds", r.cpu_seconds}, {"memory_mib", r.memory_mib},
                    {"exit_code", r.exit_code}, {"signal", r.signal},   {"reason", r.reason},           {"id", job.id}};
  write_atomically(file, json_text(out, 1) + "\n");
}

// The error that the last attempt printed, or its last line. An attempt begins with a line "== command".
std::string last_words(const fs::path& log) {
  std::ifstream in(log);
  std::string error, last;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("== ", 0) == 0) error.clear(), last.clear();
    else if (line.rfind("error: ", 0) == 0) error = line.substr(7);
    else if (!line.empty()) last = line;
  }
  return !error.empty() ? error : last;
}

JobStatus status_of(const StudyPlan& plan, const StudyJob& job, const JobRecord& record) {
  if (is_done(job)) return JobStatus::kDone;
  if (FileLock::holder(file_of(plan, job, ".lock"))) return JobStatus::kRunning;
  if (record.attempts > 0 && record.exit_code != static_cast<int>(Exit::kInterrupted)) return JobStatus::kFailed;
  const bool begun = record.attempts > 0 || (job.kind != JobKind::kDataset && fs::exists(job.result / "run.json"));
  return begun ? JobStatus::kInterrupted : JobStatus::kWaiting;
}

}  // namespace

std::optional<FileLock> FileLock::take(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0) throw machine_error("cannot write: " + errno_text(errno), path.string(), "choose a folder you may write to with --out");
  struct flock lock = whole_file();
  if (::fcntl(fd, F_SETLK, &lock) == 0) return FileLock(fd);
  ::close(fd);
  return {};
}

pid_t FileLock::holder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  struct flock lock = whole_file();
  const bool asked = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  if (!asked || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? lock.l_pid : 1;  // on another machine
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

const char* status_name(JobStatus status) {
  constexpr const char* names[] = {"waiting", "running", "done", "interrupted", "failed", "blocked"};
  return names[static_cast<int>(status)];
}

fs::path job_file(const StudyPlan& plan, const StudyJob& job, const std::string& extension) {
  const fs::path file = file_of(plan, job, extension);
  make_folder(file.parent_path());
  return file;
}

std::string remedy_for_damaged(const fs::path& result) {
  return fmt::format("remove {} and the same command makes it again", result.string());
}

std::vector<JobState> job_states(const StudyPlan& plan) {
  std::vector<JobState> states;
  for (const StudyJob& job : plan.jobs) {
    JobState s{.record = read_record(file_of(plan, job, ".json"))};
    s.status = status_of(plan, job, s.record);
    if (s.status == JobStatus::kFailed && s.record.exit_code == 0)
      s.record.reason = "what it made is missing or damaged: " + remedy_for_damaged(job.result);
    if (s.status != JobStatus::kDone && s.status != JobStatus::kRunning)
      for (const std::size_t need : job.needs)
        if (states[need].status == JobStatus::kFailed || states[need].status == JobStatus::kBlocked) {
          s.status = JobStatus::kBlocked;
          s.record.reason = fmt::format("{} failed: {}", plan.jobs[need].id, states[need].record.reason);
          if (states[need].status == JobStatus::kBlocked) s.record.reason = states[need].record.reason;
          break;
        }
    states.push_back(std::move(s));
  }
  return states;
}

pid_t start_job(const StudyPlan& plan, const StudyJob& job, int threads) {
  std::vector<std::string> words = {"warmstart"};
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  if (job.kind != JobKind::kDataset) words.insert(words.end(), {"--threads", std::to_string(threads)});
  std::string line = "==";
  for (const std::string& word : words) line += " " + word;
  line += "\n";
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (job.kind == JobKind::kDataset) make_folder(job.result.parent_path());
  const std::string log = job_file(plan, job, ".log").string(), lock = job_file(plan, job, ".lock").string();
  // should this process be killed, too, the record must not tell of an attempt before this one
  const fs::path record = job_file(plan, job, ".json");
  if (JobRecord r = read_record(record); r.attempts > 0) {
    r.exit_code = static_cast<int>(Exit::kInterrupted), r.signal = 0, r.reason.clear();
    write_record(record, job, r);
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw machine_error("cannot start a process: " + errno_text(errno), job.id, "close other programs, or lower --jobs");
  if (pid > 0) return pid;
  // only calls that are safe between fork and exec
  ::setpgid(0, 0);  // Ctrl-C reaches the study alone, which then asks each job once
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(static_cast<int>(Exit::kInterrupted));
  const int none = ::open("/dev/null", O_RDONLY), out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0666);
  if (none < 0 || out < 0) ::_exit(static_cast<int>(Exit::kMachine));
  ::dup2(none, 0), ::dup2(out, 1), ::dup2(out, 2);
  if (::write(1, line.data(), line.size()) < 0) ::_exit(static_cast<int>(Exit::kMachine));
  struct flock whole = whole_file();
  const int held = ::open(lock.c_str(), O_CREAT | O_RDWR, 0666);  // kept over exec, and with it the lock
  if (held < 0 || ::fcntl(held, F_SETLK, &whole) != 0) ::_exit(kLocked);
  ::execv("/proc/self/exe", argv.data());  // this very program, even if its file was replaced meanwhile
  ::_exit(127);
}

JobState end_job(const StudyPlan& plan, const StudyJob& job, int status, double seconds, double cpu_seconds, double memory_mib) {
  const fs::path file = job_file(plan, job, ".json");
  JobRecord r = read_record(file);
  ++r.attempts;
  r.seconds += seconds, r.cpu_seconds += cpu_seconds, r.memory_mib = std::max(r.memory_mib, memory_mib);
  r.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, r.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const std::string words = last_words(file_of(plan, job, ".log"));
  if (r.signal) r.reason = fmt::format("killed by signal {} ({})", r.signal, ::strsignal(r.signal));
  else if (r.exit_code == kLocked) r.reason = "another process works on it";
  else if (r.exit_code == 127) r.reason = "the program could not be started";
  else r.reason = r.exit_code == 0 ? "" : fmt::format("exit code {}: {}", r.exit_code, words);
  JobState state{.record = r};
  write_record(file, job, r);
  state.status = status_of(plan, job, r);
  if (state.status == JobStatus::kFailed && r.reason.empty()) state.record.reason = "it ended without a result: " + words;
  return state;
}

Exit exit_of(const JobRecord& record) {
  return record.exit_code >= 2 && record.exit_code <= 5 ? static_cast<Exit>(record.exit_code) : Exit::kMachine;
}

double cpu_seconds(const rusage& used) {
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace warmstart
