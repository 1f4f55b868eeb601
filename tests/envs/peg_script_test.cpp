// The scripted policy of peg insertion: it seats the peg at every clearance, and its dataset is what it says.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/envs/peg_insertion.h"
#include "warmstart/phases/collect.h"
#include "warmstart/phases/driver.h"

namespace warmstart {
namespace {

struct Played {
  int seated = 0;
  double steps = 0, deepest = 0;
};

Played play(double clearance, int episodes) {
  const auto env = make_env({.id = "FrankaPegInsertion-v0", .clearance = clearance});
  const auto* peg = dynamic_cast<const PegInsertion*>(env.get());
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
      p.deepest = std::max(p.deepest, peg->penetration());
    }
  }
  fmt::print("{} mm: {} of {}, {:.1f} steps, deepest contact {:.3f} mm\n", clearance, p.seated, episodes, p.steps, 1e3 * p.deepest);
  return p;
}

TEST(PegScript, SeatsThePegAtEveryClearance) {
  EXPECT_EQ(play(2, 30).seated, 30);
  EXPECT_EQ(play(1, 30).seated, 30);
  EXPECT_GE(play(0.5, 30).seated, 29);
  EXPECT_GE(play(0.2, 30).seated, 28);
}

}  // namespace
}  // namespace warmstart
