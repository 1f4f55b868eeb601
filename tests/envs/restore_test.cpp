// Every registered task: 100 steps, save, load in a fresh process, 200 identical steps, bit for bit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "warmstart/core/files.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

/// Steps with random actions, starting new episodes as needed, and notes down everything that comes out.
std::vector<std::uint8_t> play(Env& env, Rng& rng, int steps) {
  StateWriter seen;
  std::vector<double> action(env.spec().action_size);
  for (int i = 0; i < steps; ++i) {
    for (double& a : action) a = rng.uniform(-1.2, 1.2);
    const Step step = env.step(action);
    seen.put(step.reward);
    seen.put(step.terminated);
    seen.put(step.truncated);
    seen.put(step.success);
    if (step.terminated || step.truncated) env.reset(rng);
    seen.put_bytes(env.obs().data(), env.obs().size_bytes());
    seen.put(env.qpos());
    seen.put(env.qvel());
    seen.put(env.goal());
  }
  return seen.bytes();
}

/// The fresh process: loads `state` of task `id`, plays on, leaves what it saw in `out`.
int continue_from(const std::string& id, const fs::path& state, const fs::path& out) {
  const auto bytes = read_bytes(state);
  StateReader in(bytes, state.string());
  const auto env = make_env({.id = id, .max_episode_steps = 150});
  Rng rng;
  in.get(rng);
  env->load(in);
  if (!in.done()) return 1;
  write_atomically(out, play(*env, rng, 200));
  return 0;
}

class Restore : public testing::TestWithParam<std::string> {};

TEST_P(Restore, IsExactInAFreshProcess) {
  const std::string id = GetParam();
  const fs::path folder = fs::temp_directory_path() / ("warmstart_restore_" + std::to_string(getpid()));
  make_folder(folder);
  const auto env = make_env({.id = id, .max_episode_steps = 150});  // a time limit falls into the steps after loading
  Rng rng(5, "restore");
  env->reset(rng);
  play(*env, rng, 100);
  StateWriter saved;
  saved.put(rng);
  env->save(saved);
  write_atomically(folder / "state", saved.bytes());
  const auto expected = play(*env, rng, 200);

  const std::string command = fs::read_symlink("/proc/self/exe").string() + " --continue " + id + " " + (folder / "state").string() + " " +
                              (folder / "out").string();
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  EXPECT_TRUE(read_bytes(folder / "out") == expected) << id << " went another way after loading";
  fs::remove_all(folder);
}

std::vector<std::string> all_ids() {
  std::vector<std::string> ids;
  for (const EnvSpec& spec : env_specs())
    if (spec.same_as.empty()) ids.push_back(spec.id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(AllIds, Restore, testing::ValuesIn(all_ids()));

}  // namespace
}  // namespace warmstart

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "--continue") return warmstart::continue_from(argv[2], argv[3], argv[4]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
