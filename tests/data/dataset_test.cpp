// From recorded steps to transitions: what is dropped, scaled, clipped and refused; returns against recorded ones.
#include "warmstart/data/dataset.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "fixtures.h"
#include "warmstart/data/mc_return.h"
#include "warmstart/data/replay_buffer.h"
#include "warmstart/data/summary.h"

namespace warmstart {
namespace {

D4rlFile steps(std::vector<float> rewards, std::vector<std::uint8_t> terminals, std::vector<std::uint8_t> timeouts) {
  D4rlFile f;
  const int T = static_cast<int>(rewards.size());
  f.observations.resize(T, 1);
  f.actions.resize(T, 1);
  for (int i = 0; i < T; ++i) f.observations(i, 0) = static_cast<float>(i), f.actions(i, 0) = 0.0009f * static_cast<float>(i);
  f.rewards = std::move(rewards), f.terminals = std::move(terminals), f.timeouts = std::move(timeouts);
  return f;
}

DatasetSummary summary_of(const D4rlFile& file, int histogram_bins = 10) {
  const TemporaryFolder scratch;
  write_d4rl(scratch / "a.hdf5", file);
  return summarize(*open_checked(scratch / "a.hdf5"), histogram_bins);
}

TEST(McReturn, MatchesTheReferenceRecording) {
  std::ifstream in(golden("mc_return.json"));
  const auto cases = nlohmann::json::parse(in);
  ASSERT_EQ(cases.size(), 12u);
  for (const auto& [name, c] : cases.items()) {
    SCOPED_TRACE(name);
    const auto rewards = c["rewards"].get<std::vector<float>>(), masks = c["masks"].get<std::vector<float>>();
    const auto expected = c["returns"].get<std::vector<float>>();
    const std::string env = c["env"];
    McReturnOptions options{.discount = c["gamma"], .infinite_horizon = c["infinite_horizon"]};
    // reward without success, before scaling: 0 in AntMaze, -1 in the binary Adroit tasks
    const bool antmaze = env.starts_with("antmaze"), adroit = env.find("-binary-") != std::string::npos;
    if (antmaze || adroit)
      options.negative_reward = static_cast<float>(c["reward_scale"].get<double>() * (adroit ? -1 : 0) + c["reward_bias"].get<double>());
    std::vector<float> returns(rewards.size());
    mc_returns(rewards, masks, options, returns);
    for (std::size_t t = 0; t < returns.size(); ++t)
      EXPECT_NEAR(returns[t], expected[t], 1e-6 * std::max(1.0f, std::abs(expected[t]))) << t;
  }
}

TEST(Dataset, DropsOnlyStepsWithoutANextObservation) {
  const Dataset d = Dataset::from_d4rl(six_steps(), {});
  ASSERT_EQ(d.size(), 5u);
  EXPECT_EQ(d.dropped_steps(), 1u);
  ASSERT_EQ(d.episodes().size(), 2u);
  EXPECT_EQ(d.episodes()[0].end, EpisodeEnd::kTerminal);
  EXPECT_EQ(d.episodes()[0].reward_sum, 1);
  EXPECT_EQ(d.episodes()[1].end, EpisodeEnd::kTimeout);
  EXPECT_EQ(d.episodes()[1].start, 3u);
  EXPECT_EQ(d.episodes()[1].length, 3u);
  EXPECT_EQ(d.at(2).mask, 0);
  EXPECT_EQ(d.at(2).reward, 1);
  EXPECT_EQ(d.at(3).obs[0], 9.0f / 8);
  EXPECT_EQ(d.at(3).next_obs[0], 12.0f / 8);
  EXPECT_EQ(d.at(4).mask, 1);
  EXPECT_FLOAT_EQ(d.at(0).mc_return, 0.99f * 0.99f);
  EXPECT_EQ(d.at(3).mc_return, 0);
}

TEST(Dataset, NextObservationsKeepEveryStep) {
  const Dataset d = Dataset::load(golden("h5py_next.hdf5"), {});
  ASSERT_EQ(d.size(), 6u);
  EXPECT_EQ(d.dropped_steps(), 0u);
  EXPECT_EQ(d.at(5).next_obs[2], 17.0f / 8 + 100);
  EXPECT_EQ(d.at(5).mask, 1) << "a time limit is no terminal";
}

TEST(Dataset, FormatSamples) {
  const Dataset cheetah = Dataset::load(golden("halfcheetah_tiny-v2_d4rl.hdf5"), {.obs_size = 17, .action_size = 6});
  EXPECT_EQ(cheetah.size(), 24u);
  const Dataset ant = Dataset::load(golden("antmaze_tiny-v2_d4rl.hdf5"),
                                    {.reward_scale = 10, .reward_bias = -5, .sparse_reward = true, .obs_size = 29, .action_size = 8});
  EXPECT_EQ(ant.size(), 19u);
  ASSERT_EQ(ant.episodes().size(), 1u);
  EXPECT_EQ(ant.episodes()[0].end, EpisodeEnd::kUnfinished);
  for (std::size_t i = 0; i < ant.size(); ++i) EXPECT_FLOAT_EQ(ant.at(i).mc_return, -500) << i;
}

TEST(Dataset, ContinuingSparseTaskWithTimeoutsOnly) {
  // no terminal anywhere: a success inside an episode neither masks nor ends it; the second episode never succeeds
  const D4rlFile file = steps({0, 1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 1, 0, 0, 1});
  const Dataset d = Dataset::from_d4rl(file, {.reward_scale = 10, .reward_bias = -5, .sparse_reward = true});
  ASSERT_EQ(d.size(), 5u);
  EXPECT_NEAR(d.at(2).mc_return, -5, 1e-6);
  EXPECT_NEAR(d.at(1).mc_return, 5 + 0.99 * -5, 1e-6);
  EXPECT_NEAR(d.at(0).mc_return, -5 + 0.99 * 0.05, 1e-6);
  EXPECT_FLOAT_EQ(d.at(3).mc_return, -500);
  for (std::size_t i = 0; i < d.size(); ++i) EXPECT_EQ(d.at(i).mask, 1);
}

TEST(Dataset, OneStepEpisodes) {
  // terminal, timeout, terminal, terminal at the end of the file
  const Dataset d = Dataset::from_d4rl(steps({1, 2, 3, 4}, {1, 0, 1, 1}, {0, 1, 0, 0}), {});
  EXPECT_EQ(d.episodes().size(), 4u);
  ASSERT_EQ(d.size(), 3u);
  EXPECT_EQ(d.at(0).reward, 1);
  EXPECT_EQ(d.at(1).reward, 3);
  EXPECT_EQ(d.at(2).reward, 4);
  EXPECT_EQ(d.at(2).next_obs[0], 3) << "nothing follows the last row: its own observation, under mask 0";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d.at(i).mask, 0);
    EXPECT_EQ(d.at(i).mc_return, d.at(i).reward);
  }
}

TEST(Dataset, TerminalWinsOverTimeoutInTheSameStep) {
  const Dataset d = Dataset::from_d4rl(steps({0, 1, 0}, {0, 1, 0}, {0, 1, 0}), {});
  ASSERT_EQ(d.size(), 2u);
  EXPECT_EQ(d.at(1).mask, 0);
}

TEST(Dataset, ScalesRewardsAndClipsActions) {
  D4rlFile file = six_steps();
  file.actions(0, 0) = 1, file.actions(1, 1) = -1.0005f, file.actions(2, 0) = 0.99999f;
  const Dataset d = Dataset::from_d4rl(file, {.reward_scale = 10, .reward_bias = -5});
  EXPECT_EQ(d.at(2).reward, 5);
  EXPECT_EQ(d.at(0).reward, -5);
  EXPECT_EQ(d.at(0).action[0], 0.99999f);
  EXPECT_EQ(d.at(1).action[1], -0.99999f);
  EXPECT_EQ(d.clipped_actions(), 2u);
}

TEST(Dataset, RefusesBadNumbersAndSizes) {
  const auto refuses = [](const std::vector<std::string>& parts, const D4rlFile& file, DatasetOptions options = {}) {
    options.source = "door.hdf5";
    std::vector<std::string> all = parts;
    all.push_back("door.hdf5");
    expect_error(Exit::kData, all, [&] { Dataset::from_d4rl(file, options); });
  };
  D4rlFile file = six_steps();
  file.rewards[4] = NAN;
  refuses({"NaN in rewards, row 4", "remove the episode"}, file);
  file = six_steps();
  file.observations(2, 1) = INFINITY;
  refuses({"infinity in observations, row 2, column 1"}, file);
  file = six_steps();
  file.actions(5, 0) = NAN;
  refuses({"NaN in actions, row 5"}, file);
  file = read_d4rl(golden("h5py_next.hdf5"));
  file.next_observations(1, 0) = NAN;
  refuses({"NaN in next_observations, row 1"}, file);
  refuses({"observations have size 3", "Hopper-v5 has 11"}, six_steps(), {.obs_size = 11, .task = "Hopper-v5"});
  refuses({"actions have size 2", "Hopper-v5 has 4"}, six_steps(), {.obs_size = 3, .action_size = 4, .task = "Hopper-v5"});
  file = steps({}, {}, {});
  refuses({"empty"}, file);
  refuses({"no transition is left"}, steps({1, 1}, {0, 0}, {1, 1}));
}

TEST(Dataset, SamplesUniformlyAndRepeatably) {
  const Dataset d = Dataset::from_d4rl(six_steps(), {});
  BatchStorage a, b;
  a.resize(5000, 3, 2), b.resize(5000, 3, 2);
  Rng first(7, "data"), again(7, "data");
  d.sample(first, a, 0, 5000);
  d.sample(again, b, 0, 5000);
  std::vector<int> seen(5);
  for (int i = 0; i < 5000; ++i) {
    const auto k = static_cast<std::size_t>(std::lround(a.obs(i, 0) * 8 / 3));
    ASSERT_LT(k, 5u);
    ++seen[k];
    EXPECT_EQ(a.action(i, 0), d.at(k).action[0]);
    EXPECT_EQ(a.next_obs(i, 2), d.at(k).next_obs[2]);
    EXPECT_EQ(a.mask[i], d.at(k).mask);
    EXPECT_EQ(a.mc_return[i], d.at(k).mc_return);
    EXPECT_EQ(a.obs(i, 0), b.obs(i, 0));
  }
  // 5 standard deviations of a binomial(5000, 1/5)
  for (const int n : seen) EXPECT_NEAR(n, 1000, 142);
}

TEST(Dataset, HoldsOutWholeEpisodesEvenlySpaced) {
  // 200 episodes of 5 steps, ended by a time limit: 4 transitions each
  std::vector<std::uint8_t> timeouts(1000);
  for (std::size_t i = 4; i < 1000; i += 5) timeouts[i] = 1;
  Dataset d = Dataset::from_d4rl(steps(std::vector<float>(1000, 0), std::vector<std::uint8_t>(1000, 0), timeouts), {});
  ASSERT_EQ(d.size(), 800u);
  EXPECT_EQ(d.held_out(), 0u);
  d.hold_out(20);
  EXPECT_EQ(d.held_out(), 32u) << "8 episodes";
  std::set<std::size_t> held, drawn;
  for (std::size_t row = 0; row < d.size(); ++row)
    if (d.is_held_out(row)) held.insert(row / 4);
  EXPECT_EQ(held, (std::set<std::size_t>{12, 37, 62, 87, 112, 137, 162, 187}));
  BatchStorage batch;
  batch.resize(20000, 1, 1);
  Rng rng(3, "hold out");
  d.sample(rng, batch, 0, 20000);
  for (int i = 0; i < 20000; ++i) {
    const auto step = static_cast<std::size_t>(batch.obs(i, 0));
    drawn.insert(step / 5 * 4 + step % 5);
  }
  EXPECT_EQ(drawn.size(), 768u) << "every other row is drawn";
  for (const std::size_t row : drawn) EXPECT_FALSE(d.is_held_out(row)) << row;

  ReplayBuffer buffer(1000, 1, 1);
  buffer.append_dataset(d);
  EXPECT_EQ(buffer.stored(), 768u);
  d.hold_out(100);
  EXPECT_EQ(d.held_out(), 40u) << "at most 5%";
  d.hold_out(0);
  EXPECT_EQ(d.held_out(), 0u);
  Dataset few = Dataset::from_d4rl(six_steps(), {});
  few.hold_out(100);
  EXPECT_EQ(few.held_out(), 0u) << "one episode would be more than 5%";
}

TEST(Summary, CountsWithoutFailingOnBadNumbers) {
  D4rlFile file = six_steps();
  file.rewards[4] = NAN;
  file.actions(1, 0) = 1;
  const DatasetSummary s = summary_of(file);
  EXPECT_EQ(s.steps, 6u);
  EXPECT_EQ(s.transitions, 5u);
  EXPECT_EQ(s.episodes, 2u);
  EXPECT_EQ(s.length_min, 3u);
  EXPECT_EQ(s.terminals, 1u);
  EXPECT_EQ(s.timeouts, 1u);
  EXPECT_EQ(s.rewards.bad, 1u);
  EXPECT_EQ(s.rewards.first_bad, 4u);
  EXPECT_EQ(s.rewards.max, 1);
  EXPECT_EQ(s.clipped_actions, 1u);
  EXPECT_EQ(s.observations.max, 17.0 / 8);
  EXPECT_NE(summary_text(s, "x.hdf5").find("1 NaN or infinite, first in row 4"), std::string::npos);
  const auto json = nlohmann::json::parse(summary_json(s, "x.hdf5"));
  EXPECT_EQ(json["rewards"]["non_finite"], 1);
  EXPECT_EQ(json["episodes"]["count"], 2);
  EXPECT_EQ(json["metadata"]["algorithm"], "SAC");
}

TEST(Summary, HistogramHoldsEveryEpisode) {
  const DatasetSummary s = summary_of(steps({1, 2, 3, 9, 9}, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}), 4);
  EXPECT_EQ(s.return_histogram, (std::vector<std::size_t>{2, 1, 0, 2}));
  EXPECT_EQ(summary_of(steps({}, {}, {})).episodes, 0u);
}

}  // namespace
}  // namespace warmstart
