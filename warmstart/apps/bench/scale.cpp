// `bench scale`: what more cores would bring, predicted from the tasks of a step as one thread runs them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/bench/bench.h"

namespace warmstart {
namespace {

struct StepLoops {
  LoopTimes loops;
  double seconds = 0;  // the whole step, with what runs between the loops
};

// Workers take tasks in index order, each the next one when it is free, as the thread team does.
double makespan(const std::vector<double>& tasks, int workers) {
  std::vector<double> free(static_cast<std::size_t>(workers), 0.0);
  for (const double seconds : tasks) *std::min_element(free.begin(), free.end()) += seconds;
  return *std::max_element(free.begin(), free.end());
}

double predicted(const StepLoops& step, int workers) {
  constexpr double kFork = 5e-6;  // seconds to hand a loop to the other threads and to wait for the last of them
  double serial = step.seconds, parallel = 0;
  for (const auto& tasks : step.loops) {
    for (const double seconds : tasks) serial -= seconds;
    parallel += makespan(tasks, workers) + (workers > 1 ? kFork : 0);
  }
  return serial + parallel;
}

// One thread's step of median length.
StepLoops traced(const BenchCase& c, int rounds) {
  const auto backend = make_cpu_backend(1);
  const auto agent = make_bench_agent(c, *backend);
  BatchStorage batch;
  fill_synthetic(batch, c);
  Rng rng(4, "bench noise");
  RandomNoise noise(rng);
  std::vector<StepLoops> steps;
  for (int i = 0; i < rounds + 2; ++i) {
    StepLoops step;
    record_loops(&step.loops);
    const auto began = BenchClock::now();
    agent->update(batch.view(true), c.utd, noise);
    step.seconds = seconds_since(began);
    record_loops(nullptr);
    if (i >= 2) steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(), [](const StepLoops& a, const StepLoops& b) { return a.seconds < b.seconds; });
  return steps[steps.size() / 2];
}

void bench_scale(const BenchOptions& o) {
  const int rounds = o.rounds > 0 ? o.rounds : 5;
  const std::vector<int> threads = {1, 2, 4, 8, 16, 32, 64};
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  if (!o.json) fmt::print("speed-up over one thread, predicted\n{:<16} {:>8} {}\n", "case", "ms, 1", "threads: 2, 4, 8, 16, 32, 64");
  for (const BenchCase& c : bench_cases()) {
    if (!o.name.empty() && c.name != o.name) continue;
    const StepLoops step = traced(c, rounds);
    nlohmann::ordered_json row = {{"case", c.name}, {"ms_one_thread", 1e3 * step.seconds}, {"loops", step.loops.size()}};
    std::string text;
    for (const int t : threads) {
      const double speedup = step.seconds / predicted(step, t);
      row["speedup"][std::to_string(t)] = speedup;
      if (t > 1) text += fmt::format("{:>7.1f}x", speedup);
    }
    all.push_back(row);
    if (!o.json) fmt::print("{:<16} {:>8.1f} {}\n", c.name, 1e3 * step.seconds, text);
    std::fflush(stdout);
  }
  if (o.json) fmt::print("{}\n", all.dump(2));
  else
    fmt::print(
        "\nA prediction: the tasks of one thread's step, dealt out as the thread team deals them, 5 us for each of its loops. What\n"
        "shared caches and memory do to many cores is not in it.\n");
}

}  // namespace

void add_bench_scale(CLI::App& bench) {
  auto o = std::make_shared<BenchOptions>();
  CLI::App* verb = bench.add_subcommand("scale", "Predict the speed on 2 to 64 cores from the tasks of one thread's step");
  verb->add_option("--case", o->name, "One case of `warmstart bench list` (default: all)");
  verb->add_option("--rounds", o->rounds, "Steps to trace; the median counts (default: 5)")->check(CLI::Range(1, 1'000'000));
  verb->add_flag("--json", o->json, "JSON instead of a table");
  verb->callback([o] {
    if (!o->name.empty()) bench_case(o->name);
    bench_scale(*o);
  });
}

}  // namespace warmstart
