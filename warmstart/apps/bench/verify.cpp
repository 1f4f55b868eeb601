// A time means something only for the right result: every case is checked against the reference backend before it is timed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/apps/bench/cases.h"
#include "warmstart/core/error.h"

namespace warmstart {
namespace {

// |a - b| relative to |b - origin|, over whole arrays: single entries near zero say nothing.
struct RelativeError {
  double difference = 0, size = 0;
  RelativeError& add(std::span<const float> a, std::span<const float> b, std::span<const float> origin) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
      size += std::pow(static_cast<double>(b[i]) - (origin.empty() ? 0.0f : origin[i]), 2);
    }
    return *this;
  }
  double value() const { return difference == 0 ? 0 : std::sqrt(difference / std::max(size, 1e-30)); }
};

}  // namespace

void verify_bench_case(const BenchCase& full, int threads, Precision precision) {
  BenchCase c = full;
  std::fill(c.network.critic_hidden.begin(), c.network.critic_hidden.end(), 16);
  std::fill(c.network.actor_hidden.begin(), c.network.actor_hidden.end(), 16);
  c.batch = 8;
  const auto cpu = make_cpu_backend(threads, precision), reference = make_reference_backend();
  const auto ours = make_bench_agent(c, *cpu), theirs = make_bench_agent(c, *reference), before = make_bench_agent(c, *reference);
  BatchStorage batch;
  fill_synthetic(batch, c);
  const auto update = [&](Agent& agent) {
    Rng rng(3, "bench noise");
    RandomNoise noise(rng);
    return agent.update(batch.view(true), c.utd, noise);
  };
  // bf16 rounds each operand by up to 2^-9, so a single tensor of small gradients, and with it Adam's steps, may be anything
  const bool bf16 = precision != Precision::kFp32;
  UpdateStats a = update(*ours), b = update(*theirs);

  const auto refuse = [&](const std::string& what, double error) {
    throw machine_error(fmt::format("{} of the fast backend differs from the reference's by {:.2g}", what, error),
                        "bench case " + full.name, "its time would mean nothing; please report this with the CPU model");
  };
  std::vector<double> expected;
  b.visit([&](const char*, double value) { expected.push_back(value); });
  std::size_t i = 0;
  a.visit([&](const char* name, double value) {
    const double want = expected[i++], error = std::abs(value - want) / std::max(1.0, std::abs(want));
    if (std::isnan(value) != std::isnan(want) || error > (bf16 ? 2e-2 : 1e-3)) refuse(name, error);
  });
  RelativeError gradients;
  auto got = ours->state().arrays(), want = theirs->state().arrays(), origin = before->state().arrays();
  for (std::size_t k = 0; k < got.size(); ++k) {
    // Adam divides by the gradient's size, so that rounding in a tiny gradient can turn a whole step around
    const bool moment = got[k].name.rfind("adam", 0) == 0;
    if (got[k].name.rfind("adam_m", 0) == 0) gradients.add(got[k].values, want[k].values, origin[k].values);
    if (bf16) continue;
    const double error = RelativeError().add(got[k].values, want[k].values, origin[k].values).value();
    if (!(error < (moment ? 1e-2 : 0.1))) refuse(got[k].name, error);
  }
  if (!(gradients.value() < 0.2)) refuse("the gradient", gradients.value());
}

}  // namespace warmstart
