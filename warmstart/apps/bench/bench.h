// What the files behind `warmstart bench` share: options, medians with their spread, and the timed step.
#pragma once
#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "warmstart/apps/bench/cases.h"
#include "warmstart/core/threads.h"

namespace CLI {
class App;
}

namespace warmstart {

using BenchClock = std::chrono::steady_clock;

inline double seconds_since(BenchClock::time_point began) { return std::chrono::duration<double>(BenchClock::now() - began).count(); }

/// Options of every part; 0 = the part's default.
struct BenchOptions {
  int threads = 0, rounds = 0;
  bool json = false;
  std::string name, recipe, phase;  ///< a case, or a recipe and its phase
  std::string precision;            ///< "fp32", "bf16", or "" for the recipe's, or the earlier output's
  std::string compare;              ///< earlier output of `bench --json`
};

/// Median, with the 10th and 90th percentile as spread.
struct Spread {
  double median = 0, low = 0, high = 0;
};
Spread spread_of(std::vector<double> values);
/// The value below which `share` of the (sorted, not empty) values lie.
double quantile(const std::vector<double>& sorted, double share);

/// Multiply-add peak, GFLOP/s, of threads that all run at once.
class PeakMeter {
 public:
  explicit PeakMeter(int threads) : team_(threads) {}
  double sample(int samples = 4);  ///< best of some 3 ms each: 10-20 ms fit beside every timed step

 private:
  ThreadTeam team_;
};

/// Rounds of one peak sample and one step each, so that a slow moment of the machine hits both.
struct StepTimes {
  BenchCase what;
  Precision precision = Precision::kFp32;
  int threads = 0, rounds = 0;
  double gflop = 0;      ///< needed by one step
  Spread ms;             ///< per step
  Spread peak;           ///< GFLOP/s
  double peak_max = 0;   ///< of all rounds: what the cores can do undisturbed
  Spread share;          ///< of its own round's peak
  double preempted = 0;  ///< times a second that another program took a core during the steps
  double gflops() const { return gflop / ms.median * 1e3; }
  double share_of_peak() const { return gflops() / peak.median; }
};
/// Checks the case against the reference backend, warms up, then times at least 7 rounds and 3 s, or `rounds`.
StepTimes time_steps(const BenchCase& c, int threads, int rounds, Precision precision);
nlohmann::ordered_json as_json(const StepTimes& t);

/// The case that --case or --recipe and --phase ask for; throws Error(kUsage) for neither or both.
BenchCase chosen_case(const BenchOptions& o);

/// Adds --threads, --rounds and --json; `what` says what a round times.
void add_timing_options(CLI::App& app, BenchOptions& o, const std::string& what);
/// Adds --precision.
void add_precision_option(CLI::App& app, BenchOptions& o);
/// What `wish` comes to here; prints on standard error when that is not all of it. Throws Error(kUsage) for an unknown one.
Precision bench_precision(const std::string& wish);
/// Adds --case, --recipe and --phase.
void add_case_options(CLI::App& app, BenchOptions& o);

/// Times the cases of an earlier output again; throws Error(kDiverged) when one became slower.
void bench_compare(const BenchOptions& o);

// One part of `bench` each: subcommand, options and callback.
void add_bench_list(CLI::App& bench);
void add_bench_act(CLI::App& bench);
void add_bench_env(CLI::App& bench);
void add_bench_start(CLI::App& bench);
void add_bench_memory(CLI::App& bench);
void add_bench_scale(CLI::App& bench);

}  // namespace warmstart
