#include "warmstart/studies/launcher.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

struct Running {
  std::size_t job;
  Clock::time_point began;
};

class Launch {
 public:
  Launch(const StudyPlan& plan, const LaunchOptions& options)
      : plan_(plan),
        options_(options),
        tried_(plan.jobs.size()),
        states_(job_states(plan)),
        wanted_(chosen_jobs(plan, states_, options.chosen)) {}

  std::vector<JobState> run() {
    const fs::path stop_file = plan_.folder / kStopFile;
    std::error_code none;
    while (true) {
      reap();
      if (!stopping_ && (stop_requested() || fs::exists(stop_file, none))) ask_to_stop();
      if (!stopping_) fill();
      const bool others = others_work();
      if (running_.empty() && (stopping_ || !others)) break;
      glance();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    fs::remove(stop_file, none);
    return job_states(plan_);
  }

 private:
  void reap() {
    for (auto at = running_.begin(); at != running_.end();) {
      int status = 0;
      rusage used{};
      if (::wait4(at->first, &status, WNOHANG, &used) != at->first) {
        ++at;
        continue;
      }
      const StudyJob& job = plan_.jobs[at->second.job];
      const JobState state =
          end_job(plan_, job, status, seconds_since(at->second.began), cpu_seconds(used), static_cast<double>(used.ru_maxrss) / 1024);
      states_[at->second.job] = state;
      at = running_.erase(at);
      LaunchProgress p = count();
      p.ended = &job, p.state = state;
      if (options_.progress) options_.progress(p);
    }
  }

  // A job of an earlier launch that was killed may still be saving: it is waited for, and then continued here.
  bool others_work() {
    const auto by_others = [&](std::size_t i) { return wanted_[i] && !tried_[i] && states_[i].status == JobStatus::kRunning; };
    bool any = false;
    for (std::size_t i = 0; i < states_.size(); ++i) any = any || by_others(i);
    if (!any || seconds_since(last_look_) < 0.5) return any;
    last_look_ = Clock::now();
    states_ = job_states(plan_);
    for (const auto& [pid, running] : running_) states_[running.job].status = JobStatus::kRunning;
    return true;
  }

  bool ready(std::size_t i) const {
    if (!wanted_[i] || tried_[i] || states_[i].status == JobStatus::kDone || states_[i].status == JobStatus::kRunning) return false;
    const auto& needs = plan_.jobs[i].needs;
    return std::all_of(needs.begin(), needs.end(), [&](std::size_t n) { return states_[n].status == JobStatus::kDone; });
  }

  void fill() {
    for (std::size_t i = 0; i < plan_.jobs.size() && static_cast<int>(running_.size()) < options_.jobs; ++i) {
      if (!ready(i)) continue;
      tried_[i] = true;
      running_[start_job(plan_, plan_.jobs[i], options_.threads)] = {i, Clock::now()};
      states_[i].status = JobStatus::kRunning;
    }
  }

  void ask_to_stop() {
    stopping_ = true;
    for (const auto& [pid, job] : running_) ::kill(pid, SIGTERM);
  }

  LaunchProgress count() const {
    LaunchProgress p{.running = static_cast<int>(running_.size()), .seconds = seconds_since(began_)};
    // what a job of each kind took for its work, of those that ended well
    double seconds[3] = {}, work[3] = {}, left = 0;
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      const int kind = static_cast<int>(plan_.jobs[i].kind);
      if (states_[i].status == JobStatus::kDone) seconds[kind] += states_[i].record.seconds, work[kind] += plan_.jobs[i].work;
    }
    bool known = true;
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      if (!wanted_[i]) continue;
      ++p.total;
      const bool ended = tried_[i] && states_[i].status != JobStatus::kRunning;
      p.done += states_[i].status == JobStatus::kDone;
      p.failed += ended && states_[i].status != JobStatus::kDone;
      if (ended || states_[i].status == JobStatus::kDone) continue;
      const int kind = static_cast<int>(plan_.jobs[i].kind);
      if (work[kind] > 0) left += seconds[kind] * plan_.jobs[i].work / work[kind];
      else if (plan_.jobs[i].work > 0) known = false;
    }
    for (const auto& [pid, running] : running_) {
      const int kind = static_cast<int>(plan_.jobs[running.job].kind);
      if (work[kind] > 0) left -= std::min(seconds_since(running.began), seconds[kind] * plan_.jobs[running.job].work / work[kind]);
    }
    if (known) p.seconds_left = left / std::max(1, options_.jobs);
    return p;
  }

  void glance() {
    if (!options_.progress || seconds_since(last_glance_) < 1) return;
    last_glance_ = Clock::now();
    options_.progress(count());
  }

  const StudyPlan& plan_;
  const LaunchOptions& options_;
  std::vector<bool> tried_;
  std::vector<JobState> states_;
  std::vector<bool> wanted_;
  std::map<pid_t, Running> running_;
  bool stopping_ = false;
  Clock::time_point began_ = Clock::now(), last_glance_ = Clock::now(), last_look_;
};

}  // namespace

std::vector<bool> chosen_jobs(const StudyPlan& plan, const std::vector<JobState>& states,
                              const std::function<bool(const StudyJob&)>& chosen) {
  std::vector<bool> out(plan.jobs.size());
  for (std::size_t i = plan.jobs.size(); i-- > 0;) {
    const StudyJob& job = plan.jobs[i];
    if (job.kind == JobKind::kRun && (!chosen || chosen(job))) out[i] = true;
    if (out[i] && states[i].status != JobStatus::kDone)
      for (const std::size_t need : job.needs) out[need] = true;  // needs point backwards
  }
  return out;
}

std::vector<JobState> launch(const StudyPlan& plan, const LaunchOptions& options) { return Launch(plan, options).run(); }

}  // namespace warmstart
