// `bench memory`: what a long fine-tuning run takes, learner and full buffer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/core/error.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

struct Options {
  std::string name = "wsrl-antmaze";  // obs 29, action 8
  std::int64_t transitions = 2'000'000;
  int threads = 0;
  bool json = false;
};

/// A line of this process's status file, in bytes: "VmHWM" is the peak of its resident memory, "VmRSS" what it has now.
double status_bytes(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":")) return 1024 * std::stod(line.substr(key.size() + 1));
  throw machine_error("no line " + key, "/proc/self/status", "mount /proc");
}

// Episodes of 1000 steps; rows repeat from a small table, since only their number matters here.
void fill(ReplayBuffer& buffer, std::int64_t transitions) {
  constexpr int kTable = 1009, kEpisode = 1000;
  const auto obs_size = static_cast<std::size_t>(buffer.obs_size()), action_size = static_cast<std::size_t>(buffer.action_size());
  Rng rng(8, "bench transitions");
  std::vector<float> obs(kTable * obs_size), action(action_size, 0.5f);
  rng.fill_normal(obs);
  const auto obs_at = [&](std::int64_t i) {
    return std::span<const float>(obs).subspan(static_cast<std::size_t>(i % kTable) * obs_size, obs_size);
  };
  for (std::int64_t i = 0, row = 0; i < transitions; ++i, ++row) {
    if (i % kEpisode == 0) row += 7;  // a reset: this observation ends no transition
    buffer.add(obs_at(row), action, -1, 1, obs_at(row + 1));
  }
}

void bench_memory(const Options& o) {
  const BenchCase& c = bench_case(o.name);
  const auto backend = make_cpu_backend(o.threads > 0 ? o.threads : available_cpus());
  const auto agent = make_bench_agent(c, *backend);
  BatchStorage batch;
  batch.resize(c.batch * c.utd, c.obs, c.action);
  Rng rng(4, "bench noise"), data_rng(9, "bench rows");
  RandomNoise noise(rng);
  ReplayBuffer buffer(static_cast<std::size_t>(o.transitions), c.obs, c.action);
  const auto learn = [&] {
    buffer.sample(data_rng, batch, 0, c.batch * c.utd);
    agent->update(batch.view(false), c.utd, noise);
  };

  fill(buffer, 1);
  learn();
  const double learner = status_bytes("VmRSS");
  fill(buffer, o.transitions);
  for (int i = 0; i < 3; ++i) learn();
  const double peak = status_bytes("VmHWM");

  if (o.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"case", c.name},
                                              {"obs", c.obs},
                                              {"action", c.action},
                                              {"transitions", buffer.size()},
                                              {"buffer_bytes", buffer.bytes()},
                                              {"learner_rss_bytes", learner},
                                              {"peak_rss_bytes", peak}}
                           .dump());
  else
    fmt::print("{} transitions of obs {}, action {}: peak {:.3f} GB of resident memory, {:.3f} GB of it before the buffer filled\n",
               buffer.size(), c.obs, c.action, 1e-9 * peak, 1e-9 * learner);
}

}  // namespace

void add_bench_memory(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = bench.add_subcommand("memory", "Peak resident memory of a learner with a full replay buffer");
  verb->add_option("--case", o->name, "An online case of `warmstart bench list`")->capture_default_str();
  verb->add_option("--transitions", o->transitions, "Rows of the buffer")->check(CLI::Range(1, 1'000'000'000))->capture_default_str();
  verb->add_option("--threads", o->threads, "Threads (default: all CPUs)")->check(CLI::Range(1, 1024));
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->callback([o] { bench_memory(*o); });
}

}  // namespace warmstart
