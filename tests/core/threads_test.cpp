// The team runs every task once, hands exceptions back, survives them, and stands many tiny loops.
#include "warmstart/core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace warmstart {
namespace {

class Team : public ::testing::TestWithParam<int> {
 protected:
  ThreadTeam team{GetParam()};
};

TEST_P(Team, RunsEveryTaskOnceWithAValidWorker) {
  EXPECT_EQ(team.size(), GetParam());
  for (const int tasks : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<std::atomic<int>> runs(tasks);
    std::atomic<int> bad{0};
    team.for_each(tasks, [&](int i, int worker) {
      ++runs[i];
      if (worker < 0 || worker >= team.size()) ++bad;
    });
    for (const auto& r : runs) EXPECT_EQ(r, 1);
    EXPECT_EQ(bad, 0);
  }
}

TEST_P(Team, NoWorkerRunsTwoTasksAtOnce) {  // scratch memory is kept per worker
  std::vector<std::atomic<int>> busy(GetParam());
  std::atomic<int> clashes{0};
  team.for_each(200, [&](int, int worker) {
    if (busy[worker].fetch_add(1) != 0) ++clashes;
    std::this_thread::yield();
    busy[worker].fetch_sub(1);
  });
  EXPECT_EQ(clashes, 0);
}

TEST_P(Team, RethrowsAndStaysUsable) {
  for (int round = 0; round < 50; ++round) {
    const auto run = [&] {
      team.for_each(20, [&](int i, int) {
        if (i == 13) throw std::runtime_error("task 13");
      });
    };
    try {
      run();
      FAIL() << "no exception";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "task 13");
    }
    std::atomic<int> sum{0};
    team.for_each(10, [&](int i, int) { sum += i; });  // the old exception must not come back
    EXPECT_EQ(sum, 45);
  }
}

TEST_P(Team, ManySmallLoopsSeeTheLoopBefore) {
  std::vector<int> values(17, 0);
  const int loops = 20000;
  for (int k = 0; k < loops; ++k) team.for_each(17, [&](int i, int) { values[i] = values[i] + 1; });  // no atomics: the join must order
  for (int v : values) ASSERT_EQ(v, loops);
}

TEST_P(Team, TwoTeamsAndEarlyDestruction) {
  for (int k = 0; k < 30; ++k) {
    ThreadTeam other(GetParam());  // some are destroyed before their workers have run anything
    if (k % 2) {
      std::atomic<int> sum{0};
      other.for_each(5, [&](int i, int) { sum += i; });
      EXPECT_EQ(sum, 10);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Team, ::testing::Values(1, 2, 3, 8), ::testing::PrintToStringParamName());

TEST(Team, SeveralThreadsReallyWork) {
  ThreadTeam team(2);
  std::atomic<int> waiting{0};
  team.for_each(2, [&](int, int) {  // each waits for the other: one thread alone would never return
    ++waiting;
    while (waiting < 2) std::this_thread::yield();
  });
  EXPECT_EQ(waiting, 2);
}

TEST(Team, CountsCpus) { EXPECT_GE(available_cpus(), 1); }

}  // namespace
}  // namespace warmstart
