// `warmstart bench`: how long one learning step takes, which share of this machine's peak that is, and what else is timed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"

namespace warmstart {
namespace {

void head() {
  fmt::print("{:<16} {:>7} {:>9} {:>15} {:>7} {:>8} {:>7} {:>7} {:>6} | {:>9} {:>6} {:>6} | {:>9} {:>6} {:>6}\n", "case", "threads",
             "ms/step", "10-90%", "GFLOP", "GFLOP/s", "peak", "max", "share", "pinned ms", "ratio", "scaled", "newest ms", "ratio",
             "scaled");
}

void row(const StepTimes& t) {
  fmt::print("{:<16} {:>7} {:>9.2f} {:>15} {:>7.2f} {:>8.1f} {:>7.1f} {:>7.1f} {:>5.1f}%", t.what.name, t.threads, t.ms.median,
             fmt::format("{:.1f}-{:.1f}", t.ms.low, t.ms.high), t.gflop, t.gflops(), t.peak.median, t.peak_max, 100 * t.share_of_peak());
  for (const double reference : {t.what.reference_pinned_ms, t.what.reference_newest_ms}) {
    if (reference > 0)
      fmt::print(" | {:>9.0f} {:>5.1f}x {:>5.1f}x", reference, reference / t.ms.median,
                 reference * kReferencePeak / t.peak.median / t.ms.median);
    else fmt::print(" | {:>9} {:>6} {:>6}", "-", "-", "-");
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void foot(Precision precision) {
  fmt::print(
      "\nMedians of rounds; each round takes a short sample of the multiply-add peak, on all threads at once, and times one step.\n"
      "10-90%: percentiles of the step's ms. GFLOP: matrix products that the step needs (2 per multiply-add). peak, max: median and\n"
      "maximum of the samples, GFLOP/s. share: of the median peak. pinned, newest: the reference implementation with the jax it pins\n"
      "(0.4.20) and with jax 0.10.2 on another machine (Zen 5, {:.0f} GFLOP/s peak). ratio: that time over ours. scaled: the same after\n"
      "stretching it by {:.0f} / the peak measured here. Products in {}.\n",
      kReferencePeak, kReferencePeak, precision_name(precision));
}

int threads_of(const BenchOptions& o) { return o.threads > 0 ? o.threads : available_cpus(); }

void bench_step(const BenchOptions& o) {
  const BenchCase c = chosen_case(o);
  const StepTimes t = time_steps(c, threads_of(o), o.rounds, bench_precision(o.precision.empty() ? c.precision : o.precision));
  if (o.json) {
    fmt::print("{}\n", as_json(t).dump());
    return;
  }
  head();
  row(t);
  foot(t.precision);
}

void bench_all(const BenchOptions& o) {
  const Precision precision = bench_precision(o.precision.empty() ? "fp32" : o.precision);
  if (!o.json) head();
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const BenchCase& c : bench_cases()) {
    const StepTimes t = time_steps(c, threads_of(o), o.rounds, precision);
    if (o.json) all.push_back(as_json(t));
    else row(t);
  }
  if (o.json) fmt::print("{}\n", all.dump(2));
  else foot(precision);
}

}  // namespace

void add_bench(CLI::App& app) {
  const std::string rounds = "Steps to time; the median counts (default: at least 7, and 3 s)";
  auto o = std::make_shared<BenchOptions>();
  CLI::App* verb = app.add_subcommand("bench", "Time learning steps on synthetic data, after checking them against the reference backend");
  verb->require_subcommand(0, 1);
  add_timing_options(*verb, *o, rounds);
  add_precision_option(*verb, *o);
  as_path(verb->add_option("--compare", o->compare,
                           "Earlier output of `bench --json`: times its cases again, on as many threads. A case that looks slower is timed "
                           "twice more; exit code 4 when one stays slower, by more than 10% of its share of the peak and outside both "
                           "spreads"));
  CLI::App* step = verb->add_subcommand("step", "Time one case, or one step of a recipe");
  add_case_options(*step, *o);
  add_timing_options(*step, *o, rounds);
  add_precision_option(*step, *o);
  step->callback([o] { bench_step(*o); });
  add_bench_list(*verb);
  add_bench_act(*verb);
  add_bench_env(*verb);
  add_bench_start(*verb);
  add_bench_memory(*verb);
  add_bench_scale(*verb);
  verb->callback([o, verb] {
    if (!verb->get_subcommands().empty()) return;
    o->compare.empty() ? bench_all(*o) : bench_compare(*o);
  });
}

}  // namespace warmstart
