// Replays updates recorded from the public reference implementation, with its draws in place of ours.
// WARMSTART_GOLDEN_DIR names another folder of recordings.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/golden/replay.h"

namespace warmstart::golden {
namespace {

constexpr int kThreads = 2;
const std::string kBackends[] = {"reference", "cpu"};

fs::path folder() {
  const char* set = std::getenv("WARMSTART_GOLDEN_DIR");
  return set && *set ? fs::path(set) : fs::path(WARMSTART_GOLDEN) / "updates";
}

using Param = std::tuple<fs::path, std::string>;
class Golden : public testing::TestWithParam<Param> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);

TEST_P(Golden, Replays) {
  const auto& [path, backend_name] = GetParam();
  const Case c = read_case(path);
  const auto backend = make_backend(backend_name, kThreads);
  const Report report = replay(c, *backend);
  std::printf("golden %-22s %-9s worst %8.4f of its tolerance at %s (%zu numbers)\n", c.name.c_str(), backend_name.c_str(), report.worst,
              report.worst_name.c_str(), report.compared);
  EXPECT_TRUE(report.ok()) << report.failures.size() << " failures:" << report.text();
  EXPECT_GT(report.compared, 0u);
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::Combine(testing::ValuesIn(find_cases(folder())), testing::ValuesIn(kBackends)),
                         [](const testing::TestParamInfo<Param>& p) {
                           std::string name = std::get<0>(p.param).stem().string() + "_" + std::get<1>(p.param);
                           for (char& ch : name)
                             if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
                           return name;
                         });

TEST(GoldenFolder, HasCases) { EXPECT_FALSE(find_cases(folder()).empty()) << "no recorded case in " << folder(); }

}  // namespace
}  // namespace warmstart::golden
