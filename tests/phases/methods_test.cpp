// The ways to fine-tune beside WSRL's own: who acts (JSRL), what is kept (annealed mixtures, Cal-QL's finished episodes), what learns
// first (a critic fitted on the warm-up), with every online learner.
#include "fixtures.h"
#include "warmstart/phases/jsrl.h"

namespace warmstart {
namespace {

using Overrides = std::vector<Override>;

// Asks the run to stop after some steps.
class StopAfter : public ExperienceSource {
 public:
  StopAfter(std::unique_ptr<ExperienceSource> inner, std::int64_t steps) : inner_(std::move(inner)), left_(steps) {}
  Experience next(Policy& policy) override {
    if (--left_ == 0) stop_requested() = true;
    return inner_->next(policy);
  }
  bool in_episode() const override { return inner_->in_episode(); }
  void cut_episode() override { inner_->cut_episode(); }
  bool can_save() const override { return inner_->can_save(); }
  void save(StateWriter& out) const override { inner_->save(out); }
  void load(StateReader& in) override { inner_->load(in); }

 private:
  std::unique_ptr<ExperienceSource> inner_;
  std::int64_t left_;
};

class Methods : public testing::TestWithParam<std::pair<std::string, Overrides>> {
 protected:
  TemporaryFolder folder;
};

// Every method runs, `train` equals `pretrain` then `finetune --from`, and a run that stops in the middle of the online phase and
// resumes ends with the same bits.
TEST_P(Methods, TogetherApartAndResumedAreTheSameRun) {
  const Recipe recipe = tiny_recipe(folder, GetParam().second);
  warmstart::Run together(recipe, options_in(folder / "together"));
  train(together);
  {
    warmstart::Run start(recipe, options_in(folder / "start"));
    pretrain(start);
  }
  RunOptions options = options_in(folder / "apart");
  options.from = folder / "start" / "pretrained.safetensors";
  {
    warmstart::Run apart(recipe, options);
    warmup(apart);
    apart.source = std::make_unique<StopAfter>(std::move(apart.source), recipe.finetune.steps / 2);
    EXPECT_THROW(finetune(apart), Error);
    stop_requested() = false;
    EXPECT_FALSE(apart.finished());
  }
  options.resume = true;
  warmstart::Run resumed(recipe, options);
  ASSERT_TRUE(resumed.resumed());
  train(resumed);
  EXPECT_TRUE(resumed.finished());
  EXPECT_EQ(numbers(resumed.agent->state()), numbers(together.agent->state()));
  AgentFile file = read_agent_file(folder / "together" / "final.safetensors");
  EXPECT_EQ(numbers(file.agent), numbers(together.agent->state()));
}

const Overrides kIql = {{"pretrain.agent", "iql"}, {"network.hidden_init", "fan_avg"}};
INSTANTIATE_TEST_SUITE_P(
    All, Methods,
    testing::Values(
        std::pair{"td3_online", Overrides{{"finetune.agent", "td3"}, {"agent.target_noise", "0.2"}, {"agent.actor_delay", "2"}}},
        std::pair{"two_critic_sac", Overrides{{"network.num_qs", "2"}}}, std::pair{"from_iql", kIql},
        std::pair{"from_bc", Overrides{{"pretrain.agent", "bc"}, {"finetune.initialise", "policy"}}},
        std::pair{"from_td3bc", Overrides{{"pretrain.agent", "td3bc"}}},
        std::pair{"from_rebrac_to_td3", Overrides{{"pretrain.agent", "rebrac"}, {"finetune.agent", "td3"}}},
        std::pair{"iql_online", Overrides{{"pretrain.agent", "iql"},
                                          {"finetune.agent", "iql"},
                                          {"network.squash", "false"},
                                          {"iql.actor_dropout", "0.1"},
                                          {"retention.mode", "mixed"}}},
        std::pair{"calql_online", Overrides{{"finetune.agent", "calql"}, {"retention.mode", "mixed"}, {"cql.online_alpha", "0.5"}}},
        std::pair{"annealed", Overrides{{"retention.mode", "annealed"}, {"retention.anneal_steps", "20"}}},
        std::pair{"policy_then_critic", Overrides{{"finetune.initialise", "policy"}, {"finetune.critic_fit_steps", "15"}}},
        std::pair{"jsrl_curriculum", Overrides{{"jsrl.guide", "curriculum"},
                                               {"jsrl.window", "1"},
                                               {"finetune.initialise", "neither"},
                                               {"warm_up.steps", "0"},
                                               {"finetune.steps", "150"}}},
        std::pair{"jsrl_random", Overrides{{"jsrl.guide", "random"}, {"finetune.initialise", "neither"}, {"warm_up.steps", "0"}}},
        std::pair{"so2",
                  Overrides{{"pretrain.agent", "sac"}, {"agent.num_min_qs", "0"}, {"agent.target_noise", "0.3"}, {"finetune.utd", "4"}}},
        std::pair{"n_step", Overrides{{"agent.n_step", "3"}}}),
    [](const auto& p) { return p.param.first; });

TEST(Jsrl, CurriculumShrinksWhenTheReturnHolds) {
  JsrlConfig c;
  c.guide = "curriculum", c.stages = 4, c.window = 2, c.tolerance = 0.1;
  GuideSchedule s(c, 100, Rng(1, "s"));
  const auto episodes = [&](double a, double b) {
    s.begin_episode(), s.end_episode(a), s.begin_episode(), s.end_episode(b);
    s.begin_episode();
    return s.guided_steps();
  };
  s.begin_episode();
  EXPECT_EQ(s.guided_steps(), 100);
  EXPECT_TRUE(s.guide_acts(99));
  EXPECT_FALSE(s.guide_acts(100));
  EXPECT_EQ(episodes(10, 10), 75) << "the first window sets the standard";
  EXPECT_EQ(episodes(5, 9), 75) << "7 is below 10 by more than a tenth";
  EXPECT_EQ(episodes(9, 9), 50) << "9 is within a tenth of the best";
  EXPECT_EQ(episodes(20, 20), 25);
  EXPECT_EQ(episodes(9, 9), 25) << "the best is 20 now";
  EXPECT_EQ(episodes(20, 20), 0);
  EXPECT_FALSE(s.guide_acts(0));
  EXPECT_EQ(episodes(0, 0), 0);
}

TEST(Jsrl, RandomHorizonsCoverTheRange) {
  JsrlConfig c;
  c.guide = "random";
  GuideSchedule s(c, 9, Rng(1, "s"));
  std::vector<int> seen(10);
  for (int i = 0; i < 500; ++i) {
    s.begin_episode();
    ASSERT_LE(s.guided_steps(), 9);
    ++seen[static_cast<std::size_t>(s.guided_steps())];
  }
  for (int n : seen) EXPECT_GT(n, 20);
}

// The guide's steps are the guide's: with a horizon beyond the episode, the learner never acts.
TEST(Jsrl, TheGuideActsFirst) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe(folder, {{"jsrl.guide", "curriculum"},
                                             {"jsrl.stages", "1000"},
                                             {"jsrl.horizon", "30"},
                                             {"finetune.initialise", "neither"},
                                             {"warm_up.steps", "0"}});
  warmstart::Run run(recipe, options_in(folder / "run"));
  pretrain(run);
  Policy guide(std::make_shared<Actor>(read_agent_file(folder / "run" / "pretrained.safetensors").agent.actor),
               Rng(static_cast<std::uint64_t>(recipe.run.seed), "guide"));
  ASSERT_NE(guide.fingerprint(), run.policy->fingerprint());
  std::vector<float> expected(2);
  for (int step = 0; step < 40; ++step) {
    const Experience e = run.source->next(*run.policy);
    if (step < 30) {
      guide.act(e.obs, false, expected);
      EXPECT_EQ(std::vector<float>(e.action.begin(), e.action.end()), expected) << step;
    }
    if (e.episode_over) break;
  }
}

TEST(Jsrl, NeedsAGuide) {
  const TemporaryFolder folder;
  expect_error(Exit::kUsage, {"jsrl.guide", "pretrain.steps", "--from"}, [&] {
    warmstart::Run(tiny_recipe(folder, {{"jsrl.guide", "random"}, {"pretrain.steps", "0"}, {"warm_up.steps", "0"}}),
                   options_in(folder / "run"));
  });
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(CriticFit, ComesBeforeThePolicyMoves) {
  const TemporaryFolder folder;
  const Recipe recipe =
      tiny_recipe(folder, {{"finetune.initialise", "policy"}, {"finetune.critic_fit_steps", "9"}, {"finetune.steps", "0"}});
  warmstart::Run run(recipe, options_in(folder / "run"));
  pretrain(run), warmup(run);
  const FloatVector actor = run.agent->state().actor.params, critic = run.agent->state().critic.params;
  train(run);
  EXPECT_EQ(run.agent->state().actor.params, actor);
  EXPECT_NE(run.agent->state().critic.params, critic);
  EXPECT_EQ(run.agent->state().critic_steps, 9);
}

}  // namespace
}  // namespace warmstart
