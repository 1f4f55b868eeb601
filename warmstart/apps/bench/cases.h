// The learning steps that `warmstart bench` times, and the arithmetic each needs.
#pragma once
#include <string>
#include <vector>

#include "warmstart/phases/recipe.h"

namespace warmstart {

/// One update of one agent: an online environment step's learning, or one offline gradient step.
struct BenchCase {
  std::string name, summary;
  int obs = 0, action = 0;
  std::string agent = "sac";       ///< a name of the registry
  int batch = 256, utd = 4;        ///< rows per slice, slices
  std::string precision = "fp32";  ///< as run.precision
  NetworkConfig network;
  AgentSettings settings;
  // medians on 2 cores of a Zen 5 with 546 GFLOP/s, ms, 0 = not known: the reference implementation with the jax it pins
  // (0.4.20) and with 0.10.2; rl-garden with torch 2.15, the better of eager and compiled
  double reference_pinned_ms = 0, reference_newest_ms = 0, torch_ms = 0;
};

inline constexpr double kReferencePeak = 546;  ///< GFLOP/s of the machine of the reference figures

/// The sizes of the reference implementation's presets.
const std::vector<BenchCase>& bench_cases();
/// Throws Error(kUsage) with the nearest name when unknown.
const BenchCase& bench_case(const std::string& name);
/// What one step of a recipe's phase does; `phase` is "offline" or "online".
BenchCase bench_case_of(const Recipe& recipe, const std::string& phase);

/// GFLOP of the matrix products that one update needs, a multiply-add counting 2. The formula stands in bench_cases.cpp.
double gflop_needed(const BenchCase& c);

/// Fresh networks of the case's sizes, and their learner. `backend` must outlive it.
std::unique_ptr<Agent> make_bench_agent(const BenchCase& c, Backend& backend);

/// Does one update on a shrunken net with both backends and compares gradients, losses and movements.
/// Throws Error(kMachine) naming what differs.
void verify_bench_case(const BenchCase& c, int threads, Precision precision = Precision::kFp32);

/// One update's rows: standard normal observations, rewards and returns, actions inside the box.
void fill_synthetic(BatchStorage& batch, const BenchCase& c);

}  // namespace warmstart
