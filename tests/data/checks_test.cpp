// One validation: what ends an episode, which units actions are in, what is found and in which words.
#include <cmath>
#include <random>

#include "fixtures.h"
#include "warmstart/data/action_units.h"
#include "warmstart/data/checked_steps.h"
#include "warmstart/data/pack_dataset.h"

namespace warmstart {
namespace {

constexpr int kEpisode = 10;

// `episodes` walks of 10 steps with starts far apart; next observations are known; every episode is cut by a time limit
D4rlFile walks(int episodes, bool next = true) {
  std::mt19937 draw(7);
  std::normal_distribution<float> noise;
  D4rlFile f;
  const int T = episodes * kEpisode;
  f.observations.resize(T, 2), f.actions.resize(T, 1);
  if (next) f.next_observations.resize(T, 2);
  for (int e = 0; e < episodes; ++e) {
    float at[2] = {50 * noise(draw), 50 * noise(draw)};
    for (int i = 0; i < kEpisode; ++i) {
      const int t = e * kEpisode + i;
      for (int j = 0; j < 2; ++j) {
        f.observations(t, j) = at[j], at[j] += 0.1f * noise(draw);
        if (next) f.next_observations(t, j) = at[j];
      }
      f.actions(t, 0) = std::tanh(noise(draw));
      f.rewards.push_back(1), f.terminals.push_back(0), f.timeouts.push_back(i + 1 == kEpisode);
    }
  }
  return f;
}

std::string said(const Findings& findings) {
  std::string text;
  for (const Finding& f : findings) text += labeled(f) + "\n";
  return text;
}

TEST(Checks, ANextObservationElsewhereEndsAnEpisode) {
  D4rlFile hidden = walks(20);
  const Dataset right = Dataset::from_d4rl(hidden, {});
  EXPECT_TRUE(right.findings().empty()) << said(right.findings());
  for (int e = 0; e < 20; e += 2) hidden.timeouts[static_cast<std::size_t>(e * kEpisode + 9)] = 0;
  const Dataset d = Dataset::from_d4rl(hidden, {});
  ASSERT_EQ(d.episodes().size(), 20u);
  for (const Episode& e : d.episodes()) EXPECT_EQ(e.end, EpisodeEnd::kTimeout);
  EXPECT_NE(said(d.findings()).find("warning: 10 rows without a flag have a next observation that is not the following row, first row 9"),
            std::string::npos)
      << said(d.findings());
  for (std::size_t i = 0; i < right.size(); ++i) {
    EXPECT_EQ(d.at(i).mc_return, right.at(i).mc_return) << i;
    EXPECT_EQ(d.at(i).mask, 1);
    EXPECT_EQ(d.follows(i), right.follows(i)) << i;
  }
  // by hand: rewards of 1 to the end of ten steps
  EXPECT_NEAR(d.at(0).mc_return, (1 - std::pow(0.99, 10)) / 0.01, 1e-4);
}

TEST(Checks, RoundingIsNoEnd) {
  D4rlFile file = walks(20);
  for (std::size_t i = 0; i < file.next_observations.size(); ++i) file.next_observations.data()[i] *= 1 + 1e-7f;
  const Dataset d = Dataset::from_d4rl(file, {});
  EXPECT_EQ(d.episodes().size(), 20u);
  EXPECT_TRUE(d.findings().empty()) << said(d.findings());
}

TEST(Checks, FlagsThatStandBesideTheEndsAreRefused) {
  for (const bool next : {true, false})
    for (const int shift : {-2, -1, 1, 2}) {
      SCOPED_TRACE(std::to_string(shift) + (next ? " with next observations" : ""));
      D4rlFile file = walks(40, next);
      std::fill(file.timeouts.begin(), file.timeouts.end(), 0);
      for (int e = 1; e < 40; ++e) file.timeouts[static_cast<std::size_t>(e * kEpisode - 1 + shift)] = 1;
      expect_error(Exit::kData,
                   {std::to_string(std::abs(shift)) + " row", shift > 0 ? "too late" : "too early",
                    "numpy.roll(flags, " + std::to_string(-shift) + ")"},
                   [&] { Dataset::from_d4rl(file, {}); });
    }
  EXPECT_TRUE(Dataset::from_d4rl(walks(40, false), {}).findings().empty());
}

TEST(Checks, SingleTransitionsAreSaid) {
  D4rlFile file = walks(20);
  for (std::size_t i = 0; i < file.next_observations.size(); ++i) file.next_observations.data()[i] += 1;
  std::fill(file.timeouts.begin(), file.timeouts.end(), 0);
  const Dataset d = Dataset::from_d4rl(file, {});
  EXPECT_NE(said(d.findings()).find("single transitions, not episodes"), std::string::npos) << said(d.findings());
}

TEST(Checks, NextObservationsThatRepeatTheirOwnRowAreRefused) {
  D4rlFile file = walks(20);
  file.next_observations = file.observations;
  expect_error(Exit::kData, {"next_observations repeat", "leave next_observations out"}, [&] { Dataset::from_d4rl(file, {}); });
}

TEST(Checks, BehindATrueEndNothingMatters) {
  D4rlFile file = walks(20);
  file.timeouts[9] = 0, file.terminals[9] = 1;
  file.next_observations(9, 1) = NAN;
  const Dataset d = Dataset::from_d4rl(file, {});
  EXPECT_EQ(d.at(9).next_obs[1], d.at(9).obs[1]) << "finite: 0 times NaN would be NaN";
  EXPECT_NE(said(d.findings()).find("not finite behind 1 true ends"), std::string::npos) << said(d.findings());
  file.next_observations(19, 0) = NAN;  // behind a time limit it counts
  expect_error(Exit::kData, {"NaN in next_observations, row 19, column 0", "remove next_observations"},
               [&] { Dataset::from_d4rl(file, {}); });
}

struct Units {
  const char* what;
  std::vector<double> low, high;            // the file's own
  bool unit;                                // action_units
  std::vector<double> task_low, task_high;  // the task's
  std::vector<double> given_low, given_high;
  float scale, offset;  // of the file's actions
  const char* problem;  // part of it, or null
  float out_scale = 1;  // learners' = out_scale * file's + out_offset
  float out_offset = 0;
  const char* note = nullptr;
};

TEST(Checks, UnitsOfActions) {
  const std::vector<Units> cases = {
      {"nothing known", {}, {}, false, {}, {}, {}, {}, 1, 0, nullptr},
      {"percent, nothing known", {}, {}, false, {}, {}, {}, {}, 50, 50, "lie beyond -1 .. 1"},
      {"percent, said by a person", {}, {}, false, {}, {}, {0}, {100}, 50, 50, nullptr, 0.02f, -1, "mapped from 0 .. 100"},
      {"percent, and a person is wrong", {}, {}, false, {}, {}, {0}, {10}, 50, 50, "lie beyond 0 .. 10"},
      {"the file's own bounds", {-0.4}, {0.4}, false, {}, {}, {}, {}, 0.4f, 0, nullptr, 2.5f, 0, "file's own bounds, -0.4 .. 0.4"},
      {"both agree", {-0.4}, {0.4}, false, {-0.4}, {0.4}, {}, {}, 0.4f, 0, nullptr, 2.5f, 0},
      {"file and task differ", {-0.4}, {0.4}, false, {-1}, {1}, {}, {}, 0.4f, 0, "Task-v0 takes -1 .. 1"},
      {"a person decides", {-0.4}, {0.4}, false, {-1}, {1}, {-1}, {1}, 0.4f, 0, nullptr, 1, 0, "taken as -1 .. 1"},
      {"the task's units", {}, {}, false, {-10}, {10}, {}, {}, 10, 0, nullptr, 0.1f, 0, "units of Task-v0"},
      {"the task's, not symmetric", {}, {}, false, {0}, {10}, {}, {}, 5, 5, nullptr, 0.2f, -1, "units of Task-v0"},
      {"-1 to 1 where the task takes more", {}, {}, false, {-10}, {10}, {}, {}, 1, 0, nullptr, 1, 0, "stands for the -10 .. 10"},
      {"neither", {}, {}, false, {-10}, {10}, {}, {}, 50, 50, "beyond the -10 .. 10"},
      {"ours", {}, {}, true, {-10}, {10}, {}, {}, 1, 0, nullptr},
      {"ours, of the same bounds", {-10}, {10}, true, {-10}, {10}, {}, {}, 1, 0, nullptr},
      {"ours, of other bounds", {-5}, {5}, true, {-10}, {10}, {}, {}, 1, 0, "stand for -5 .. 5"},
      {"ours, mapped once more", {}, {}, true, {}, {}, {0}, {100}, 1, 0, "-1 .. 1 already"},
      {"no range", {}, {}, false, {}, {}, {1}, {1}, 1, 0, "do not fit"},
      {"too many", {}, {}, false, {}, {}, {-1, -1}, {1, 1}, 1, 0, "do not fit"},
  };
  for (const Units& c : cases) {
    SCOPED_TRACE(c.what);
    D4rlFile file = walks(20);
    for (std::size_t i = 0; i < file.actions.size(); ++i) file.actions.data()[i] = c.scale * file.actions.data()[i] + c.offset;
    const Matrix recorded = file.actions;
    file.action_low = c.low, file.action_high = c.high;
    if (c.unit) file.metadata["action_units"] = "unit";
    const DatasetOptions options{.task = c.task_low.empty() ? "" : "Task-v0",
                                 .task_low = c.task_low,
                                 .task_high = c.task_high,
                                 .action_low = c.given_low,
                                 .action_high = c.given_high};
    if (c.problem) {
      expect_error(Exit::kData, {c.problem}, [&] { Dataset::from_d4rl(file, options); });
      continue;
    }
    const Dataset d = Dataset::from_d4rl(file, options);
    for (std::size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(d.at(i).action[0], c.out_scale * recorded.data()[i] + c.out_offset, 2e-5) << i;
    const std::string text = said(d.findings());
    if (c.note) {
      EXPECT_NE(text.find(c.note), std::string::npos) << text;
    } else if (c.out_scale == 1) {
      EXPECT_EQ(text, "");
    }
  }
}

TEST(Checks, FewActionsBeyondAreClippedAndSaid) {
  D4rlFile file = walks(20);
  file.actions(3, 0) = 1.5f;
  const Dataset d = Dataset::from_d4rl(file, {});
  EXPECT_NE(said(d.findings()).find("warning: 1 action entries (0.5%) lie beyond -1 .. 1"), std::string::npos) << said(d.findings());
  for (int i = 0; i < 3; ++i) file.actions(i, 0) = 1.5f;
  expect_error(Exit::kData, {"4 action entries (2%)", "1.5", "--action-low"}, [&] { Dataset::from_d4rl(file, {}); });
}

TEST(Checks, HostileNumbersAreSaid) {
  D4rlFile file = walks(20);
  file.rewards[4] = 1e20f, file.observations(7, 0) = file.next_observations(6, 0) = 1e7f;
  const std::string text = said(Dataset::from_d4rl(file, {}).findings());
  EXPECT_NE(text.find("warning: rewards reach 1 .. 1e+20"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: observations reach"), std::string::npos) << text;
}

// as the binary Adroit data: 30 steps before the first success, then 20 with it, all of them flagged
D4rlFile held_doors(int episodes) {
  D4rlFile f;
  const int steps = 50, T = episodes * steps;
  f.observations.resize(T, 1), f.next_observations.resize(T, 1), f.actions.resize(T, 1);
  for (int t = 0; t < T; ++t) {
    f.observations(t, 0) = static_cast<float>(t + 7 * (t / steps)), f.next_observations(t, 0) = f.observations(t, 0) + 1;
    const bool success = t % steps >= 30;
    f.rewards.push_back(success ? 0.0f : -1.0f), f.terminals.push_back(success), f.timeouts.push_back(0);
  }
  return f;
}

TEST(Checks, ADoorHeldOpenIsOneEpisode) {
  Dataset d = Dataset::from_d4rl(held_doors(200), {});
  EXPECT_EQ(d.episodes().size(), 200u);
  EXPECT_EQ(d.episodes().front().reward_sum, -30) << "online it would have ended at the first success";
  d.hold_out(100);
  EXPECT_EQ(d.held_out(), 8u * 50) << "whole episodes";
  std::size_t alive = 0;
  for (std::size_t row = 0; row < d.size(); ++row) alive += d.is_held_out(row) && d.at(row).mask > 0;
  EXPECT_EQ(alive, 8u * 30);
  EXPECT_NEAR(d.at(29).mc_return, -1, 1e-6) << "returns end at the first success all the same";

  D4rlFile bare = held_doors(200);  // every flag cuts where next observations do not tell
  bare.next_observations.resize(0, 1);
  Dataset cut = Dataset::from_d4rl(bare, {});
  EXPECT_EQ(cut.episodes().size(), 200u * 20);
  cut.hold_out(100);
  ASSERT_GT(cut.held_out(), 0u);
  for (const Episode& e : cut.episodes())
    if (cut.is_held_out(e.start)) {
      EXPECT_EQ(e.length, 31u) << "those that are nothing but an end are passed over";
    }
}

// whatever the slabs, and whoever reads
TEST(Checks, SlabsAndPacksSayTheSame) {
  const TemporaryFolder scratch;
  D4rlFile file = walks(20);
  for (const int row : {9, 59}) file.timeouts[static_cast<std::size_t>(row)] = 0;
  for (std::size_t i = 0; i < file.actions.size(); ++i) file.actions.data()[i] *= 4;
  file.metadata["env"] = "Task-v0";
  write_d4rl(scratch / "a.hdf5", file);
  const DatasetOptions options{.action_low = {-4}, .action_high = {4}};
  auto whole = open_checked(scratch / "a.hdf5", options);
  Findings findings;
  const D4rlFile expected = read_checked(*whole, findings);
  for (const std::size_t slab_steps : {1u, 3u, 60u}) {
    auto steps = open_checked(scratch / "a.hdf5", options);
    D4rlFile slab;
    std::size_t row = 0;
    while (row < expected.rewards.size()) {
      steps->read(slab_steps, slab);
      for (std::size_t i = 0; i < slab.rewards.size(); ++i, ++row) {
        EXPECT_EQ(slab.timeouts[i], expected.timeouts[row]) << row;
        EXPECT_EQ(slab.actions(static_cast<int>(i), 0), expected.actions(static_cast<int>(row), 0)) << row;
        EXPECT_EQ(slab.next_observations(static_cast<int>(i), 1), expected.next_observations(static_cast<int>(row), 1)) << row;
      }
    }
    EXPECT_EQ(said(steps->findings()), said(findings));
    EXPECT_EQ(steps->trajectories().size(), 20u);
  }
  EXPECT_EQ(expected.metadata.at("action_units"), "unit");
  EXPECT_EQ(expected.action_high, std::vector<double>{4});

  auto steps = open_checked(scratch / "a.hdf5", options);
  pack_dataset(*steps, scratch / "a.pack");
  const Dataset from_file = Dataset::load(scratch / "a.hdf5", options), packed = Dataset::load(scratch / "a.pack", {});
  EXPECT_EQ(packed.recorded_in(), "Task-v0");
  ASSERT_EQ(packed.size(), from_file.size());
  EXPECT_EQ(packed.episodes().size(), 20u);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(packed.at(i).action[0], from_file.at(i).action[0]);
    EXPECT_EQ(packed.at(i).mc_return, from_file.at(i).mc_return);
  }
  expect_error(Exit::kData, {"stand for -4 .. 4", "Task-v0"},
               [&] { Dataset::load(scratch / "a.pack", {.task = "Task-v0", .task_low = {-1}, .task_high = {1}}); });
}

}  // namespace
}  // namespace warmstart
