// When the monitor speaks, and when it must not.
#include "warmstart/diagnostics/monitor.h"

#include <gtest/gtest.h>

namespace warmstart {
namespace {

Measurements q_at(double q, double below, double spread = 10) {
  return {{"q_offline", q}, {"q_spread_offline", spread}, {"below_pretrained_offline", below}};
}

std::vector<std::string> names(const std::vector<Warning>& warnings) {
  std::vector<std::string> out;
  for (const Warning& w : warnings) out.push_back(trouble_name(w.trouble));
  return out;
}
const std::vector<std::string> kNothing;
constexpr std::int64_t kUpdates = 100;  // since the switch

TEST(Monitor, SeesQFallAndSaysSoOnce) {
  CollapseMonitor monitor({}, 10000);
  monitor.start(0.9);
  EXPECT_EQ(names(monitor.measurement(0, q_at(-20, 0.5))), kNothing);
  EXPECT_EQ(names(monitor.measurement(100, q_at(-24, 0.9))), kNothing);
  EXPECT_EQ(names(monitor.measurement(200, q_at(-28, 0.9))), kNothing);  // less than one spread yet
  const auto warnings = monitor.measurement(300, q_at(-33, 0.9));
  ASSERT_EQ(names(warnings), std::vector<std::string>{"q_diverging"});
  for (const char* part : {"-20 at the switch", "-33 now", "90% of the targets", "longer warm-up"})
    EXPECT_NE(warnings[0].text.find(part), std::string::npos) << warnings[0].text;
  EXPECT_EQ(warnings[0].evidence, (Measurements{{"q_before", -20}, {"q_now", -33}, {"below_pretrained", 0.9}}));
  EXPECT_EQ(names(monitor.measurement(400, q_at(-40, 0.9))), kNothing);
}

TEST(Monitor, AFallOfQAloneIsNoSpiral) {
  CollapseMonitor few_below({}, 10000), slow({}, 10000), turns({}, 10000);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(names(few_below.measurement(i, q_at(-20 - 8.0 * i, 0.5))), kNothing);   // targets agree with the start's Q
    EXPECT_EQ(names(slow.measurement(i, q_at(-20 - 1.0 * i, 0.95))), kNothing);       // within the spread over states
    EXPECT_EQ(names(turns.measurement(i, q_at(i % 2 ? -50 : -45, 0.95))), kNothing);  // up and down
  }
}

TEST(Monitor, APlateauBelowTheStartIsNamedAndARiseIsNot) {
  CollapseMonitor flat({}, 1000), rising({}, 1000), kept({}, 1000);
  flat.start(0.8), rising.start(0.8), kept.start(0.8);
  int warned = 0;
  for (int i = 0; i < 6; ++i) {
    const auto warnings = flat.evaluation(500 + 50 * i, 0.6, kUpdates);
    for (const auto& name : names(warnings)) {
      EXPECT_EQ(i, 3) << name;
      EXPECT_EQ(name, "plateau");
      ++warned;
    }
    EXPECT_EQ(names(rising.evaluation(500 + 50 * i, 0.57 + 0.1 * i, kUpdates)), kNothing);
    EXPECT_EQ(names(kept.evaluation(500 + 50 * i, 0.75, kUpdates)), kNothing);
  }
  EXPECT_EQ(warned, 1);
}

TEST(Monitor, PlateausOfNegativeReturnsToo) {
  CollapseMonitor monitor({}, 1000);
  monitor.start(-100);
  std::vector<std::string> all;
  for (int i = 0; i < 4; ++i)
    for (const auto& name : names(monitor.evaluation(500 + i, -120, kUpdates))) all.push_back(name);
  EXPECT_EQ(all, std::vector<std::string>{"plateau"});
}

Measurements moved(double td, double kl) {
  return {{"q_offline", -20}, {"q_spread_offline", 10}, {"td_error_offline", td}, {"kl_offline", kl}};
}

TEST(Monitor, NamesADropOnceWithWhatChanged) {
  CollapseMonitor monitor({}, 1000);
  monitor.start(0.8);
  monitor.measurement(0, moved(2, 0));
  EXPECT_EQ(names(monitor.evaluation(500, 0.6, kUpdates)), kNothing);
  monitor.measurement(550, moved(9, 1.5));
  const auto warnings = monitor.evaluation(550, 0.5, kUpdates, [] { return moved(7, 7); });  // this step has been measured
  ASSERT_EQ(names(warnings), std::vector<std::string>{"drop"});
  for (const char* part : {"from 0.8 to 0.5", "9 (was 2)", "KL of 1.5", "overwritten"})
    EXPECT_NE(warnings[0].text.find(part), std::string::npos) << warnings[0].text;
  EXPECT_EQ(warnings[0].evidence,
            (Measurements{{"before", 0.8}, {"now", 0.5}, {"td_error_before", 2}, {"td_error_now", 9}, {"kl_now", 1.5}}));
  EXPECT_EQ(names(monitor.evaluation(600, 0.4, kUpdates)), kNothing);
  EXPECT_EQ(names(monitor.evaluation(650, 0.8, kUpdates)), kNothing);
  EXPECT_EQ(names(monitor.evaluation(700, 0.3, kUpdates)), std::vector<std::string>{"drop"});
}

// Evaluations are more frequent than measurements: what was measured before the first update says nothing of a drop after it.
TEST(Monitor, EvidenceIsOfTheStepOfTheVerdict) {
  CollapseMonitor monitor({}, 1000), blind({}, 1000);
  for (CollapseMonitor* m : {&monitor, &blind}) {
    m->start(0.8);
    m->measurement(-100, moved(2, 0));
    m->measurement(0, moved(2, 0));
  }
  int asked = 0;
  const auto measure = [&] { return ++asked, moved(2.5, 0.75); };
  EXPECT_EQ(names(monitor.evaluation(50, 0.7, kUpdates, measure)), kNothing);
  EXPECT_EQ(asked, 0);  // it costs some updates' time, and nothing fell
  const auto warnings = monitor.evaluation(100, 0.2, kUpdates, measure);
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(names(warnings), std::vector<std::string>{"drop"});
  EXPECT_EQ(warnings[0].evidence,
            (Measurements{{"before", 0.8}, {"now", 0.2}, {"td_error_before", 2}, {"td_error_now", 2.5}, {"kl_now", 0.75}}));
  EXPECT_NE(warnings[0].text.find("2.5 (was 2) and the policy has moved by a KL of 0.75"), std::string::npos) << warnings[0].text;
  EXPECT_EQ(warnings[0].text.find("overwritten"), std::string::npos) << warnings[0].text;  // the TD error has hardly moved
  monitor.evaluation(150, 0.2, kUpdates, measure);
  EXPECT_EQ(asked, 1);

  const auto unmeasured = blind.evaluation(100, 0.2, kUpdates, [] { return Measurements{}; });  // diagnostics are off
  ASSERT_EQ(names(unmeasured), std::vector<std::string>{"drop"});
  EXPECT_EQ(unmeasured[0].evidence, (Measurements{{"before", 0.8}, {"now", 0.2}}));
  EXPECT_NE(unmeasured[0].text.find("not measured"), std::string::npos) << unmeasured[0].text;
  EXPECT_EQ(unmeasured[0].text.find("KL of"), std::string::npos) << unmeasured[0].text;
}

TEST(Monitor, ADropWithoutAnUpdateIsNoUnlearning) {
  CollapseMonitor monitor({}, 1000);
  monitor.start(0.8);
  monitor.measurement(0, moved(2, 0));
  const auto warnings = monitor.evaluation(100, 0.2, 0, [] { return moved(2, 0); });
  ASSERT_EQ(names(warnings), std::vector<std::string>{"drop"});
  EXPECT_NE(warnings[0].text.find("no update was made"), std::string::npos) << warnings[0].text;
  EXPECT_EQ(warnings[0].text.find("overwritten"), std::string::npos) << warnings[0].text;
  EXPECT_EQ(warnings[0].evidence, (Measurements{{"before", 0.8}, {"now", 0.2}, {"updates", 0}}));
}

TEST(Monitor, SwingsCountEarlyOnly) {
  CollapseMonitor early({}, 10000), late({}, 10000);
  early.start(1), late.start(1);
  std::vector<std::string> all;
  for (const auto& [i, v] : std::vector<std::pair<int, double>>{{1, 1.0}, {2, 0.3}, {3, 0.95}}) {
    for (const auto& name : names(early.evaluation(500 * i, v, kUpdates))) all.push_back(name);
    for (const auto& name : names(late.evaluation(5000 + 500 * i, v, kUpdates))) EXPECT_EQ(name, "drop");
  }
  EXPECT_EQ(all, (std::vector<std::string>{"drop", "early_variance"}));
}

TEST(Monitor, HearsChatter) {
  CollapseMonitor monitor({}, 1000);
  const auto jerk = [](double now) { return Measurements{{"chatter_warmup", 0.2}, {"chatter_online", now}}; };
  EXPECT_EQ(names(monitor.measurement(0, jerk(0.9))), kNothing);  // the warm-up's own end
  EXPECT_EQ(names(monitor.measurement(10, jerk(0.25))), kNothing);
  const auto warnings = monitor.measurement(20, jerk(0.4));
  ASSERT_EQ(names(warnings), std::vector<std::string>{"chatter"});
  EXPECT_NE(warnings[0].text.find("2.0 times"), std::string::npos) << warnings[0].text;
  EXPECT_EQ(names(monitor.measurement(30, jerk(0.2))), kNothing);
  EXPECT_EQ(names(monitor.measurement(40, jerk(0.4))), std::vector<std::string>{"chatter"});  // another bout
}

TEST(Monitor, NamesAWarmUpWithoutSuccess) {
  CollapseMonitor monitor({}, 1000), lucky({}, 1000), off({.on = false}, 1000);
  monitor.start(0.6), lucky.start(0.6), off.start(0.6);
  std::vector<float> rewards(5000, -1.0f);
  const auto warnings = monitor.warm_up(rewards);
  ASSERT_EQ(names(warnings), std::vector<std::string>{"no_reward"});
  for (const char* part : {"all 5000 rewards", "0.6", "retention.mode"})
    EXPECT_NE(warnings[0].text.find(part), std::string::npos) << warnings[0].text;
  EXPECT_FALSE(monitor.wants_roll_back());
  EXPECT_EQ(names(off.warm_up(rewards)), kNothing);
  rewards[4711] = 0;
  EXPECT_EQ(names(lucky.warm_up(rewards)), kNothing);
  EXPECT_EQ(names(lucky.warm_up({})), kNothing);
}

TEST(Monitor, RollsBackWhenAskedWhenItLastsAndNotForEver) {
  CollapseMonitor unasked({}, 1000), asked({.roll_back = true, .max_roll_backs = 2}, 1000);
  for (CollapseMonitor* m : {&unasked, &asked}) {
    m->start(1);
    for (int i = 0; i < 4; ++i) m->evaluation(400 + i, 0, kUpdates);
  }
  EXPECT_FALSE(unasked.wants_roll_back());
  for (int k = 0; k < 2; ++k) {
    EXPECT_TRUE(asked.wants_roll_back());
    asked.rolled_back();
    EXPECT_FALSE(asked.wants_roll_back());
    for (int i = 0; i < 4; ++i) asked.evaluation(500 + 10 * k + i, 0, kUpdates);
  }
  EXPECT_FALSE(asked.wants_roll_back());  // both used up
}

TEST(Monitor, GoesOnExactlyAfterACheckpoint) {
  CollapseMonitor whole({}, 10000), first({}, 10000), second({}, 10000);
  whole.start(1), first.start(1);
  for (int i = 0; i < 3; ++i) whole.measurement(i, q_at(-20 - 6 * i, 0.9)), first.measurement(i, q_at(-20 - 6 * i, 0.9));
  StateWriter out;
  first.save(out);
  StateReader in(out.bytes(), "test");
  second.load(in);
  EXPECT_EQ(names(second.measurement(3, q_at(-50, 0.9))), names(whole.measurement(3, q_at(-50, 0.9))));
  EXPECT_EQ(names(second.measurement(4, q_at(-60, 0.9))), kNothing);
}

TEST(Monitor, IsSilentWhenSwitchedOff) {
  CollapseMonitor monitor({.on = false}, 1000);
  monitor.start(1);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(names(monitor.evaluation(500 + i, 0, kUpdates)), kNothing);
    EXPECT_EQ(names(monitor.measurement(i, q_at(-100.0 * i, 1))), kNothing);
  }
}

}  // namespace
}  // namespace warmstart
