// `warmstart data`: what it prints and which exit code it asks for.
#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

std::string data(const std::vector<std::string>& arguments) {
  CLI::App app;
  add_data(app);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  reversed.push_back("data");
  testing::internal::CaptureStdout();
  try {
    app.parse(reversed);
  } catch (...) {
    std::fflush(stdout);
    std::fputs(testing::internal::GetCapturedStdout().c_str(), stdout);
    throw;
  }
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout();
}

/// Two episodes of a random policy with the states they went through, as `collect` records them.
D4rlFile recorded(const std::string& id) {
  const auto env = make_env({.id = id});
  const int T = 40, O = env->spec().obs_size, A = env->spec().action_size;
  D4rlFile f;
  f.observations.resize(T, O), f.actions.resize(T, A), f.next_observations.resize(T, O);
  f.terminals.assign(T, 0), f.timeouts.assign(T, 0);
  Rng rng(3, "verb");
  for (int i = 0; i < T; ++i) {
    if (i % 20 == 0) env->reset(rng);
    const auto keep = [&](const char* name, const std::vector<double>& row) {
      if (row.empty()) return;
      DoubleTable& table = f.infos[name];
      table.rows = T, table.cols = static_cast<int>(row.size());
      table.values.insert(table.values.end(), row.begin(), row.end());
    };
    keep("qpos", env->qpos()), keep("qvel", env->qvel()), keep("goal", env->goal());
    std::copy(env->obs().begin(), env->obs().end(), f.observations.row(i));
    std::vector<double> action(static_cast<std::size_t>(A));
    for (int j = 0; j < A; ++j) action[static_cast<std::size_t>(j)] = f.actions(i, j) = static_cast<float>(rng.uniform(-1, 1));
    f.rewards.push_back(static_cast<float>(env->step(action).reward));
    std::copy(env->obs().begin(), env->obs().end(), f.next_observations.row(i));
    f.timeouts[static_cast<std::size_t>(i)] = i % 20 == 19;
  }
  return f;
}

TEST(DataVerb, InfoAsTextAndJson) {
  const std::string path = golden("h5py_plain.hdf5").string();
  const std::string text = data({"info", path});
  for (const char* part : {"6 (5 transitions)", "observation 3, action 2", "2, length 3 .. 3", "1 terminals, 1 timeouts", "qpos (2)",
                           "algorithm = SAC", "####"})
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in:\n" << text;
  EXPECT_EQ(nlohmann::json::parse(data({"info", path, "--json"}))["transitions"], 5);
}

TEST(DataVerb, InfoReportsNaNs) {
  const TemporaryFolder scratch;
  D4rlFile file = six_steps();
  file.observations(4, 1) = NAN;
  write_d4rl(scratch / "nan.hdf5", file);
  EXPECT_NE(data({"info", (scratch / "nan.hdf5").string()}).find("1 NaN or infinite, first in row 4"), std::string::npos);
  expect_error(Exit::kData, {"does not exist"}, [&] { data({"info", "absent.hdf5"}); });
}

TEST(DataVerb, VerifyReplaysTheDynamics) {
  const TemporaryFolder scratch;
  const std::string path = (scratch / "a.hdf5").string();
  for (const char* id : {"PointMaze_Medium-v3", "HalfCheetah-v5"}) {
    SCOPED_TRACE(id);
    D4rlFile file = recorded(id);
    write_d4rl(path, file);
    const std::string text = data({"verify", path, "--env", id});
    EXPECT_NE(text.find("38 transitions replayed"), std::string::npos) << text;
    EXPECT_NE(text.find("ok: 40 transitions in 2 episodes"), std::string::npos) << text;
    // states that belong to other rows
    auto& qpos = file.infos["qpos"].values;
    std::rotate(qpos.begin(), qpos.begin() + 10 * file.infos["qpos"].cols, qpos.end());
    write_d4rl(path, file);
    expect_error(Exit::kData, {"1 problem"}, [&] { data({"verify", path, "--env", id}); });
  }
}

TEST(DataVerb, VerifyNamesEveryProblem) {
  const TemporaryFolder scratch;
  const std::string path = (scratch / "a.hdf5").string();
  D4rlFile file = six_steps();
  file.actions(0, 0) = 2;
  file.rewards[1] = NAN;
  write_d4rl(path, file);
  // sizes of observation and action, NaN, action range
  expect_error(Exit::kData, {"4 problems", "HalfCheetah-v5"}, [&] { data({"verify", path, "--env", "HalfCheetah-v5"}); });
  expect_error(Exit::kUsage, {"HalfCheetah-v5"}, [&] { data({"verify", path, "--env", "HalfCheeta-v5"}); });
}

}  // namespace
}  // namespace warmstart
