// Statistics of studies against numbers of SciPy and NumPy (tests/oracle/record_statistics.py), and measures of hand-made curves.
#include "warmstart/studies/statistics.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "../support.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

using nlohmann::json;

const json& golden() {
  static const json all = json::parse(read_text(fs::path(WARMSTART_GOLDEN) / "studies/statistics.json"));
  return all;
}

TEST(Statistics, MeansAndQuantilesAreSciPys) {
  ASSERT_GE(golden()["samples"].size(), 9u);
  for (const json& s : golden()["samples"]) {
    const auto values = s["values"].get<std::vector<double>>();
    const Summary mine = summarise(values, 0.95, 100);
    EXPECT_EQ(mine.count, static_cast<int>(values.size()));
    EXPECT_NEAR(mine.mean, s["mean"].get<double>(), 1e-12 * 100);
    EXPECT_NEAR(mine.iqm, s["iqm"].get<double>(), 1e-12 * 100) << values.size() << " values";
    for (std::size_t i = 0; i < s["shares"].size(); ++i)
      EXPECT_NEAR(quantile(values, s["shares"][i]), s["quantiles"][i].get<double>(), 1e-12 * 100) << values.size() << " values";
  }
}

TEST(Statistics, IntervalOfGivenResamplesIsNumPys) {
  for (const json& s : golden()["intervals"]) {
    const auto [low, high] =
        percentile_interval(s["values"].get<std::vector<double>>(), s["indices"].get<std::vector<std::uint32_t>>(), s["coverage"]);
    EXPECT_NEAR(low, s["low"].get<double>(), 1e-10);
    EXPECT_NEAR(high, s["high"].get<double>(), 1e-10);
  }
}

// SciPy draws other resamples: the distance may be as large as between two of its own draws.
TEST(Statistics, BootstrapIsSciPysWithinItsOwnScatter) {
  for (const json& s : golden()["bootstrap"]) {
    const Summary mine = summarise(s["values"].get<std::vector<double>>(), s["coverage"], 10000);
    EXPECT_NEAR(mine.low, s["low"].get<double>(), s["scatter"].get<double>() + 1e-9);
    EXPECT_NEAR(mine.high, s["high"].get<double>(), s["scatter"].get<double>() + 1e-9);
  }
}

TEST(Statistics, NoIntervalOfOneSeedAndNothingOfNone) {
  EXPECT_EQ(summarise({}, 0.95, 100).count, 0);
  const Summary one = summarise({3}, 0.95, 100);
  EXPECT_EQ(one.mean, 3);
  EXPECT_TRUE(std::isnan(one.low) && std::isnan(one.high));
  EXPECT_EQ(summarise({2, 2, 2}, 0.95, 100).low, 2);
}

MetricsRow row(const std::string& phase, std::int64_t step, double success, const std::string& kind = "eval") {
  return {phase, step, kind, {{"return_mean", 10 * success}, {"success_rate", success}}};
}

RunFiles run_of(const std::vector<std::pair<std::int64_t, double>>& online, double before = 0.5) {
  RunFiles run;
  run.rows = {row("pretrain", 100, 0.9), row("warmup", 0, before, "switch")};
  for (const auto& [step, value] : online) run.rows.push_back(row("finetune", step, value));
  return run;
}

TEST(Measures, AreaIsNumPysTrapezoid) {
  for (const json& c : golden()["curves"]) {
    RunFiles run;
    for (std::size_t i = 0; i < c["steps"].size(); ++i) {
      const std::int64_t step = c["steps"][i];
      run.rows.push_back(row("finetune", step, c["values"][i], step == 0 ? "switch" : "eval"));
    }
    EXPECT_NEAR(*measure(run, "success_rate", NAN).area, c["area"].get<double>(), 1e-12 * 100);
  }
}

TEST(Measures, OfACurveThatFallsAndRecovers) {
  // 0.5 at the switch, 0.2 at 200, back to 0.46 (above 90%) at 800
  const RunMeasures m = measure(run_of({{100, 0.5}, {200, 0.2}, {400, 0.3}, {800, 0.46}, {910, 0.8}, {1000, 0.9}}), "success_rate", 0.8);
  EXPECT_EQ(m.before, 0.5);
  EXPECT_EQ(m.lowest, 0.2);
  EXPECT_EQ(m.best, 0.9);
  EXPECT_DOUBLE_EQ(*m.final, 0.85) << "the evaluations after step 900";
  EXPECT_DOUBLE_EQ(*m.success, 0.85);
  EXPECT_DOUBLE_EQ(*m.drop, 0.6);
  EXPECT_EQ(m.forgotten, false);
  EXPECT_EQ(m.steps_to_recover, 800);
  EXPECT_EQ(m.steps_to_threshold, 910);
}

TEST(Measures, OfACurveThatNeverFalls) {
  const RunMeasures m = measure(run_of({{500, 0.5}, {1000, 0.7}}), "success_rate", 0.5);
  EXPECT_EQ(m.steps_to_recover, 0);
  EXPECT_EQ(m.steps_to_threshold, 0) << "there at the switch";
  EXPECT_EQ(m.drop, 0);
}

TEST(Measures, OfACurveThatIsForgotten) {
  const RunMeasures m = measure(run_of({{500, 0.1}, {1000, 0.44}}), "success_rate", 0.8);
  EXPECT_EQ(m.forgotten, true);
  EXPECT_FALSE(m.steps_to_recover) << "0.44 is below 90% of 0.5";
  EXPECT_FALSE(m.steps_to_threshold);
}

TEST(Measures, WithoutAStartThatSucceeds) {
  const RunMeasures m = measure(run_of({{500, 0.1}, {1000, 0.4}}, 0), "success_rate", NAN);
  EXPECT_FALSE(m.drop);
  EXPECT_FALSE(m.forgotten);
  EXPECT_FALSE(m.steps_to_recover);
  EXPECT_FALSE(m.steps_to_threshold) << "no threshold was given";
}

TEST(Measures, ReturnsMayBeNegative) {
  RunFiles run;
  run.rows = {{"warmup", 0, "switch", {{"return_mean", -100}}},
              {"finetune", 500, "eval", {{"return_mean", -300}}},
              {"finetune", 700, "eval", {{"return_mean", -111}}},
              {"finetune", 900, "eval", {{"return_mean", -110}}}};
  const RunMeasures m = measure(run, "return_mean", -111);
  EXPECT_EQ(m.drop, 2);
  EXPECT_EQ(m.steps_to_recover, 900) << "-110 is 10% of 100 below -100";
  EXPECT_EQ(m.steps_to_threshold, 0);
}

}  // namespace
}  // namespace warmstart
