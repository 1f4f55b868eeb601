// Episodes that meet in one observation: only what is stored tells them apart, in memory, in files and in everything made of them.
#include <cmath>
#include <cstring>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

constexpr double kDiscount = 0.5;

/// Every observation is the same number; rewards and actions tell the rows apart.
struct Standing {
  struct Kept {
    float reward, action;
    RowEnd end;
  };
  ReplayBuffer buffer;
  std::vector<Kept> rows;
  explicit Standing(std::size_t capacity) : buffer(capacity, 1, 1) { buffer.keep_mc_returns({.discount = kDiscount}); }
  void step(RowEnd end) {
    const float obs = 0.5f, n = static_cast<float>(rows.size());
    rows.push_back({n + 1, -n, end});
    buffer.add({&obs, 1}, {&rows.back().action, 1}, rows.back().reward, end == RowEnd::kTerminal ? 0.0f : 1.0f, {&obs, 1});
    if (end != RowEnd::kNone) buffer.end_episode();
  }
  void episode(int length, RowEnd end) {
    for (int i = 0; i < length; ++i) step(i + 1 == length ? end : RowEnd::kNone);
  }
};

ReplayBuffer restored(const std::filesystem::path& folder, const ReplayBuffer& was, std::uint64_t committed) {
  ReplayBuffer back(was.capacity(), 1, 1);
  back.keep_mc_returns({.discount = kDiscount});
  back.restore(folder, committed, was.finished(), was.lost_success());
  return back;
}

/// Each row of `buffer` against the plain list that was put in.
void expect_told_apart(const ReplayBuffer& buffer, const std::vector<Standing::Kept>& all) {
  const std::size_t first = all.size() - buffer.stored();
  for (std::size_t i = 0; i < buffer.stored(); ++i) {
    const auto& row = all[first + i];
    const bool goes_on = row.end == RowEnd::kNone && i + 1 < buffer.stored();
    ASSERT_EQ(buffer.at(i).reward, row.reward);
    EXPECT_EQ(buffer.end(i), row.end) << i;
    EXPECT_EQ(buffer.follows(i), goes_on) << i;
    // three steps of return and the next action
    BatchStorage out;
    out.resize(1, 1, 1);
    copy_steps(buffer, i, {3, kDiscount}, out, 0);
    double sum = 0, factor = 1;
    std::size_t k = first + i;
    for (int n = 0;; ++n, ++k) {
      sum += factor * all[k].reward;
      if (n == 2 || all[k].end != RowEnd::kNone || k + 1 == all.size()) break;
      factor *= kDiscount;
    }
    EXPECT_FLOAT_EQ(out.reward[0], static_cast<float>(sum)) << i;
    EXPECT_FLOAT_EQ(out.mask[0], all[k].end == RowEnd::kTerminal ? 0.0f : static_cast<float>(factor)) << i;
    if (all[k].end == RowEnd::kNone && k + 1 < all.size()) EXPECT_EQ(out.next_action(0, 0), all[k + 1].action) << i;
    else EXPECT_TRUE(std::isnan(out.next_action(0, 0))) << i;
  }
  // returns of the finished episodes
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    double sum = 0, factor = 1;
    for (std::size_t k = first + i;; ++k, factor *= kDiscount) {
      sum += factor * all[k].reward;
      if (all[k].end != RowEnd::kNone) break;
    }
    EXPECT_FLOAT_EQ(buffer.at(i).mc_return, static_cast<float>(sum)) << i;
  }
}

class Ends : public testing::TestWithParam<std::size_t> {
 protected:
  Standing some() {
    Standing s(GetParam());
    s.episode(3, RowEnd::kTimeout), s.episode(2, RowEnd::kTerminal), s.episode(1, RowEnd::kTimeout), s.episode(1, RowEnd::kTimeout);
    s.episode(4, RowEnd::kTerminal), s.episode(5, RowEnd::kTimeout), s.episode(2, RowEnd::kNone);
    return s;
  }
  TemporaryFolder folder;
};

TEST_P(Ends, NothingCrossesThem) {
  const Standing s = some();
  EXPECT_EQ(s.buffer.stored() - s.buffer.size(), 2u) << "of the running episode";
  EXPECT_EQ(s.buffer.bytes(), std::min<std::size_t>(GetParam(), 4096) * 4 * sizeof(float)) << "no observation is stored twice";
  expect_told_apart(s.buffer, s.rows);
}

TEST_P(Ends, ComeBackFromFilesHoweverOftenTheyAreSaved) {
  for (const int every : {1, 2, 3, 100}) {
    const auto here = folder / std::to_string(every);
    Standing s(GetParam());
    std::uint64_t committed = 0;
    for (const Standing::Kept& row : some().rows) {
      s.step(row.end);
      if (s.rows.size() % static_cast<std::size_t>(every) == 0) committed = s.buffer.append_new_rows(here);
    }
    committed = s.buffer.append_new_rows(here);
    expect_told_apart(restored(here, s.buffer, committed), s.rows);
    ReplayBuffer looked(GetParam(), 1, 1);
    looked.read(here, committed);
    for (std::size_t i = 0; i < looked.stored(); ++i) EXPECT_EQ(looked.end(i), s.buffer.end(i)) << i;
  }
}

TEST_P(Ends, AnEpisodeCutFromOutsideEndsByATimeLimit) {
  Standing s = some();
  ASSERT_TRUE(s.buffer.episode_open());
  const std::uint64_t committed = s.buffer.append_new_rows(folder.path());  // its rows are on the disk, as of a running episode
  s.buffer.close_episode();
  s.rows.back().end = RowEnd::kTimeout;
  EXPECT_FALSE(s.buffer.episode_open());
  EXPECT_EQ(s.buffer.size(), s.buffer.stored());
  expect_told_apart(s.buffer, s.rows);
  s.buffer.close_episode();  // none is open
  expect_told_apart(s.buffer, s.rows);

  // saved before another row came, then with rows behind it
  EXPECT_EQ(s.buffer.append_new_rows(folder.path()), committed);
  expect_told_apart(restored(folder.path(), s.buffer, committed), s.rows);
  s.episode(2, RowEnd::kTerminal), s.episode(1, RowEnd::kNone);
  const std::uint64_t later = s.buffer.append_new_rows(folder.path());
  expect_told_apart(restored(folder.path(), s.buffer, later), s.rows);
  ReplayBuffer looked(GetParam(), 1, 1);
  looked.read(folder.path(), later);
  for (std::size_t i = 0; i < looked.stored(); ++i) EXPECT_EQ(looked.end(i), s.buffer.end(i)) << i;
}

INSTANTIATE_TEST_SUITE_P(Capacities, Ends, testing::Values(7, 18, 100));

TEST(EpisodeEnds, OfADatasetAreItsFlags) {
  D4rlFile file = six_steps();  // a terminal in step 2, a time limit in step 5
  file.rewards = {1, 2, 4, 8, 16, 32};
  file.terminals[2] = 0, file.timeouts[2] = 1;
  file.next_observations.resize(6, 3);
  for (float* values : {file.observations.data(), file.next_observations.data()}) std::fill_n(values, 18, 0.5f);
  const Dataset data = Dataset::from_d4rl(file, {.discount = kDiscount});
  ASSERT_EQ(data.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(data.follows(i), i != 2 && i != 5) << i;
  EXPECT_FLOAT_EQ(data.at(2).mc_return, 4);
  BatchStorage out;
  out.resize(1, 3, 2);
  copy_steps(data, 1, {5, kDiscount}, out, 0);
  EXPECT_FLOAT_EQ(out.reward[0], 2 + 4 * 0.5f);
  EXPECT_TRUE(std::isnan(out.next_action(0, 0)));

  ReplayBuffer buffer(10, 3, 2);
  buffer.append_dataset(data);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(buffer.end(i), i == 2 || i == 5 ? RowEnd::kTimeout : RowEnd::kNone) << i;
}

/// A segment with one number of its first chunk or header changed and the checksums made anew, as a program with a fault would write it.
void forge(const std::filesystem::path& segment, std::size_t at, std::vector<std::uint8_t> value) {
  constexpr std::size_t kHeader = 40, kChunk = 40;
  auto bytes = read_bytes(segment);
  std::copy(value.begin(), value.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  const std::span all(bytes);
  const std::uint64_t header = checksum(all.first(kHeader - 8));
  std::memcpy(&bytes[kHeader - 8], &header, 8);
  const std::uint64_t parts[2] = {checksum(all.subspan(kHeader, kChunk - 8)), checksum(all.subspan(kHeader + kChunk))};
  const std::uint64_t chunk = checksum({reinterpret_cast<const std::uint8_t*>(parts), sizeof parts});
  std::memcpy(&bytes[kHeader + kChunk - 8], &chunk, 8);
  write_atomically(segment, bytes);
}

TEST(EpisodeEnds, FilesThatDoNotSayThemAreRefused) {
  const TemporaryFolder folder;
  const auto segment = folder / "segment-000000.bin";
  Standing s(100);
  s.episode(3, RowEnd::kTimeout);
  s.buffer.append_new_rows(folder.path());
  const auto intact = read_bytes(segment);
  const auto restore = [&] { restored(folder.path(), s.buffer, 3); };

  forge(segment, 8, {1, 0, 0, 0});
  expect_error(Exit::kData, {"segment-000000.bin", "format 1", "where episodes end", "format 2", "--overwrite"}, restore);
  write_atomically(segment, intact);
  forge(segment, 8, {9, 0, 0, 0});
  expect_error(Exit::kData, {"segment-000000.bin", "format 9"}, restore);
  write_atomically(segment, intact);
  const std::size_t ends = 40 + 40 + 3 * 4 * sizeof(float);
  forge(segment, ends + 2, {3});
  expect_error(Exit::kData, {"segment-000000.bin", "has 3", "episode's end"}, restore);
  write_atomically(segment, intact);
  forge(segment, ends, {2});
  restore();  // another end is an end as well
  write_atomically(segment, intact);
  EXPECT_NO_THROW(restore());

  // a checkpoint that calls an episode finished which the rows do not end
  ReplayBuffer back(100, 1, 1);
  expect_error(Exit::kData, {"row 2", folder.path().string()}, [&] { back.restore(folder.path(), 3, 2); });
}

}  // namespace
}  // namespace warmstart
