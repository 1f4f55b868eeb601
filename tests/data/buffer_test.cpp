// The replay buffer against a plain list of transitions; its files against every kind of damage.
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <deque>
#include <fstream>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/data/replay_buffer.h"

namespace warmstart {
namespace {

constexpr int O = 3, A = 2;

struct Row {
  std::vector<float> obs, action;
  float reward, mask;
  std::vector<float> next_obs;
  RowEnd end = RowEnd::kNone;
};

/// Random episodes; some of one step, and now and then one of another actor in between.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : rng_(seed, "stream") {}
  Row next() {
    const bool stranger = rng_.below(7) == 0;
    if (obs_.empty() || over_) obs_ = vector(O);
    Row row{stranger ? vector(O) : obs_, vector(A), static_cast<float>(rng_.normal()), 1, vector(O)};
    if (stranger) {
      row.end = RowEnd::kTimeout;
      return row;
    }
    over_ = rng_.below(4) == 0;
    if (over_) row.end = rng_.below(2) ? RowEnd::kTerminal : RowEnd::kTimeout;
    row.mask = row.end == RowEnd::kTerminal ? 0.0f : 1.0f;
    obs_ = row.next_obs;
    return row;
  }

 private:
  std::vector<float> vector(int n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    rng_.fill_normal(v);
    return v;
  }
  Rng rng_;
  std::vector<float> obs_;
  bool over_ = false;
};

void add(ReplayBuffer& buffer, const Row& r) {
  buffer.add(r.obs, r.action, r.reward, r.mask, r.next_obs);
  if (r.end != RowEnd::kNone) buffer.end_episode();
}

std::vector<float> flat(const Transition& t) {
  std::vector<float> v(t.obs.begin(), t.obs.end());
  v.insert(v.end(), t.action.begin(), t.action.end());
  v.insert(v.end(), {t.reward, t.mask});
  v.insert(v.end(), t.next_obs.begin(), t.next_obs.end());
  return v;
}
std::vector<float> flat(const Row& r) { return flat(Transition{r.obs, r.action, r.reward, r.mask, r.next_obs}); }

void expect_same(const ReplayBuffer& a, const ReplayBuffer& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a.added(), b.added());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(flat(a.at(i)), flat(b.at(i))) << i;
    ASSERT_EQ(a.end(i), b.end(i)) << i;
    ASSERT_EQ(a.follows(i), b.follows(i)) << i;
  }
  if (a.size() == 0) return;
  BatchStorage x, y;
  x.resize(64, O, A), y.resize(64, O, A);
  Rng one(3, "sample"), two(3, "sample");
  a.sample(one, x, 0, 64), b.sample(two, y, 0, 64);
  for (int i = 0; i < 64; ++i) ASSERT_EQ(x.next_obs(i, 0), y.next_obs(i, 0));
}

// without the fsync of write_atomically: these tests write thousands of times
void overwrite(const fs::path& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void flip(const fs::path& path, std::size_t at) {
  auto bytes = read_bytes(path);
  ASSERT_LT(at, bytes.size());
  bytes[at] ^= 1;
  overwrite(path, bytes);
}

class Buffer : public testing::TestWithParam<std::size_t> {};

TEST_P(Buffer, BehavesLikeAList) {
  const std::size_t capacity = GetParam();
  ReplayBuffer buffer(capacity, O, A);
  std::deque<Row> list;
  Stream stream(1);
  for (int n = 0; n < 500; ++n) {
    list.push_back(stream.next());
    if (list.size() > capacity) list.pop_front();
    add(buffer, list.back());
    ASSERT_EQ(buffer.size(), list.size());
    if (n % 17) continue;
    for (std::size_t i = 0; i < list.size(); ++i) {
      ASSERT_EQ(flat(buffer.at(i)), flat(list[i])) << "after " << n << ", row " << i;
      ASSERT_EQ(buffer.end(i), list[i].end) << "after " << n << ", row " << i;
    }
  }
  EXPECT_EQ(buffer.added(), 500u);
}

TEST_P(Buffer, RestoresBitForBitAfterManySaves) {
  const std::size_t capacity = GetParam();
  const TemporaryFolder scratch;
  ReplayBuffer buffer(capacity, O, A);
  Stream stream(2);
  EXPECT_EQ(buffer.append_new_rows(scratch.path()), 0u);
  // saves at odd distances, one of them longer than the ring: rows overwritten before they were saved leave a gap
  for (const int rows : {1, 0, 30, 7, 203, 5}) {
    for (int i = 0; i < rows; ++i) add(buffer, stream.next());
    const auto committed = buffer.append_new_rows(scratch.path());
    EXPECT_EQ(committed, buffer.added());
    ReplayBuffer back(capacity, O, A);
    back.restore(scratch.path(), committed, buffer.finished());
    expect_same(buffer, back);
  }
  // the restored one goes on in the same files
  ReplayBuffer back(capacity, O, A);
  back.restore(scratch.path(), buffer.added());
  for (int i = 0; i < 40; ++i) {
    const Row row = stream.next();
    add(buffer, row), add(back, row);
  }
  ReplayBuffer again(capacity, O, A);
  again.restore(scratch.path(), back.append_new_rows(scratch.path()));
  expect_same(buffer, again);
}

INSTANTIATE_TEST_SUITE_P(Capacities, Buffer, testing::Values(1, 2, 10, 64, 1000));

TEST(ReplayBuffer, SharesObservationsAndGrowsLazily) {
  ReplayBuffer buffer(2'000'000, O, A);
  EXPECT_EQ(buffer.bytes(), 0u);
  const std::vector<float> action(A, 0.5f);
  for (int i = 0; i < 5000; ++i) {
    const std::vector<float> obs(O, static_cast<float>(i)), next(O, static_cast<float>(i + 1));
    buffer.add(obs, action, 0, 1, next);
  }
  EXPECT_EQ(buffer.bytes(), 2 * 4096 * (O + A + 2) * sizeof(float)) << "two blocks, and no next observation of its own";
  EXPECT_EQ(buffer.at(4095).next_obs[0], 4096);
  EXPECT_EQ(buffer.at(4999).next_obs[0], 5000);
}

TEST(ReplayBuffer, SamplesEveryRowUniformly) {
  ReplayBuffer buffer(8, O, A);
  for (int i = 0; i < 13; ++i)
    buffer.add(std::vector<float>(O, 1), std::vector<float>(A, 0), static_cast<float>(i), 1, std::vector<float>(O, 2));
  BatchStorage out;
  out.resize(8000, O, A);
  Rng rng(5, "sample");
  buffer.sample(rng, out, 0, 8000);
  std::vector<int> seen(13);
  for (int i = 0; i < 8000; ++i) ++seen[static_cast<std::size_t>(out.reward[i])];
  for (int i = 0; i < 5; ++i) EXPECT_EQ(seen[i], 0) << "row " << i << " was overwritten";
  for (int i = 5; i < 13; ++i) EXPECT_NEAR(seen[i], 1000, 148);  // 5 standard deviations
}

TEST(ReplayBuffer, TakesADataset) {
  const Dataset data = Dataset::load(golden("h5py_next.hdf5"), {});
  ReplayBuffer buffer(100, O, A);
  buffer.append_dataset(data);
  ASSERT_EQ(buffer.size(), data.size());
  for (std::size_t i = 0; i < data.size(); ++i) EXPECT_EQ(flat(buffer.at(i)), flat(data.at(i)));
  ReplayBuffer other(100, O + 1, A);
  expect_error(Exit::kData, {"sizes"}, [&] { other.append_dataset(data); });
}

TEST(ReplayBuffer, RefusesNonsense) {
  expect_error(Exit::kUsage, {"0 rows"}, [] { ReplayBuffer(0, O, A); });
  ReplayBuffer buffer(10, O, A);
  const std::vector<float> obs(O, 1), action(A, 0), bad(O, NAN);
  expect_error(Exit::kDiverged, {"observation"}, [&] { buffer.add(bad, action, 0, 1, obs); });
  expect_error(Exit::kDiverged, {"next observation"}, [&] { buffer.add(obs, action, 0, 1, bad); });
  expect_error(Exit::kDiverged, {"reward"}, [&] { buffer.add(obs, action, INFINITY, 1, obs); });
  EXPECT_EQ(buffer.size(), 0u);
}

/// 60 rows in three saves of 20.
class Saved : public testing::Test {
 protected:
  Saved() {
    Stream stream(4);
    for (int save = 0; save < 3; ++save) {
      for (int i = 0; i < 20; ++i) add(buffer, stream.next());
      buffer.append_new_rows(scratch.path());
      lengths.push_back(fs::file_size(segment));
    }
  }
  void expect_damage(std::uint64_t committed, const std::vector<std::string>& parts) {
    std::vector<std::string> all = parts;
    all.push_back("segment-000000.bin");
    expect_error(Exit::kData, all, [&] { ReplayBuffer(100, O, A).restore(scratch.path(), committed); });
  }
  TemporaryFolder scratch;
  fs::path segment = scratch / "segment-000000.bin";
  ReplayBuffer buffer{100, O, A};
  std::vector<std::uintmax_t> lengths;
};

TEST_F(Saved, SavingCostsOnlyNewRows) {
  const auto row_bytes = (O + A + 2 + O + 2) * sizeof(float) + 1;  // a row, how it ended, and at most one next observation
  EXPECT_LE(lengths[1] - lengths[0], 20 * row_bytes + 40);
  EXPECT_LE(lengths[2] - lengths[1], 20 * row_bytes + 40);
  buffer.append_new_rows(scratch.path());
  EXPECT_EQ(fs::file_size(segment), lengths[2]);
}

TEST_F(Saved, CutsOffWhatWasNotCommitted) {
  ReplayBuffer back(100, O, A);
  back.restore(scratch.path(), 40);
  EXPECT_EQ(back.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(flat(back.at(i)), flat(buffer.at(i)));
  EXPECT_EQ(fs::file_size(segment), lengths[1]);
  // half a chunk, as a power cut leaves it
  ReplayBuffer again(100, O, A);
  { std::ofstream(segment, std::ios::app | std::ios::binary) << "half a chunk"; }
  again.restore(scratch.path(), 40);
  expect_same(back, again);
  EXPECT_EQ(fs::file_size(segment), lengths[1]);
  // a segment that no checkpoint knows of goes away
  write_atomically(scratch / "segment-000001.bin", std::string("stray"));
  ReplayBuffer(100, O, A).restore(scratch.path(), 40);
  EXPECT_FALSE(fs::exists(scratch / "segment-000001.bin"));
}

TEST_F(Saved, FindsFlippedBytes) {
  const auto intact = read_bytes(segment);
  // every byte of both headers, every fifth of the rest
  for (std::size_t at = 0; at < intact.size(); at += at < 80 ? 1 : 5) {
    flip(segment, at);
    expect_damage(60, {"segment"});
    overwrite(segment, intact);
  }
  ReplayBuffer back(100, O, A);
  back.restore(scratch.path(), 60);
  expect_same(buffer, back);
}

TEST_F(Saved, FindsTruncation) {
  const auto intact = read_bytes(segment);
  for (std::size_t size = 0; size < intact.size(); size += size < 80 ? 1 : 5) {
    fs::resize_file(segment, size);
    expect_damage(60, {"segment"});
    overwrite(segment, intact);
  }
}

TEST_F(Saved, NamesWhatIsWrong) {
  expect_damage(80, {"ends after row 60, but 80 were committed"});
  expect_damage(50, {"50"});
  expect_error(Exit::kData, {"sizes 3 and 2", "4 and 2"}, [&] { ReplayBuffer(100, O + 1, A).restore(scratch.path(), 60); });
  flip(segment, lengths[0] + 40);
  expect_damage(60, {"checksum of rows 20 to 39 differs", "--overwrite"});
  fs::remove(segment);
  expect_damage(60, {"is missing"});
  ReplayBuffer fresh(100, O, A);
  fresh.restore(scratch.path(), 0);
  EXPECT_EQ(fresh.size(), 0u);
}

TEST_F(Saved, AnotherFolderGetsEverything) {
  const TemporaryFolder other;
  write_atomically(other / "segment-000007.bin", std::string("from an earlier run"));
  ReplayBuffer back(100, O, A);
  back.restore(other.path(), (buffer.append_new_rows(other.path())));
  expect_same(buffer, back);
  EXPECT_FALSE(fs::exists(other / "segment-000007.bin"));
}

TEST_F(Saved, FullDiskKeepsWhatWasCommitted) {
  Stream stream(9);
  for (int i = 0; i < 30; ++i) add(buffer, stream.next());
  struct rlimit old;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {lengths[2] + 100, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(Exit::kMachine, {"segment-000000.bin"}, [&] { buffer.append_new_rows(scratch.path()); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(fs::file_size(segment), lengths[2]);
  ReplayBuffer before(100, O, A);
  before.restore(scratch.path(), 60);
  EXPECT_EQ(before.size(), 60u);
  ReplayBuffer after(100, O, A);  // with room again, the same call succeeds
  after.restore(scratch.path(), buffer.append_new_rows(scratch.path()));
  expect_same(buffer, after);
}

TEST(ReplayBufferFiles, ManyRowsSpanSegments) {
  const TemporaryFolder scratch;
  constexpr int kWide = 1000;
  ReplayBuffer buffer(24'000, kWide, A);
  std::vector<float> obs(kWide, 0), next(kWide, 0), action(A, 0);
  std::uint64_t committed = 0;
  for (int i = 0; i < 24'000; ++i) {
    next[0] = static_cast<float>(i + 1);
    buffer.add(obs, action, static_cast<float>(i), 1, next);
    std::swap(obs, next);
    if (i % 4'000 == 3'999) committed = buffer.append_new_rows(scratch.path());
  }
  EXPECT_TRUE(fs::exists(scratch / "segment-000001.bin"));
  ReplayBuffer back(24'000, kWide, A);
  back.restore(scratch.path(), committed);
  ASSERT_EQ(back.size(), 24'000u);
  for (std::size_t i = 0; i < 24'000; i += 501) EXPECT_EQ(flat(back.at(i)), flat(buffer.at(i)));
  fs::remove(scratch / "segment-000001.bin");
  expect_error(Exit::kData, {"segment-000001.bin", "missing"}, [&] { ReplayBuffer(24'000, kWide, A).restore(scratch.path(), committed); });
}

}  // namespace
}  // namespace warmstart
