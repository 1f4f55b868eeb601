// What a drawn row knows of the steps after it: n-step returns, the action that followed, Monte-Carlo returns of finished episodes.
#include <cmath>
#include <set>

#include "fixtures.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

// One row drawn from `source`, by brute force over draws: the one whose observation begins with `first`.
BatchStorage drawn(const DataSource& source, int obs, int act, float first) {
  BatchStorage batch;
  batch.resize(1, obs, act);
  Rng rng(1, "draw");
  for (int tries = 0; tries < 1000; ++tries) {
    source.sample(rng, batch, 0, 1);
    if (batch.obs(0, 0) == first) return batch;
  }
  ADD_FAILURE() << "never drawn: " << first;
  return batch;
}

TEST(Steps, OfADataset) {
  D4rlFile file = six_steps();  // rewards 0 0 1 (terminal), 0 0 0 (time limit: its last step is no transition)
  file.rewards = {1, 2, 4, 8, 16, 32};
  Dataset data = Dataset::from_d4rl(file, {});
  ASSERT_EQ(data.size(), 5u);
  EXPECT_FALSE(data.follows(2)) << "the next row in the file is another episode";
  EXPECT_FALSE(data.follows(4));
  EXPECT_EQ(drawn(data, 3, 2, 0).next_action(0, 0), file.actions(1, 0));
  EXPECT_TRUE(std::isnan(drawn(data, 3, 2, 12 / 8.0f).next_action(0, 0)));

  data.set_n_step({3, 0.5});
  BatchStorage row = drawn(data, 3, 2, 0);
  EXPECT_FLOAT_EQ(row.reward[0], 1 + 0.5f * 2 + 0.25f * 4);
  EXPECT_EQ(row.mask[0], 0);
  row = drawn(data, 3, 2, 3 / 8.0f);
  EXPECT_FLOAT_EQ(row.reward[0], 2 + 0.5f * 4) << "stops at the terminal";
  row = drawn(data, 3, 2, 9 / 8.0f);
  EXPECT_FLOAT_EQ(row.reward[0], 8 + 0.5f * 16) << "stops where the record breaks off";
  EXPECT_FLOAT_EQ(row.mask[0], 0.5f) << "so that reward + discount * mask * Q is the two-step target";
  EXPECT_EQ(row.next_obs(0, 0), 15 / 8.0f);
}

struct Walk {
  ReplayBuffer buffer;
  float at = 0;
  Walk(std::size_t capacity, bool returns) : buffer(capacity, 1, 1) {
    if (returns) buffer.keep_mc_returns({.discount = 0.5, .negative_reward = -1.0f});
  }
  void episode(const std::vector<float>& rewards, bool terminal, bool finish = true) {
    for (std::size_t i = 0; i < rewards.size(); ++i, ++at) {
      const float next = at + 1, action = -at;
      buffer.add({&at, 1}, {&action, 1}, rewards[i], terminal && i + 1 == rewards.size() ? 0.0f : 1.0f, {&next, 1});
    }
    ++at;
    if (finish) buffer.end_episode();
  }
};

TEST(Steps, OfABuffer) {
  Walk w(100, false);
  w.episode({1, 2}, true), w.episode({4, 8, 16}, false);
  w.buffer.set_n_step({2, 0.5});
  BatchStorage row = drawn(w.buffer, 1, 1, 0);
  EXPECT_FLOAT_EQ(row.reward[0], 2);
  EXPECT_EQ(row.mask[0], 0);
  row = drawn(w.buffer, 1, 1, 3);
  EXPECT_FLOAT_EQ(row.reward[0], 8);
  EXPECT_FLOAT_EQ(row.mask[0], 0.5f);
  EXPECT_EQ(row.next_obs(0, 0), 5);
  EXPECT_EQ(row.next_action(0, 0), -5);
  row = drawn(w.buffer, 1, 1, 5);
  EXPECT_FLOAT_EQ(row.reward[0], 16) << "the newest row has no next";
  EXPECT_TRUE(std::isnan(row.next_action(0, 0)));
}

TEST(Steps, OnlyFinishedEpisodesHaveReturns) {
  Walk w(100, true);
  EXPECT_TRUE(w.buffer.has_mc_return());
  w.episode({-1, 3}, true), w.episode({-1, -1}, false), w.episode({7, 7}, false, false);
  EXPECT_EQ(w.buffer.size(), 4u);
  EXPECT_EQ(w.buffer.stored(), 6u);
  EXPECT_FLOAT_EQ(drawn(w.buffer, 1, 1, 0).mc_return[0], -1 + 0.5f * 3);
  EXPECT_FLOAT_EQ(drawn(w.buffer, 1, 1, 3).mc_return[0], -2) << "never successful: -1 / (1 - 0.5)";
  BatchStorage batch;
  batch.resize(200, 1, 1);
  Rng rng(2, "draws");
  w.buffer.sample(rng, batch, 0, 200);
  for (int i = 0; i < 200; ++i) EXPECT_LT(batch.obs(i, 0), 6) << "of the running episode";
}

TEST(Steps, ReturnsComeBackAfterARestart) {
  const TemporaryFolder folder;
  for (const std::size_t capacity : {100, 7}) {  // the small one has overwritten its first rows
    for (const std::vector<float>& first : {std::vector<float>{1, -1, 3}, {3, -1, -1}}) {
      Walk w(capacity, true);
      w.episode(first, true), w.episode({-1, -1}, false), w.episode({5, 6}, true), w.episode({2}, false, false);
      const std::uint64_t committed = w.buffer.append_new_rows(folder / std::to_string(capacity));
      ReplayBuffer again(capacity, 1, 1);
      again.keep_mc_returns({.discount = 0.5, .negative_reward = -1.0f});
      again.restore(folder / std::to_string(capacity), committed, w.buffer.finished(), w.buffer.lost_success());
      ASSERT_EQ(again.size(), w.buffer.size());
      for (std::size_t i = 0; i < again.size(); ++i) EXPECT_EQ(again.at(i).mc_return, w.buffer.at(i).mc_return) << i;
    }
  }
}

}  // namespace
}  // namespace warmstart
