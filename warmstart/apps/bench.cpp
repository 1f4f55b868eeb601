// `warmstart bench`: how long one learning step takes, and which share of this machine's peak that is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "warmstart/apps/bench_cases.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/core/threads.h"
#include "warmstart/nn/cpu/kernels.h"

namespace warmstart {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string name, recipe, phase;
  int threads = 0, rounds = 0;
  bool json = false;
};

struct Measured {
  BenchCase what;
  int threads = 0;
  double ms = 0, gflop = 0, peak = 0;
  double gflops() const { return gflop / ms * 1e3; }
};

// Multiply-add peak of `threads` threads that all run at once.
double fma_peak(int threads) {
  std::vector<double> each(threads);
  std::atomic<int> ready{0};
  std::vector<std::thread> team;
  for (int i = 0; i < threads; ++i)
    team.emplace_back([&, i] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      each[i] = cpu::kernels().fma_peak();
    });
  for (auto& t : team) t.join();
  double sum = 0;
  for (double x : each) sum += x;
  return sum;
}

Measured measure(const BenchCase& c, const Options& o) {
  constexpr int kWarm = 3, kRounds = 7;
  constexpr double kSeconds = 3;
  const int threads = o.threads > 0 ? o.threads : available_cpus();
  verify_bench_case(c, threads);

  const auto backend = make_cpu_backend(threads);
  const auto agent = make_bench_agent(c, *backend);
  BatchStorage batch;
  fill_synthetic(batch, c);
  Rng rng(4, "bench noise");
  RandomNoise noise(rng);
  for (int i = 0; i < kWarm; ++i) agent->update(batch.view(true), c.utd, noise);

  double peak = fma_peak(threads);
  std::vector<double> ms;
  const auto start = Clock::now();
  const auto more = [&] {
    if (o.rounds > 0) return static_cast<int>(ms.size()) < o.rounds;
    return ms.size() < kRounds || std::chrono::duration<double>(Clock::now() - start).count() < kSeconds;
  };
  while (more()) {
    const auto began = Clock::now();
    agent->update(batch.view(true), c.utd, noise);
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  peak = std::max(peak, fma_peak(threads));  // once more: the clock may have risen
  std::nth_element(ms.begin(), ms.begin() + static_cast<std::ptrdiff_t>(ms.size() / 2), ms.end());
  return {c, threads, ms[ms.size() / 2], gflop_needed(c), peak};
}

nlohmann::ordered_json as_json(const Measured& m) {
  return {{"case", m.what.name},     {"threads", m.threads}, {"precision", "fp32"},      {"ms_per_step", m.ms},
          {"gflop_needed", m.gflop}, {"gflops", m.gflops()}, {"fma_peak_gflops", m.peak}};
}

void head() {
  fmt::print("{:<16} {:>7} {:>9} {:>9} {:>9} {:>7} {:>7} | {:>9} {:>7} {:>7} | {:>9} {:>7} {:>7}\n", "case", "threads", "ms/step", "GFLOP",
             "GFLOP/s", "peak", "share", "pinned ms", "ratio", "scaled", "newest ms", "ratio", "scaled");
}

void row(const Measured& m) {
  fmt::print("{:<16} {:>7} {:>9.2f} {:>9.2f} {:>9.1f} {:>7.1f} {:>6.1f}%", m.what.name, m.threads, m.ms, m.gflop, m.gflops(), m.peak,
             100 * m.gflops() / m.peak);
  for (const double reference : {m.what.reference_pinned_ms, m.what.reference_newest_ms}) {
    if (reference > 0)
      fmt::print(" | {:>9.0f} {:>6.1f}x {:>6.1f}x", reference, reference / m.ms, reference * kReferencePeak / m.peak / m.ms);
    else fmt::print(" | {:>9} {:>7} {:>7}", "-", "-", "-");
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void foot() {
  fmt::print(
      "\nGFLOP: matrix products that the step needs (2 per multiply-add). peak: multiply-adds measured here, in this run, on the same "
      "threads at\n"
      "once. pinned, newest: the reference implementation with the jax it pins (0.4.20) and with jax 0.10.2, reference figure on another "
      "machine\n"
      "(Zen 5, {:.0f} GFLOP/s peak). ratio: that time over ours. scaled: the same after stretching it by {:.0f} / the peak measured "
      "here.\n",
      kReferencePeak, kReferencePeak);
}

BenchCase chosen(const Options& o) {
  if (!o.name.empty() && !o.recipe.empty()) throw usage_error("two things to time", "options --case and --recipe", "give one of them");
  if (!o.name.empty()) return bench_case(o.name);
  if (o.recipe.empty()) throw usage_error("nothing to time", "command line", "give --case NAME or --recipe FILE --phase offline|online");
  if (o.phase != "offline" && o.phase != "online")
    throw usage_error("no phase \"" + o.phase + "\"", "option --phase", "give --phase offline or --phase online with a recipe");
  return bench_case_of(load_recipe(o.recipe), o.phase);
}

void bench_step(const Options& o) {
  const Measured m = measure(chosen(o), o);
  if (o.json) {
    fmt::print("{}\n", as_json(m).dump());
    return;
  }
  head();
  row(m);
  foot();
}

void bench_all(const Options& o) {
  if (!o.json) head();
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const BenchCase& c : bench_cases()) {
    const Measured m = measure(c, o);
    if (o.json) all.push_back(as_json(m));
    else row(m);
  }
  if (o.json) fmt::print("{}\n", all.dump(2));
  else foot();
}

void add_common(CLI::App& app, Options& o) {
  app.add_option("--threads", o.threads, "Threads (default: all CPUs)")->check(CLI::Range(1, 1024));
  app.add_option("--rounds", o.rounds, "Steps to time; the median counts (default: at least 7, and 3 s)")->check(CLI::Range(1, 1'000'000));
  app.add_flag("--json", o.json, "JSON instead of a table");
}

}  // namespace

void add_bench(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("bench", "Time learning steps on synthetic data, after checking them against the reference backend");
  verb->require_subcommand(0, 1);
  add_common(*verb, *o);
  CLI::App* step = verb->add_subcommand("step", "Time one case, or one step of a recipe");
  std::vector<std::string> names;
  for (const BenchCase& c : bench_cases()) names.push_back(c.name);
  step->add_option("--case", o->name, "One of " + join(names));
  step->add_option("--recipe", o->recipe, "Recipe file instead of a case");
  step->add_option("--phase", o->phase, "Which step of the recipe: offline or online");
  add_common(*step, *o);
  verb->callback([o, step] { step->parsed() ? bench_step(*o) : bench_all(*o); });
}

}  // namespace warmstart
