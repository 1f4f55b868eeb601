// The scripted policy of peg insertion: it seats the peg at every clearance, and its dataset is what it says.
#include <gtest/gtest.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/envs/env.h"
#include "warmstart/phases/collect.h"
#include "warmstart/phases/driver.h"

namespace warmstart {
namespace {

struct Played {
  int seated = 0;
  double steps = 0;  ///< mean length of an episode
};

Played play(double clearance, int episodes) {
  const auto env = make_env({.id = "FrankaPegInsertion-v0", .clearance = clearance});
  const CollectConfig config{.policy = "script", .demonstrations = episodes};
  const auto driver = make_driver(*env, config);
  Rng starts(11, "starts"), noise(11, "noise");
  std::vector<double> action(6);
  Played p;
  for (int e = 0; e < episodes; ++e) {
    env->reset(starts);
    driver->begin(*env, noise);
    for (Step step; !step.terminated && !step.truncated;) {
      driver->act(*env, noise, action);
      step = env->step(action);
      p.seated += step.success, p.steps += 1.0 / episodes;
    }
  }
  return p;
}

TEST(PegScript, SeatsThePegAtEveryClearance) {
  for (const double clearance : {0.2, 0.5, 1.0, 2.0}) {
    SCOPED_TRACE(clearance);
    const Played p = play(clearance, 30);
    EXPECT_EQ(p.seated, 30);
    EXPECT_LT(p.steps, 25);  // of 100: a demonstration wastes no time
  }
}

TEST(PegScript, FirstDemonstrationsThenNoisyTrials) {
  const CollectConfig config{.policy = "script", .steps = 1500, .noise = 0.5, .demonstrations = 5, .seed = 2};
  const auto [file, report] = collect_steps({.id = "FrankaPegInsertion-v0", .clearance = 0.5}, config);
  EXPECT_EQ(file.metadata.at("demonstrations"), "5");
  EXPECT_EQ(file.metadata.at("clearance"), "0.5");
  std::vector<int> lengths{0};
  std::vector<bool> seated;
  for (std::size_t t = 0; t < file.rewards.size(); ++t) {
    ++lengths.back();
    ASSERT_EQ(file.rewards[t], file.terminals[t]);
    if (!file.terminals[t] && !file.timeouts[t]) continue;
    seated.push_back(file.terminals[t]);
    lengths.push_back(0);
  }
  int later = 0;
  for (std::size_t e = 0; e < seated.size(); ++e) {
    if (e < 5) EXPECT_TRUE(seated[e] && lengths[e] < 25) << e;
    else later += lengths[e];
  }
  EXPECT_GT(later / static_cast<double>(seated.size() - 5), 30);  // noise costs time, and some trials fail
  EXPECT_LT(std::count(seated.begin() + 5, seated.end(), true), static_cast<int>(seated.size()) - 5);
}

TEST(PegScript, IsForPegInsertion) {
  try {
    collect_steps({.id = "HalfCheetah-v4"}, {.policy = "script"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("is for peg insertion (HalfCheetah-v4)"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace warmstart
