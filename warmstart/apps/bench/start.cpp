// `bench start`: how long a user waits from the command to the end of the first training step.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

struct Options {
  std::string name, recipe;
  int threads = 0, rounds = 9;
  bool json = false, child = false;
};

// To the process that measures: ready to learn, then one step done.
void say(char byte) {
  std::fputc(byte, stdout);
  std::fflush(stdout);
}
constexpr char kReady = 'r', kDone = 'd';

void first_step_of_case(const Options& o) {
  const BenchCase& c = bench_case(o.name);
  const auto backend = make_cpu_backend(o.threads);
  const auto agent = make_bench_agent(c, *backend);
  BatchStorage batch;
  fill_synthetic(batch, c);
  Rng rng(4, "bench noise");
  RandomNoise noise(rng);
  say(kReady);
  agent->update(batch.view(true), c.utd, noise);
  say(kDone);
}

// All that `train` does before its first gradient step: recipe, task, dataset, networks, folder, metrics.
void first_step_of_recipe(const Options& o) {
  const ScratchFolder folder("bench");
  const Recipe recipe = read_named_recipe(o.recipe);
  Run run(recipe, {.folder = folder.path() / "run", .threads = o.threads});
  const Dataset& data = run.dataset();
  BatchStorage batch;
  batch.resize(recipe.pretrain.batch, data.obs_size(), data.action_size());
  data.sample(run.state.data_rng, batch, 0, recipe.pretrain.batch);
  RandomNoise noise(run.state.noise_rng);
  say(kReady);
  run.agent->update(batch.view(data.has_mc_return()), 1, noise);
  say(kDone);
}

struct StartTimes {
  double ready = 0, done = 0;  ///< s from the start of the program to the beginning and to the end of its first step
};

/// Starts this program as a child and waits for its two bytes.
StartTimes time_start(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw machine_error("no pipe: " + errno_text(errno), "bench start", "close other programs");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const auto began = BenchClock::now();
  const int failed = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  StartTimes times;
  const auto wait_for = [&](char expected) {
    char byte = 0;
    ssize_t got = 0;
    while (!failed && (got = ::read(ends[0], &byte, 1)) < 0 && errno == EINTR) {
    }
    return got == 1 && byte == expected ? seconds_since(began) : 0.0;
  };
  times.ready = wait_for(kReady), times.done = wait_for(kDone);
  ::close(ends[0]);
  if (failed) throw machine_error("cannot start itself: " + errno_text(failed), "/proc/self/exe", "mount /proc");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (times.done > 0 && status == 0) return times;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;  // it has said why on standard error
  const bool known = code == static_cast<int>(Exit::kUsage) || code == static_cast<int>(Exit::kData);
  throw Error(known ? static_cast<Exit>(code) : Exit::kMachine, "no first step", "bench start", "see the child's message above");
}

void bench_start(Options o) {
  if (o.name.empty() == o.recipe.empty())
    throw usage_error(o.name.empty() ? "nothing to start" : "two things to start", "command line", "give --case NAME or --recipe FILE");
  if (o.threads == 0) o.threads = available_cpus();
  if (o.child) return o.name.empty() ? first_step_of_recipe(o) : first_step_of_case(o);

  const std::string what = o.name.empty() ? o.recipe : bench_case(o.name).name;
  const std::vector<std::string> command = {
      "warmstart", "bench", "start", "--child", o.name.empty() ? "--recipe" : "--case", what, "--threads", std::to_string(o.threads)};
  time_start(command);  // files are in memory afterwards, and a missing dataset is collected
  std::vector<double> ready, done;
  for (int i = 0; i < o.rounds; ++i) {
    const StartTimes t = time_start(command);
    ready.push_back(t.ready), done.push_back(t.done);
  }
  const Spread r = spread_of(ready), s = spread_of(done);
  if (o.json)
    fmt::print("{}\n", nlohmann::ordered_json{{o.name.empty() ? "recipe" : "case", what},
                                              {"threads", o.threads},
                                              {"rounds", o.rounds},
                                              {"ready_seconds", r.median},
                                              {"ready_spread", {r.low, r.high}},
                                              {"seconds", s.median},
                                              {"seconds_spread", {s.low, s.high}}}
                           .dump());
  else
    fmt::print("{}: first step begun {:.3f} s after the start (10-90%: {:.3f}-{:.3f}), done after {:.3f} s ({:.3f}-{:.3f})\n", what,
               r.median, r.low, r.high, s.median, s.low, s.high);
}

}  // namespace

void add_bench_start(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      bench.add_subcommand("start", "Time from the start of the program to the beginning and the end of the first training step");
  verb->add_option("--case", o->name, "One of `warmstart bench list`, on synthetic data");
  as_path(verb->add_option("--recipe", o->recipe, "Recipe file: its pre-training, dataset included"));
  verb->add_option("--threads", o->threads, "Threads (default: all CPUs)")->check(CLI::Range(1, 1024));
  verb->add_option("--rounds", o->rounds, "Starts to time; the median counts")->check(CLI::Range(1, 100'000))->capture_default_str();
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->add_flag("--child", o->child)->group("");  // the process that is timed
  verb->callback([o] { bench_start(*o); });
}

}  // namespace warmstart
