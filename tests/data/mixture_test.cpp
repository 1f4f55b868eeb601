// Shares of online and offline rows, per slice and per batch.
#include "warmstart/data/mixture.h"

#include <algorithm>
#include <cmath>

#include "fixtures.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

constexpr float kOnline = 77;  // reward that marks an online row

struct Sources {
  Dataset offline = Dataset::from_d4rl(six_steps(), {});
  ReplayBuffer online{10, 3, 2};
  void fill() {
    const std::vector<float> obs(3, 1), action(2, 0);
    for (int i = 0; i < 4; ++i) online.add(obs, action, kOnline, 1, obs);
  }
};

int online_rows(const BatchStorage& b, int first, int count) {
  return static_cast<int>(std::count(b.reward.begin() + first, b.reward.begin() + first + count, kOnline));
}

TEST(Mixture, EverySliceHasItsShareOnlineFirst) {
  Sources s;
  s.fill();
  const Mixture mixture(s.online, s.offline, 0.25);
  BatchStorage out;
  out.resize(64, 3, 2);
  Rng rng(1, "mixture");
  for (int slice = 0; slice < 4; ++slice) mixture.sample(rng, out, 16 * slice, 16);
  for (int slice = 0; slice < 4; ++slice) {
    EXPECT_EQ(online_rows(out, 16 * slice, 16), 12);
    EXPECT_EQ(online_rows(out, 16 * slice, 12), 12) << "online rows come first";
  }
  mixture.sample(rng, out, 0, 64);  // one call for the whole batch: slices of one kind
  EXPECT_EQ(online_rows(out, 0, 48), 48);
  EXPECT_EQ(online_rows(out, 48, 16), 0);
  EXPECT_EQ(mixture.size(), 9u);
}

TEST(Mixture, SharesAreRoundedAndCanAnneal) {
  Sources s;
  s.fill();
  Mixture mixture(s.online, s.offline, 0.5);
  EXPECT_EQ(mixture.offline_rows(256), 128);
  EXPECT_EQ(mixture.offline_rows(3), 2);
  mixture.set_offline_share(0.05);
  EXPECT_EQ(mixture.offline_rows(256), 13);
  BatchStorage out;
  out.resize(8, 3, 2);
  Rng rng(1, "mixture");
  for (const double share : {0.0, 1.0}) {
    mixture.set_offline_share(share);
    mixture.sample(rng, out, 0, 8);
    EXPECT_EQ(online_rows(out, 0, 8), share == 0 ? 8 : 0);
  }
}

TEST(Mixture, AnEmptySourceLeavesItsRowsToTheOther) {
  Sources s;
  const Mixture mixture(s.online, s.offline, 0.5);
  BatchStorage out;
  out.resize(8, 3, 2);
  Rng rng(1, "mixture");
  mixture.sample(rng, out, 0, 8);
  EXPECT_EQ(online_rows(out, 0, 8), 0);
  const Mixture reversed(s.offline, s.online, 0.5);
  EXPECT_EQ(reversed.offline_rows(8), 0);
}

TEST(Mixture, ReturnsNeedBothSources) {
  Sources s;
  EXPECT_TRUE(Mixture(s.offline, s.offline, 0.5).has_mc_return());
  EXPECT_FALSE(Mixture(s.online, s.offline, 0.5).has_mc_return());
  EXPECT_FALSE(Mixture(s.offline, s.online, 0.5).has_mc_return());
}

TEST(Mixture, RefusesSharesOutsideTheRange) {
  Sources s;
  for (const double share : {-0.1, 1.5, static_cast<double>(NAN)})
    expect_error(Exit::kUsage, {"share"}, [&] { Mixture(s.online, s.offline, share); });
}

// every source looks at what it is to write to, and whether there is anything to draw
TEST(Sources, RefuseWhatCannotBeDrawn) {
  Sources s;
  const Mixture mixture(s.online, s.offline, 0.5);
  Rng rng(1, "");
  BatchStorage good, narrow, wide, partial;
  good.resize(8, 3, 2), narrow.resize(8, 2, 2), wide.resize(8, 3, 3), partial.resize(8, 3, 2);
  partial.reward.resize(7);
  expect_error(Exit::kUsage, {"nothing to draw", "replay buffer"}, [&] { s.online.sample(rng, good, 0, 1); });
  EXPECT_NO_THROW(s.online.sample(rng, good, 8, 0)) << "no row is asked of it";
  s.fill();
  for (const DataSource* source : std::initializer_list<const DataSource*>{&s.online, &s.offline, &mixture}) {
    EXPECT_NO_THROW(source->sample(rng, good, 0, 8));
    EXPECT_NO_THROW(source->sample(rng, good, 7, 1));
    for (const auto& [first, count] : {std::pair(0, 9), {7, 2}, {-1, 4}, {0, -1}, {9, 1}})
      expect_error(Exit::kUsage, {"of a batch of 8 rows"}, [&, first = first, count = count] { source->sample(rng, good, first, count); });
    expect_error(Exit::kUsage, {"2 observations", "3 observations"}, [&] { source->sample(rng, narrow, 0, 8); });
    expect_error(Exit::kUsage, {"3 actions", "2 actions"}, [&] { source->sample(rng, wide, 0, 8); });
    expect_error(Exit::kUsage, {"of a batch"}, [&] { source->sample(rng, partial, 0, 8); });
  }
  expect_error(Exit::kUsage, {"no row 4"}, [&] { s.online.at(4); });
  expect_error(Exit::kUsage, {"no row"}, [&] { s.offline.at(s.offline.size()); });
  const std::vector<float> three(3), two(2);
  expect_error(Exit::kUsage, {"2 observations, 2 actions and 3 next"}, [&] { s.online.add(two, two, 0, 1, three); });
  expect_error(Exit::kUsage, {"3 observations, 3 actions"}, [&] { s.online.add(three, three, 0, 1, three); });
  expect_error(Exit::kUsage, {"keep_mc_returns", "new one"}, [&] { s.online.keep_mc_returns({}); });
}

}  // namespace
}  // namespace warmstart
