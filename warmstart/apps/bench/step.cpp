// One learning step beside the machine's peak, measured in turns.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/nn/cpu/kernels.h"

namespace warmstart {

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.5), quantile(values, 0.1), quantile(values, 0.9)};
}

double PeakMeter::sample(int samples) {
  const int threads = team_.size();
  std::vector<double> each(threads);
  std::atomic<int> ready{0};
  team_.for_each(threads, [&](int i, int) {
    ++ready;
    while (ready < threads) std::this_thread::yield();  // nobody takes a second task, nobody runs alone
    each[i] = cpu::kernels().fma_peak(samples);
  });
  double sum = 0;
  for (double x : each) sum += x;
  return sum;
}

namespace {

/// How often other programs have taken a core from this one so far.
long preemptions() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

StepTimes time_steps(const BenchCase& c, int threads, int rounds, Precision precision) {
  constexpr int kWarm = 3, kRounds = 7;
  constexpr double kSeconds = 3;
  verify_bench_case(c, threads, precision);

  const auto backend = make_cpu_backend(threads, precision);
  const auto agent = make_bench_agent(c, *backend);
  BatchStorage batch;
  fill_synthetic(batch, c);
  Rng rng(4, "bench noise");
  RandomNoise noise(rng);
  PeakMeter meter(threads);
  for (int i = 0; i < kWarm; ++i) agent->update(batch.view(true), c.utd, noise);
  meter.sample(20);  // lets the clock settle

  std::vector<double> ms, peak, share;
  const double gflop = gflop_needed(c);
  double seconds = 0;
  long taken = 0;
  const auto start = BenchClock::now();
  const auto more = [&] {
    if (rounds > 0) return static_cast<int>(ms.size()) < rounds;
    return ms.size() < kRounds || seconds_since(start) < kSeconds;
  };
  while (more()) {
    peak.push_back(meter.sample());
    const long taken_before = preemptions();
    const auto began = BenchClock::now();
    agent->update(batch.view(true), c.utd, noise);
    ms.push_back(1e3 * seconds_since(began));
    seconds += 1e-3 * ms.back(), taken += preemptions() - taken_before;
    share.push_back(gflop / ms.back() * 1e3 / peak.back());
  }
  StepTimes t{c,
              precision,
              threads,
              static_cast<int>(ms.size()),
              gflop,
              spread_of(ms),
              spread_of(peak),
              *std::max_element(peak.begin(), peak.end()),
              spread_of(share)};
  t.preempted = static_cast<double>(taken) / seconds;
  if (t.preempted > 100)
    fmt::print(stderr, "note: other programs took a core from {} {:.0f} times a second; its time says little\n", c.name, t.preempted);
  return t;
}

nlohmann::ordered_json as_json(const StepTimes& t) {
  return {{"case", t.what.name},
          {"threads", t.threads},
          {"precision", precision_name(t.precision)},
          {"ms_per_step", t.ms.median},
          {"gflop_needed", t.gflop},
          {"gflops", t.gflops()},
          {"fma_peak_gflops", t.peak.median},
          {"fma_peak_max_gflops", t.peak_max},
          {"share_of_peak", t.share_of_peak()},
          {"ms_spread", {t.ms.low, t.ms.high}},
          {"fma_peak_spread", {t.peak.low, t.peak.high}},
          {"share_spread", {t.share.low, t.share.high}},
          {"rounds", t.rounds},
          {"preempted_per_s", t.preempted},
          {"isa", cpu::kernels().isa}};
}

BenchCase chosen_case(const BenchOptions& o) {
  if (!o.name.empty() && !o.recipe.empty()) throw usage_error("two things to time", "options --case and --recipe", "give one of them");
  if (!o.name.empty()) return bench_case(o.name);
  if (o.recipe.empty()) throw usage_error("nothing to time", "command line", "give --case NAME or --recipe FILE --phase offline|online");
  if (o.phase != "offline" && o.phase != "online")
    throw usage_error("no phase \"" + o.phase + "\"", "option --phase", "give --phase offline or --phase online with a recipe");
  return bench_case_of(read_named_recipe(o.recipe), o.phase);
}

void add_timing_options(CLI::App& app, BenchOptions& o, const std::string& what) {
  app.add_option("--threads", o.threads, "Threads (default: all CPUs)")->check(CLI::Range(1, 1024));
  app.add_option("--rounds", o.rounds, what)->check(CLI::Range(1, 1'000'000));
  app.add_flag("--json", o.json, "JSON instead of text");
}

void add_precision_option(CLI::App& app, BenchOptions& o) {
  app.add_option("--precision", o.precision, "fp32 or bf16 (default: fp32, or what a recipe says); `warmstart explain run.precision`");
}

Precision bench_precision(const std::string& wish) {
  const PrecisionChoice choice = choose_precision(wish);
  if (!choice.note.empty()) fmt::print(stderr, "note: {}\n", choice.note);
  return choice.precision;
}

void add_case_options(CLI::App& app, BenchOptions& o) {
  std::vector<std::string> names;
  for (const BenchCase& c : bench_cases()) names.push_back(c.name);
  app.add_option("--case", o.name, "One of " + join(names));
  as_path(app.add_option("--recipe", o.recipe, "Recipe file instead of a case"));
  app.add_option("--phase", o.phase, "Which step of the recipe: offline or online");
}

}  // namespace warmstart
