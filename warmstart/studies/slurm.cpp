#include "warmstart/studies/slurm.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

struct CommandOutput {
  int status = 0;  ///< as system() gives it
  std::string text;
};

CommandOutput output_of(const std::string& command) {
  CommandOutput out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw machine_error("cannot start a process: " + errno_text(errno), command, "close other programs");
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.text.append(buffer, n);
  out.status = ::pclose(pipe);
  while (!out.text.empty() && out.text.back() == '\n') out.text.pop_back();
  return out;
}

fs::path slurm_folder(const StudyPlan& plan) { return plan.folder / "slurm"; }

// slurm/submitted.txt: a line "ARRAY_INDEX id" for each job ever submitted.
std::map<std::string, std::string> submitted(const StudyPlan& plan) {
  std::map<std::string, std::string> out;
  std::ifstream in(slurm_folder(plan) / "submitted.txt");
  for (std::string element, id; in >> element && std::getline(in >> std::ws, id);) out[element] = id;
  return out;
}

// The list of an array, one job a line; an element's index is its line. Earlier lists stay: their elements may still wait.
fs::path new_list(const StudyPlan& plan) {
  for (int n = 0;; ++n)
    if (const fs::path file = slurm_folder(plan) / fmt::format("jobs-{}.txt", n); !fs::exists(file)) return file;
}

std::string script_text(const StudyPlan& plan, int threads) {
  const fs::path program = fs::read_symlink("/proc/self/exe");
  return fmt::format(
      "#!/bin/bash\n"
      "# One element of an array does one job of the study: line SLURM_ARRAY_TASK_ID + 1 of the list that is the argument.\n"
      "exec {} study job {} \"$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" \"$1\")\" --threads {}\n",
      shell_word(program.string()), shell_word(plan.folder.string()), threads);
}

}  // namespace

std::map<std::string, std::string> slurm_queue(const StudyPlan& plan) {
  std::map<std::string, std::string> out;
  const auto jobs = submitted(plan);
  if (jobs.empty()) return out;
  const CommandOutput queue = output_of("squeue --noheader --array --format='%F_%K %T' 2>/dev/null");
  std::istringstream in(queue.text);
  for (std::string element, state; in >> element >> state;)
    if (const auto job = jobs.find(element); job != jobs.end()) out[job->second] = state;
  return out;
}

SlurmSubmission submit_to_slurm(const StudyPlan& plan, const LaunchOptions& options) {
  if (output_of("command -v sbatch").text.empty())
    throw machine_error("sbatch is not installed", "--launcher slurm", "call it where Slurm is, or leave --launcher out to run here");
  const auto queue = slurm_queue(plan);
  const std::vector<JobState> states = job_states(plan);
  const std::vector<bool> chosen = chosen_jobs(plan, states, options.chosen);
  const auto waits = [&](std::size_t i) {
    return chosen[i] && states[i].status != JobStatus::kDone && states[i].status != JobStatus::kRunning && !queue.count(plan.jobs[i].id);
  };
  make_folder(slurm_folder(plan));
  const fs::path script = slurm_folder(plan) / "job.sh";
  write_atomically(script, script_text(plan, options.threads));

  std::map<std::string, std::string> element;  // of every job that is in the queue
  for (const auto& [name, id] : submitted(plan))
    if (queue.count(id)) element[id] = name;
  SlurmSubmission out;
  std::vector<bool> sent(plan.jobs.size());
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (!waits(i) || sent[i]) continue;
    std::vector<std::size_t> members;
    for (std::size_t j = i; j < plan.jobs.size(); ++j)
      if (waits(j) && plan.jobs[j].kind == plan.jobs[i].kind && plan.jobs[j].needs == plan.jobs[i].needs) members.push_back(j);
    const fs::path list = new_list(plan);
    std::string lines, needs, array = fmt::format("0-{}", members.size() - 1);
    for (const std::size_t j : members) lines += plan.jobs[j].id + "\n";
    write_atomically(list, lines);
    for (const std::size_t need : plan.jobs[i].needs)
      if (const auto at = element.find(plan.jobs[need].id); at != element.end()) needs += ":" + at->second;
    if (options.jobs > 0) array += fmt::format("%{}", options.jobs);
    const std::string name = fmt::format("{}-{}", plan.name, plan.jobs[i].id.substr(0, plan.jobs[i].id.find('/')));
    const std::string command =
        fmt::format("sbatch --parsable --array={} --job-name={} --cpus-per-task={} --requeue --output={}{} {} {} 2>&1", array,
                    shell_word(name), options.threads, shell_word((slurm_folder(plan) / "%A_%a.out").string()),
                    needs.empty() ? "" : " --kill-on-invalid-dep=yes --dependency=afterok" + needs, shell_word(script.string()),
                    shell_word(list.string()));
    const CommandOutput said = output_of(command);
    if (said.status != 0 || said.text.empty() ||
        said.text.find_first_not_of("0123456789;_-.abcdefghijklmnopqrstuvwxyz") != std::string::npos)
      throw machine_error("sbatch refused: " + said.text, command,
                          "what was submitted before stays in the queue; the same command goes on");
    const std::string id = said.text.substr(0, said.text.find(';'));  // "id;cluster"
    std::ofstream log(slurm_folder(plan) / "submitted.txt", std::ios::app);
    for (std::size_t k = 0; k < members.size(); ++k) {
      const std::string& job = plan.jobs[members[k]].id;
      sent[members[k]] = true;
      element[job] = fmt::format("{}_{}", id, k);
      log << element[job] << ' ' << job << '\n';
    }
    out.jobs += static_cast<int>(members.size()), ++out.arrays;
    out.ids.push_back(id);
  }
  return out;
}

void do_job(const StudyPlan& plan, const std::string& id, int threads) {
  const auto job = std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const StudyJob& j) { return j.id == id; });
  if (job == plan.jobs.end()) throw usage_error("no job of the name " + id, plan.folder.string(), "`warmstart study status` lists them");
  const auto index = static_cast<std::size_t>(job - plan.jobs.begin());
  const std::vector<JobState> states = job_states(plan);
  if (states[index].status == JobStatus::kDone) return;
  if (states[index].status == JobStatus::kRunning) throw usage_error("another process works on this job", id, "wait for it");
  for (const std::size_t need : job->needs)
    if (states[need].status != JobStatus::kDone)
      throw data_error("what it needs is not done: " + plan.jobs[need].id, id, "do that job first; `warmstart study` sees to the order");

  const auto began = std::chrono::steady_clock::now();
  const pid_t pid = start_job(plan, *job, threads);
  const fs::path stop_file = job->result / kStopFile;
  const bool takes_file = job->kind != JobKind::kDataset;
  bool asked = false;
  int status = 0;
  rusage used{};
  while (::wait4(pid, &status, WNOHANG, &used) != pid) {
    if (stop_requested() && !asked) {
      asked = true;
      // by a file: a queue sends its signal to the job's process as well, and a second one would end that at once
      if (takes_file && fs::is_directory(job->result)) std::ofstream(stop_file).flush();
      else ::kill(pid, SIGTERM);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::error_code none;
  if (takes_file && asked) fs::remove(stop_file, none);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const JobState state = end_job(plan, *job, status, seconds, cpu_seconds(used), static_cast<double>(used.ru_maxrss) / 1024);
  if (state.status == JobStatus::kDone) return;
  if (state.status == JobStatus::kInterrupted)
    throw Error(Exit::kInterrupted, "interrupted and saved", id, "the same `study` command goes on");
  throw Error(exit_of(state.record), state.record.reason, id, "its log is " + (plan.folder / "jobs" / (id + ".log")).string());
}

}  // namespace warmstart
