// Evaluation episodes, and the meter of training statistics.
#include <cmath>

#include "fixtures.h"

namespace warmstart {
namespace {

class Evaluate : public testing::Test {
 protected:
  Evaluation play(std::uint64_t seed, bool deterministic = true, std::uint64_t policy_seed = 0, int episodes = 3) {
    const auto env = make_env(recipe.env);
    Policy policy(std::make_shared<Actor>(fresh_agent(recipe).actor), Rng(policy_seed, "acting"));
    return evaluate(*env, policy, episodes, seed, {.deterministic = deterministic});
  }
  TemporaryFolder folder;
  Recipe recipe =
      parse_recipe("[env]\nid = \"HalfCheetah-v5\"\nmax_episode_steps = 30\n[network]\nactor_hidden = [8]\n[pretrain]\nsteps = 0\n", "r");
};

TEST_F(Evaluate, SameSeedSameNumbers) {
  const Evaluation a = play(7), b = play(7), c = play(8);
  EXPECT_EQ(a.return_mean, b.return_mean);
  EXPECT_EQ(a.return_std, b.return_std);
  EXPECT_NE(a.return_mean, c.return_mean);
  EXPECT_EQ(a.episodes, 3);
  EXPECT_EQ(a.length_mean, 30);
  EXPECT_GT(a.return_std, 0);
}

TEST_F(Evaluate, DeterministicEpisodesUseNoRandomNumberOfThePolicy) {
  EXPECT_EQ(play(7, true, 1).return_mean, play(7, true, 2).return_mean);
  EXPECT_NE(play(7, false, 1).return_mean, play(7, false, 2).return_mean);
  EXPECT_EQ(play(7, false, 1).return_mean, play(7, false, 1).return_mean);
}

TEST_F(Evaluate, DoesNotDependOnWhatTheEnvironmentDidBefore) {
  const auto env = make_env(recipe.env);
  Policy policy(std::make_shared<Actor>(fresh_agent(recipe).actor), Rng(0, ""));
  const Evaluation first = evaluate(*env, policy, 2, 5);
  evaluate(*env, policy, 1, 99);
  EXPECT_EQ(evaluate(*env, policy, 2, 5).return_mean, first.return_mean);
}

TEST_F(Evaluate, AnEpisodeIsCutAtItsBoundAndSaidToBe) {
  const auto env = make_env(recipe.env);
  Policy policy(std::make_shared<Actor>(fresh_agent(recipe).actor), Rng(0, ""));
  std::vector<std::pair<int, std::int64_t>> told;
  const Evaluation e = evaluate(*env, policy, 2, 5, {.max_steps = 12, .on_step = [&](int k, std::int64_t t) { told.emplace_back(k, t); }});
  EXPECT_EQ(e.length_mean, 12);
  EXPECT_EQ(e.cut, 2);
  EXPECT_EQ(told.size(), 24u);
  EXPECT_EQ(told.back(), std::pair(2, std::int64_t{12}));
  EXPECT_NE(cut_warning(e, 12).find("2 of 2 evaluation episodes had not ended after 12 steps"), std::string::npos);
  const Evaluation whole = evaluate(*env, policy, 2, 5, {.max_steps = 30});
  EXPECT_EQ(whole.cut, 0) << "the time limit ends it in the same step";
  EXPECT_EQ(cut_warning(whole, 30), "");
}

TEST_F(Evaluate, AMeanOfEqualNumbersIsThatNumber) { EXPECT_EQ(play(1, true, 0, 11).length_mean, 30); }

TEST_F(Evaluate, OneEpisodeHasNoSpread) { EXPECT_EQ(play(1, true, 0, 1).return_std, 0); }

TEST(StatsMeter, MeansOfWhatWasPresent) {
  StatsMeter meter;
  EXPECT_EQ(meter.count(), 0);
  EXPECT_TRUE(meter.take().empty());
  UpdateStats a, b;
  a.critic_loss = 1, b.critic_loss = 3;
  a.entropy = 5;  // the second update has none
  meter.add(a), meter.add(b);
  EXPECT_EQ(meter.count(), 2);
  const auto row = meter.take();
  ASSERT_EQ(row.size(), 2u);
  EXPECT_EQ(row[0].first, "critic_loss");
  EXPECT_EQ(row[0].second, 2);
  EXPECT_EQ(row[1].first, "entropy");
  EXPECT_EQ(row[1].second, 5);
  EXPECT_EQ(meter.count(), 0) << "taking empties it";
}

TEST(StatsMeter, SavedInTheMiddleItGoesOn) {
  StatsMeter whole, first, second;
  UpdateStats a, b;
  a.critic_loss = 0.1, b.critic_loss = 0.7, b.q_mean = 3;
  whole.add(a), whole.add(b);
  first.add(a);
  StateWriter out;
  first.save(out);
  StateReader in(out.bytes(), "meter");
  second.load(in);
  EXPECT_TRUE(in.done());
  second.add(b);
  EXPECT_EQ(second.count(), 2);
  EXPECT_EQ(second.take(), whole.take());
}

}  // namespace
}  // namespace warmstart
