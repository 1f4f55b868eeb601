// Datasets that learners leave behind: a run's replay buffer, and what its agent does.
#include "warmstart/phases/replay_dataset.h"

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/collect.h"

namespace warmstart {
namespace {

TEST(ReplayDataset, HoldsWhatTheRunMet) {
  const TemporaryFolder folder;
  warmstart::Run run(tiny_recipe(folder, {{"finetune.steps", "60"}}), options_in(folder / "run"));
  train(run);
  ASSERT_TRUE(is_run_folder(folder / "run"));
  const D4rlFile file = replay_dataset(folder / "run");
  ASSERT_EQ(file.rewards.size(), run.buffer->stored());
  ASSERT_EQ(file.rewards.size(), 91u) << "warm-up, one step as the reference counts, and fine-tuning";
  int length = 0, episodes = 0;
  for (std::size_t t = 0; t < file.rewards.size(); ++t) {
    const Transition row = run.buffer->at(t);
    const int i = static_cast<int>(t);
    EXPECT_TRUE(std::equal(row.obs.begin(), row.obs.end(), file.observations.row(i)));
    EXPECT_TRUE(std::equal(row.action.begin(), row.action.end(), file.actions.row(i)));
    EXPECT_TRUE(std::equal(row.next_obs.begin(), row.next_obs.end(), file.next_observations.row(i)));
    EXPECT_EQ(10 * file.rewards[t] - 5, row.reward) << "the recipe's scale and bias";
    EXPECT_EQ(file.terminals[t] != 0, row.mask == 0);
    ++length;
    if (!file.terminals[t] && !file.timeouts[t]) continue;
    if (file.timeouts[t] && t + 1 < file.rewards.size()) {
      EXPECT_EQ(length, 40) << "the time limit";
    }
    ++episodes, length = 0;
  }
  EXPECT_GE(episodes, 3);
  EXPECT_EQ(length, 0) << "the last row closes its episode";
  EXPECT_EQ(file.metadata.at("env"), "PointMaze_UMaze_Episodic-v3");
}

TEST(ReplayDataset, LeavesARunningRunAlone) {
  const TemporaryFolder folder;
  const auto files = [&] {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "run"))
      if (entry.is_regular_file()) all[entry.path().string()] = read_text(entry.path());
    return all;
  };
  warmstart::Run run(tiny_recipe(folder, {{"run.max_steps", "40"}}), options_in(folder / "run"));
  EXPECT_FALSE(train(run)) << "the budget ends it";
  const std::string torn = read_text(folder / "run" / "buffer" / "segment-000000.bin") + "rows that no checkpoint names";
  spill(folder / "run" / "buffer" / "segment-000000.bin", torn);
  const auto before = files();
  EXPECT_EQ(replay_dataset(folder / "run").rewards.size(), 40u);
  EXPECT_EQ(files(), before);
}

TEST(ReplayDataset, NeedsARunThatCollected) {
  const TemporaryFolder folder;
  EXPECT_FALSE(is_run_folder(folder.path()));
  expect_error(Exit::kData, {"checkpoint.safetensors"}, [&] { replay_dataset(folder.path()); });
  warmstart::Run run(tiny_recipe(folder, {{"warm_up.steps", "0"}, {"finetune.steps", "0"}}), options_in(folder / "run"));
  train(run);
  expect_error(Exit::kData, {"collected nothing", "run"}, [&] { replay_dataset(folder / "run"); });
}

TEST(Collect, ASavedAgentActs) {
  const TemporaryFolder folder;
  warmstart::Run run(tiny_recipe(folder), options_in(folder / "run"));
  train(run);
  const std::string agent = (folder / "run" / "final.safetensors").string();
  const CollectConfig config{.policy = "agent", .agent = agent, .steps = 200, .seed = 4};
  const D4rlFile file = collect_steps(run.recipe.env, config).file;
  EXPECT_EQ(file.metadata.at("agent").rfind("final.safetensors, checksum ", 0), 0u) << file.metadata.at("agent");
  // its own distribution: many draws at one state have the policy's mean
  const Actor& actor = run.agent->state().actor;
  Policy mode(std::make_shared<Actor>(actor), Rng(0, "mode"));
  std::vector<float> action(2);
  double away = 0, moved = 0;
  for (int t = 0; t < 200; ++t) {
    mode.act({file.observations.row(t), 6}, true, action);
    for (int k = 0; k < 2; ++k) away += file.actions(t, k) - action[k], moved += std::abs(file.actions(t, k) - action[k]);
  }
  EXPECT_GT(moved / 400, 0.05) << "it samples";
  EXPECT_LT(std::abs(away / 400), 0.15) << "around its mode";
  EXPECT_TRUE(collect_steps(run.recipe.env, config).file.rewards == file.rewards) << "the seed decides";
  expect_error(Exit::kUsage, {"collect.agent"}, [&] { collect_steps(run.recipe.env, {.policy = "agent", .steps = 10}); });
  expect_error(Exit::kData, {agent, "HalfCheetah-v4"}, [&] { collect_steps({.id = "HalfCheetah-v4"}, config); });
}

}  // namespace
}  // namespace warmstart
