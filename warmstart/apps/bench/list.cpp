// `bench list`: every case with all that decides what its step computes, so that a peer can do the same.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/bench/bench.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

// Keys and values as a recipe has them; what JSON cannot write (nan, inf) is null.
void put_settings(Json& out, const Fields& fields) {
  for (const Field& f : fields.list()) {
    Json value = Json::parse(f.toml(), nullptr, false);
    out[f.key] = value.is_discarded() ? Json() : value;
  }
}

Json as_json(BenchCase c) {
  Json settings = Json::object();
  put_settings(settings, c.network.fields());
  put_settings(settings, c.settings.agent.fields());
  if (c.agent == "cql" || c.agent == "calql") put_settings(settings, c.settings.cql.fields());
  const auto known = [](double ms) { return ms > 0 ? Json(ms) : Json(); };
  return {{"case", c.name},
          {"summary", c.summary},
          {"agent", c.agent},
          {"obs", c.obs},
          {"action", c.action},
          {"critic_hidden", c.network.critic_hidden},
          {"actor_hidden", c.network.actor_hidden},
          {"std_head", c.network.std_head},
          {"members", c.network.num_qs},
          {"batch", c.batch},
          {"utd", c.utd},
          {"gflop_needed", gflop_needed(c)},
          {"elsewhere",
           {{"peak_gflops", kReferencePeak},
            {"reference_pinned_ms", known(c.reference_pinned_ms)},
            {"reference_newest_ms", known(c.reference_newest_ms)},
            {"torch_ms", known(c.torch_ms)}}},
          {"settings", settings}};
}

void bench_list(bool json) {
  if (json) {
    Json all = Json::array();
    for (const BenchCase& c : bench_cases()) all.push_back(as_json(c));
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{:<16} {:>4} {:>6} {:>7} {:<16} {:<12} {:>5} {:>4} {:>7}  {}\n", "case", "obs", "action", "critics", "critic", "actor",
             "batch", "utd", "GFLOP", "step");
  for (const BenchCase& c : bench_cases())
    fmt::print("{:<16} {:>4} {:>6} {:>7} {:<16} {:<12} {:>5} {:>4} {:>7.2f}  {}\n", c.name, c.obs, c.action, c.network.num_qs,
               fmt::format("{}", fmt::join(c.network.critic_hidden, "x")), fmt::format("{}", fmt::join(c.network.actor_hidden, "x")),
               c.batch, c.utd, gflop_needed(c), c.summary);
}

}  // namespace

void add_bench_list(CLI::App& bench) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = bench.add_subcommand("list", "The cases: sizes, settings and needed arithmetic");
  verb->add_flag("--json", *json, "JSON with all settings");
  verb->callback([json] { bench_list(*json); });
}

}  // namespace warmstart
