// The three regimes, and that each names a recipe that runs.
#include "warmstart/phases/advise.h"

#include <cmath>

#include "fixtures.h"

namespace warmstart {
namespace {

MeanReturn level(double mean, double error) { return {.mean = mean, .error = error, .low = 0, .high = 1, .episodes = 50}; }

TEST(Advise, MeansAndStandardErrors) {
  const double returns[] = {1, 2, 3, 6};  // numpy: mean 3, std(ddof=1) / 2 = 1.0801234497346435
  const MeanReturn m = mean_return(returns);
  EXPECT_DOUBLE_EQ(m.mean, 3);
  EXPECT_DOUBLE_EQ(m.error, 1.0801234497346435);
  EXPECT_EQ(m.low, 1);
  EXPECT_EQ(m.high, 6);
}

TEST(Advise, PreservesWhicheverIsBetter) {
  EXPECT_EQ(advise(level(0.9, 0.02), level(0.5, 0.02)).regime, Regime::kSuperior);
  EXPECT_EQ(advise(level(0.5, 0.02), level(0.9, 0.02)).regime, Regime::kInferior);
  EXPECT_EQ(advise(level(0.6, 0.02), level(0.58, 0.02)).regime, Regime::kComparable);
  EXPECT_EQ(advise(level(0.9, 0.3), level(0.5, 0.02)).regime, Regime::kComparable) << "too few episodes to tell";
  EXPECT_EQ(advise(level(0.54, 0.001), level(0.5, 0.001)).regime, Regime::kComparable) << "too small to matter";
  const Advice a = advise(level(0.9, 0.03), level(0.5, 0.04));
  EXPECT_DOUBLE_EQ(a.difference, 0.4);
  EXPECT_NEAR(a.low, 0.4 - 1.96 * 0.05, 1e-12);
  EXPECT_DOUBLE_EQ(a.margin, 0.05);
}

TEST(Advise, EqualEpisodesAreNoProof) {
  const std::vector<double> failures(10, 0.0), successes(200, 1.0);
  EXPECT_EQ(advise(mean_return(failures), {.mean = 0.2, .error = 0.03, .low = 0, .high = 1, .episodes = 200}).regime, Regime::kComparable);
  const Advice sure = advise(mean_return(failures), mean_return(successes));
  EXPECT_EQ(sure.regime, Regime::kInferior);
  EXPECT_NEAR(sure.high - sure.low, 2 * 1.96 * std::hypot(1.0 / 12, 1.0 / 202), 1e-12);
}

TEST(Advise, RlpdGetsItsEnsembleWhereTheStartHadNone) {
  TemporaryFolder folder;
  const Recipe two =
      tiny_recipe(folder, {{"network.num_qs", "2"}, {"agent.num_min_qs", "0"}, {"finetune.utd", "1"}, {"finetune.steps", "100"}});
  const Recipe next = advised_recipe(two, Regime::kInferior), kept = advised_recipe(two, Regime::kSuperior);
  EXPECT_EQ(next.network.num_qs, 10);
  EXPECT_EQ(next.finetune.utd, 4);
  EXPECT_TRUE(next.network.critic_layer_norm);
  EXPECT_EQ(kept.network.num_qs, 2) << "its critics are the start's";
}

TEST(Advise, EveryRegimesRecipeRuns) {
  TemporaryFolder folder;
  const Recipe start = tiny_recipe(folder);
  {
    warmstart::Run run(start, options_in(folder / "start"));
    pretrain(run);
  }
  for (const Regime regime : {Regime::kSuperior, Regime::kComparable, Regime::kInferior}) {
    SCOPED_TRACE(regime_name(regime));
    const Recipe next = parse_recipe(advised_recipe(start, regime).toml(), "next.toml");
    EXPECT_EQ(next.retention.mode, regime == Regime::kSuperior ? "none" : "mixed");
    RunOptions options = options_in(folder / regime_name(regime));
    if (regime != Regime::kInferior) options.from = folder / "start" / "pretrained.safetensors";
    warmstart::Run run(next, options);
    train(run);
    EXPECT_GT(run.state.updates, 0);
    EXPECT_EQ(run.warm_up_steps() > 0, regime != Regime::kInferior);
  }
}

TEST(Advise, ABehaviourCloneGetsItsCriticFromTheWarmUp) {
  TemporaryFolder folder;
  const Recipe next = advised_recipe(tiny_recipe(folder, {{"pretrain.agent", "bc"}, {"finetune.initialise", "policy"}}), Regime::kSuperior);
  EXPECT_EQ(next.finetune.initialise, "policy");
  EXPECT_GT(next.finetune.critic_fit_steps, 0);
  EXPECT_THROW(advised_recipe(tiny_recipe(folder, {{"pretrain.agent", "iql"}, {"finetune.agent", "iql"}, {"network.squash", "false"}}),
                              Regime::kSuperior),
               Error);
}

}  // namespace
}  // namespace warmstart
