// `bench act`: what a control loop waits for, one observation to one action.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/agents/policy.h"
#include "warmstart/apps/bench/bench.h"

namespace warmstart {
namespace {

struct Options {
  std::string name = "wsrl-adroit";  // 512x2 with both heads: the widest action of the presets
  int calls = 50'000;
  bool json = false;
};

struct Microseconds {
  double p50 = 0, p99 = 0;
};

Microseconds summary(std::vector<double> us) {
  std::sort(us.begin(), us.end());
  return {quantile(us, 0.5), quantile(us, 0.99)};
}

void bench_act(const Options& o) {
  const BenchCase& c = bench_case(o.name);
  const auto backend = make_cpu_backend(1);
  Policy policy(std::make_shared<Actor>(make_bench_agent(c, *backend)->state().actor), Rng(5, "bench act"));

  constexpr int kObservations = 64, kWarm = 500;
  Rng rng(6, "bench observations");
  std::vector<float> obs(static_cast<std::size_t>(kObservations) * c.obs), action(c.action);
  rng.fill_normal(obs);
  const auto one = [&](int call, bool deterministic) {
    const auto began = BenchClock::now();
    policy.act({obs.data() + static_cast<std::size_t>(call % kObservations) * c.obs, static_cast<std::size_t>(c.obs)}, deterministic,
               action);
    return 1e6 * seconds_since(began);
  };
  std::vector<double> modes, samples;
  modes.reserve(o.calls), samples.reserve(o.calls);
  for (int i = 0; i < kWarm + o.calls; ++i) {
    const double mode = one(i, true), sample = one(i, false);
    if (i >= kWarm) modes.push_back(mode), samples.push_back(sample);
  }

  const Microseconds mode = summary(modes), sample = summary(samples);
  if (o.json) {
    const auto numbers = [](const Microseconds& us) { return nlohmann::ordered_json{{"p50_us", us.p50}, {"p99_us", us.p99}}; };
    fmt::print("{}\n", nlohmann::ordered_json{{"case", c.name},
                                              {"obs", c.obs},
                                              {"action", c.action},
                                              {"actor_hidden", c.network.actor_hidden},
                                              {"std_head", c.network.std_head},
                                              {"calls", o.calls},
                                              {"deterministic", numbers(mode)},
                                              {"sampling", numbers(sample)}}
                           .dump());
    return;
  }
  fmt::print("actor of {}, one observation at a time, {} calls each, one thread\n", c.name, o.calls);
  fmt::print("deterministic  p50 {:6.1f} us  p99 {:6.1f} us\nsampling       p50 {:6.1f} us  p99 {:6.1f} us\n", mode.p50, mode.p99,
             sample.p50, sample.p99);
}

}  // namespace

void add_bench_act(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = bench.add_subcommand("act", "Time one observation to one action, deterministic and sampled");
  verb->add_option("--case", o->name, "The case whose actor acts")->capture_default_str();
  verb->add_option("--calls", o->calls, "Calls of each kind")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->callback([o] { bench_act(*o); });
}

}  // namespace warmstart
