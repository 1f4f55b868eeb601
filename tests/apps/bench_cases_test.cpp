// The yardstick of `warmstart bench`: what a step needs, by formula, against the published counts.
#include <gtest/gtest.h>

#include <map>

#include "warmstart/apps/bench/cases.h"
#include "warmstart/core/error.h"
#include "warmstart/envs/simulator_alone.h"

namespace warmstart {
namespace {

TEST(BenchCases, NeededArithmeticIsNearThePublishedCounts) {
  const std::map<std::string, double> published = {{"wsrl-antmaze", 26.3},   {"wsrl-adroit", 51.8},   {"wsrl-kitchen", 54.4},
                                                   {"wsrl-locomotion", 6.9}, {"calql-antmaze", 25.4}, {"calql-adroit", 69},
                                                   {"cql-kitchen", 70},      {"cql-locomotion", 8.9}, {"iql-antmaze", 0.56}};
  EXPECT_EQ(bench_cases().size(), published.size());
  for (const BenchCase& c : bench_cases())
    EXPECT_NEAR(gflop_needed(c) / published.at(c.name), 1, 0.03) << c.name << " needs " << gflop_needed(c);
}

// Counted by hand: one critic of one hidden unit layer each, one row.
TEST(BenchCases, ByHand) {
  BenchCase c{.name = "tiny", .obs = 3, .action = 2, .batch = 1, .utd = 1};
  c.network.critic_hidden = {4}, c.network.actor_hidden = {5};
  c.network.num_qs = 1, c.settings.agent.num_min_qs = 1;
  const double actor = 3 * 5 + 5 * 4, critic = (3 + 2) * 4 + 4;
  const double target = actor + critic, td = 2 * critic + 4, climb = actor + critic + (2 * 4 + 4) + (actor + 5 * 4), temperature = actor;
  EXPECT_NEAR(gflop_needed(c), 2e-9 * (target + td + climb + temperature), 1e-15);
  c.agent = "bc";
  EXPECT_NEAR(gflop_needed(c), 2e-9 * (actor + actor + 5 * 4), 1e-15);
}

TEST(BenchCases, OnlyTheAskedMembersCount) {
  BenchCase two = bench_case("wsrl-antmaze"), all = two;
  all.settings.agent.num_min_qs = 0;
  EXPECT_GT(gflop_needed(all), 1.5 * gflop_needed(two));
}

TEST(BenchCases, EveryCaseAgreesWithTheReference) {
  for (const BenchCase& c : bench_cases()) EXPECT_NO_THROW(verify_bench_case(c, 2)) << c.name;
}

TEST(BenchCases, RecipesGiveCases) {
  const Recipe r = parse_recipe("[data]\npath = \"d\"\n[pretrain]\nbatch = 32\n[finetune]\nbatch = 64\nutd = 2\n", "r");
  const BenchCase offline = bench_case_of(r, "offline"), online = bench_case_of(r, "online");
  EXPECT_EQ(offline.agent, "calql");
  EXPECT_EQ(offline.batch * offline.utd, 32);
  EXPECT_EQ(online.agent, "sac");
  EXPECT_EQ(online.batch * online.utd, 128);
}

TEST(BenchCases, UnknownNames) {
  for (const auto& [name, part] :
       std::map<std::string, std::string>{{"wsrl-antmaz", "did you mean wsrl-antmaze?"}, {"iql-antmase", "did you mean iql-antmaze?"}}) {
    try {
      bench_case(name);
      ADD_FAILURE() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kUsage);
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  }
}

// The yardstick of `bench env` does the same work: it ends where the task ends.
TEST(BenchCases, SimulatorAloneFollowsTheTask) {
  for (const char* id :
       {"HalfCheetah-v4", "Hopper-v5", "Walker2d-v4", "PointMaze_UMaze-v3", "AdroitHandDoor-v1", "FrankaPegInsertion-v0"}) {
    const auto env = make_env({.id = id});
    SimulatorAlone alone(id);
    Rng rng(1, "test");
    env->reset(rng);
    alone.start(env->qpos(), env->qvel(), env->goal());
    std::vector<double> action(env->spec().action_size);
    for (int i = 0; i < 8; ++i) {
      for (double& a : action) a = rng.uniform(-1, 1);
      env->step(action);
      alone.step(SimulatorAlone::controls_of(*env));
    }
    EXPECT_EQ(alone.qpos(), env->qpos()) << id;
  }
  EXPECT_THROW(SimulatorAlone("Hoper-v5"), Error);
}

}  // namespace
}  // namespace warmstart
