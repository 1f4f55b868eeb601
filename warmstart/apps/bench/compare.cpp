// `bench --compare OLD.json`: did a case become slower? Shares of the peak are compared, since the machine's own speed changes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/nn/cpu/kernels.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kTolerance = 1.10;
constexpr int kReruns = 2;

/// A case of the earlier output.
struct Earlier {
  std::string name, isa, precision;
  Precision used = Precision::kFp32;
  int threads = 0;
  double ms = 0;
  Spread share;
};

/// What the case's latest measurement says against the earlier one.
struct Verdict {
  double at_equal_peak = 0, raw = 0;  ///< time over the earlier time: stretched by the peaks, and as the clock saw it
  bool slower = false;
};

std::vector<Earlier> read_earlier(const std::string& file) {
  const std::string again = "write a new one with `warmstart bench --json > FILE`";
  const Json all = Json::parse(read_text(file), nullptr, false);
  if (!all.is_array() || all.empty()) throw data_error("not an output of `warmstart bench --json`", file, again);
  std::vector<Earlier> rows;
  for (const Json& row : all) {
    const std::string which = row.is_object() ? row.value("case", "?") : "?";
    if (!row.contains("share_spread")) throw data_error("case " + which + " has no spread: made by an older warmstart", file, again);
    try {
      const auto spread = row.at("share_spread").get<std::pair<double, double>>();
      rows.push_back({row.at("case"),
                      row.at("isa"),
                      row.value("precision", "fp32"),
                      {},
                      row.at("threads"),
                      row.at("ms_per_step"),
                      {row.at("share_of_peak"), spread.first, spread.second}});
    } catch (const Json::exception& e) {
      throw data_error("case " + which + ": " + e.what(), file, again);
    }
    if (!(rows.back().ms > 0 && rows.back().share.median > 0 && rows.back().threads > 0))
      throw data_error("case " + which + " has times that cannot be", file, again);
    const PrecisionChoice choice = choose_precision(rows.back().precision == "fp32" ? "fp32" : "bf16");
    if (precision_name(choice.precision) != rows.back().precision)
      throw usage_error(fmt::format("case {} was timed in {}, which is not what this machine does", which, rows.back().precision), file,
                        choice.note.empty() ? "set WARMSTART_BF16=emulate" : choice.note);
    rows.back().used = choice.precision;
    bench_case(which);  // an unknown name shows before the first case is timed
  }
  return rows;
}

// Slower only beyond the tolerance, and when neither median lies within the other's spread.
Verdict judge(const Earlier& before, const StepTimes& now) {
  Verdict v{before.share.median / now.share_of_peak(), now.ms.median / before.ms};
  v.slower = v.at_equal_peak > kTolerance && now.share_of_peak() < before.share.low && now.share.high < before.share.median;
  return v;
}

void row(const Earlier& before, const StepTimes& now, const Verdict& v, int runs) {
  const std::string said = v.slower   ? fmt::format("SLOWER, {} runs of {}", runs, runs)
                           : runs > 1 ? fmt::format("no, in run {}", runs)
                                      : "no";
  fmt::print("{:<16} {:>7} {:>9.2f} {:>9.2f} {:>6.2f}x {:>6.1f}% {:>6.1f}% {:>8.2f}x  {}\n", before.name, before.threads, before.ms,
             now.ms.median, v.raw, 100 * before.share.median, 100 * now.share_of_peak(), v.at_equal_peak, said);
  std::fflush(stdout);
}

}  // namespace

void bench_compare(const BenchOptions& o) {
  if (!o.precision.empty())
    throw usage_error("the earlier output says the precision", "options --compare and --precision", "give one of them");
  const std::vector<Earlier> earlier = read_earlier(o.compare);
  if (!o.json)
    fmt::print("{:<16} {:>7} {:>9} {:>9} {:>7} {:>7} {:>7} {:>9}  {}\n", "case", "threads", "old ms", "new ms", "time", "old", "new",
               "equal peak", "slower?");
  Json out = Json::array();
  std::vector<std::string> slower;
  for (const Earlier& before : earlier) {
    if (before.isa != cpu::kernels().isa) fmt::print(stderr, "note: {} was timed with kernels for {}\n", before.name, before.isa);
    std::optional<StepTimes> now;
    Verdict verdict;
    int runs = 0;
    do {  // a machine that was busy for a moment must not look like a regression
      now = time_steps(bench_case(before.name), before.threads, o.rounds, before.used);
      verdict = judge(before, *now);
    } while (verdict.slower && ++runs <= kReruns);
    runs = std::min(runs, kReruns) + 1;
    if (verdict.slower) slower.push_back(before.name);
    if (o.json) {
      Json entry = as_json(*now);
      entry["old_ms_per_step"] = before.ms, entry["old_share_of_peak"] = before.share.median;
      entry["time_ratio"] = verdict.raw, entry["time_ratio_at_equal_peak"] = verdict.at_equal_peak;
      entry["runs"] = runs, entry["slower"] = verdict.slower;
      out.push_back(entry);
    } else row(before, *now, verdict, runs);
  }
  if (o.json) fmt::print("{}\n", out.dump(2));
  else
    fmt::print(
        "\nold, new: share of the peak measured beside the steps. time: new over old as the clock saw it. equal peak: the same if the\n"
        "peak had not changed. slower: more than {:.0f}% at equal peak and outside both spreads, in each of {} runs.\n",
        100 * (kTolerance - 1), 1 + kReruns);
  std::fflush(stdout);
  if (!slower.empty())
    throw Error(Exit::kDiverged, "slower than before: " + join(slower), o.compare,
                "compare the versions with a profiler, or write a new file");
}

}  // namespace warmstart
