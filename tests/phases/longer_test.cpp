// Runs that go on: longer than they were asked to, with other keys of logging and evaluation; and runs that learn nothing.
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

class Longer : public testing::Test {
 protected:
  /// Every evaluation falls on a round step: 30 steps of warm-up without the reference's one more.
  std::vector<Override> with(const std::vector<Override>& more) {
    std::vector<Override> all = {{"warm_up.reference_count", "false"}, {"eval.every", "10"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void go(const std::string& name, const std::vector<Override>& keys, bool resume = false) {
    RunOptions options = options_in(folder / name);
    options.resume = resume;
    notes.clear();
    options.progress = [&](const Progress& p) { notes += p.note + "\n"; };
    warmstart::Run run(tiny_recipe(folder, with(keys)), options);
    try {
      train(run);
    } catch (const BudgetUsed&) {
    }
    updates = run.state.updates, first_update = run.state.first_update;
  }
  nlohmann::json info(const std::string& name) { return nlohmann::json::parse(read_text(folder / name / "run.json")); }
  std::vector<float> final_numbers(const std::string& name) {
    AgentFile file = read_agent_file(folder / name / "final.safetensors");
    return numbers(file.agent);
  }
  void expect_same(const std::string& a, const std::string& b) {
    for (const char* name : {"metrics.jsonl", "metrics.csv"})
      EXPECT_TRUE(read_text(folder / a / name) == read_text(folder / b / name)) << name;
    EXPECT_EQ(final_numbers(a), final_numbers(b));
  }
  std::vector<MetricsRow> warnings(const std::string& name) {
    std::vector<MetricsRow> out;
    for (const MetricsRow& row : read_metrics(folder / name))
      if (row.kind == "monitor" && row.values.at(0).first == "no_updates") out.push_back(row);
    return out;
  }
  TemporaryFolder folder;
  std::string notes;
  std::int64_t updates = 0, first_update = 0;
};

TEST_F(Longer, AFinishedRunGoesOnAsIfItHadBeenAskedToFromTheStart) {
  for (const char* agent : {"sac", "calql"}) {
    const std::string whole = std::string("whole ") + agent, grown = std::string("grown ") + agent;
    const std::vector<Override> method = {{"finetune.agent", agent}, {"retention.mode", std::string(agent) == "sac" ? "none" : "mixed"}};
    const auto steps = [&](const char* n) {
      auto keys = method;
      keys.emplace_back("finetune.steps", n);
      keys.emplace_back("warm_up.steps", "40");  // one episode, which Cal-QL learns from
      return keys;
    };
    go(whole, steps("70"));
    go(grown, steps("20"));
    EXPECT_EQ(info(grown)["status"], "done");
    EXPECT_TRUE(info(grown)["changes"].empty());
    go(grown, steps("40"), true);
    EXPECT_NE(notes.find("finetune.steps (was 20, now 40)"), std::string::npos) << notes;
    go(grown, steps("70"), true);
    expect_same(whole, grown);
    EXPECT_EQ(read_text(folder / whole / "recipe.toml"), read_text(folder / grown / "recipe.toml"));
    const auto told = info(grown);
    EXPECT_EQ(told["status"], "done");
    EXPECT_EQ(told["steps"]["online"], 110);
    EXPECT_EQ(told["updates"], info(whole)["updates"]);
    ASSERT_EQ(told["changes"].size(), 2u);
    EXPECT_EQ(told["changes"][1]["at"], "done, step 80");
    EXPECT_EQ(told["changes"][1]["key"], "finetune.steps");
    EXPECT_EQ(told["changes"][1]["was"], "40");
    EXPECT_EQ(told["changes"][1]["now"], "70");
  }
}

TEST_F(Longer, AStoppedRunTakesALargerNumberToo) {
  go("whole", {{"finetune.steps", "40"}});
  go("grown", {{"finetune.steps", "20"}, {"run.max_steps", "43"}});
  go("grown", {{"finetune.steps", "40"}}, true);
  expect_same("whole", "grown");
}

TEST_F(Longer, TheLastEvaluationOfTheShorterRunStaysWhereItFellBetween) {
  go("whole", {{"finetune.steps", "40"}});
  go("grown", {{"finetune.steps", "25"}});
  go("grown", {{"finetune.steps", "40"}}, true);
  EXPECT_EQ(final_numbers("whole"), final_numbers("grown"));
  std::vector<std::int64_t> steps;
  for (const MetricsRow& row : read_metrics(folder / "grown"))
    if (row.kind == "eval" && row.phase == "finetune") steps.push_back(row.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{40, 50, 55, 60, 70}));
}

TEST_F(Longer, RollBackGoesOnFromTheSameEvaluation) {
  const std::vector<Override> rolling = {{"monitor.roll_back", "true"}, {"monitor.warm_up_steps", "7"}, {"agent.actor_lr", "0.05"}};
  const auto steps = [&](const char* n) {
    auto keys = rolling;
    keys.emplace_back("finetune.steps", n);
    return keys;
  };
  go("whole", steps("120"));
  go("grown", steps("50"));
  for (const char* n : {"60", "70", "80", "90", "100", "120"}) go("grown", steps(n), true);
  expect_same("whole", "grown");
}

TEST_F(Longer, OtherKeysThanThoseOfLoggingAndEvaluationAreLocked) {
  const std::vector<Override> short_run = {{"finetune.steps", "20"}};
  const auto resumed = [&](std::vector<Override> keys) { return [this, keys] { go("run", keys, true); }; };
  go("run", short_run);
  expect_error(Exit::kUsage, {"recipe changed", "agent.tau (was 0.005, now 0.01)", "finetune.utd (was 2, now 4)", "--out"},
               resumed({{"finetune.steps", "40"}, {"agent.tau", "0.01"}, {"finetune.utd", "4"}}));
  expect_error(Exit::kUsage, {"finetune.steps = 10", "the 20", "20 or more"}, resumed({{"finetune.steps", "10"}}));
  expect_error(Exit::kUsage, {"pretrain.steps (was 20, now 50)", "phase is over"},
               resumed({{"finetune.steps", "20"}, {"pretrain.steps", "50"}}));
  EXPECT_EQ(info("run")["status"], "done");
  EXPECT_TRUE(info("run")["changes"].empty()) << "nothing was touched";

  // no dataset is needed any more, so where it lies says nothing
  const std::string before = read_text(folder / "run" / "final.safetensors");
  go("run",
     {{"finetune.steps", "20"},
      {"eval.every", "5"},
      {"eval.episodes", "1"},
      {"run.log_every", "5"},
      {"label", "mine"},
      {"data.path", "gone.hdf5"}},
     true);
  EXPECT_EQ(read_text(folder / "run" / "final.safetensors"), before) << "there was nothing to do";
  EXPECT_EQ(info("run")["changes"].size(), 5u);
  EXPECT_EQ(info("run")["label"], "mine");
  EXPECT_NE(read_text(folder / "run" / "recipe.toml").find("\"mine\""), std::string::npos);
  go("run",
     {{"finetune.steps", "40"},
      {"eval.every", "5"},
      {"eval.episodes", "1"},
      {"run.log_every", "5"},
      {"label", "mine"},
      {"data.path", "gone.hdf5"}},
     true);
  EXPECT_EQ(info("run")["changes"].size(), 6u) << "each is told once";
  go("whole", {{"finetune.steps", "40"}});
  EXPECT_EQ(final_numbers("run"), final_numbers("whole")) << "how often a run is looked at changes nothing";

  go("rolling", {{"monitor.roll_back", "true"}});
  expect_error(Exit::kUsage, {"eval.episodes (was 2, now 3)", "monitor.roll_back"}, [&] {
    go("rolling", {{"monitor.roll_back", "true"}, {"eval.episodes", "3"}}, true);
  });
}

TEST_F(Longer, ATableAskedForLaterHoldsAllThatWasLogged) {
  go("whole", {{"finetune.steps", "40"}});
  go("grown", {{"finetune.steps", "20"}, {"log.csv", "false"}});
  EXPECT_FALSE(fs::exists(folder / "grown" / "metrics.csv"));
  go("grown", {{"finetune.steps", "40"}}, true);
  expect_same("whole", "grown");
}

TEST_F(Longer, PretrainingTooWhileItLasts) {
  const auto pretrain_until = [&](const char* name, const char* steps, std::int64_t stop, bool resume) {
    RunOptions options = options_in(folder / name);
    options.resume = resume;
    warmstart::Run run(tiny_recipe(folder, with({{"pretrain.steps", steps}})), options);
    if (stop == 0) return pretrain(run);
    run.options.progress = {};
    stop_requested() = true;
    EXPECT_THROW(pretrain(run), Error);
    stop_requested() = false;
  };
  pretrain_until("grown", "10", 1, false);
  pretrain_until("grown", "20", 0, true);
  pretrain_until("whole", "20", 0, false);
  AgentFile a = read_agent_file(folder / "grown" / "pretrained.safetensors"),
            b = read_agent_file(folder / "whole" / "pretrained.safetensors");
  EXPECT_EQ(numbers(a.agent), numbers(b.agent));
}

TEST_F(Longer, ACheckpointOfAnotherFormatIsRefused) {
  go("run", {{"finetune.steps", "20"}});
  const fs::path path = folder / "run" / kCheckpointFile;
  for (const char* format : {"", "1", "3"}) {
    SafeTensors file = read_safetensors(path);
    ASSERT_EQ(file.metadata.at("checkpoint_format"), std::to_string(kCheckpointFormat));
    if (*format) file.metadata["checkpoint_format"] = format;
    else file.metadata.erase("checkpoint_format");
    write_safetensors(path, file);
    expect_error(Exit::kData,
                 {kCheckpointFile, std::string("format ") + (*format ? format : "1"), "reads format 2", "--overwrite", "finetune --from"},
                 [&] {
                   go("run", {{"finetune.steps", "40"}}, true);
                 });
    EXPECT_NO_THROW(read_agent_file(path)) << "the agent in it can be read";
    file.metadata["checkpoint_format"] = std::to_string(kCheckpointFormat);
    write_safetensors(path, file);
  }
}

TEST_F(Longer, NoUpdateIsAWarningWithItsReason) {
  go("few", {{"finetune.steps", "40"}, {"finetune.min_buffer", "60"}});
  EXPECT_EQ(updates, 11);
  EXPECT_EQ(first_update, 60);
  EXPECT_EQ(info("few")["updates"], 11);
  EXPECT_EQ(info("few")["first_update"], 60);
  auto told = warnings("few");
  ASSERT_EQ(told.size(), 1u) << "once, when a quarter had passed";
  EXPECT_EQ(told[0].step, 40);
  EXPECT_NE(notes.find("no update in the first 10 of 40 steps"), std::string::npos) << notes;
  EXPECT_NE(notes.find("60 transitions (finetune.min_buffer), and there are 40"), std::string::npos) << notes;

  // no episode ends: nothing to make Monte-Carlo returns of
  go("none", {{"finetune.agent", "calql"},
              {"env.max_episode_steps", "5000"},
              {"data.collect", "true"},
              {"data.path", (folder / "long.hdf5").string()},
              {"collect.steps", "6000"},
              {"eval.episodes", "1"},
              {"eval.every", "0"}});
  EXPECT_EQ(updates, 0);
  EXPECT_TRUE(info("none")["first_update"].is_null());
  told = warnings("none");
  ASSERT_EQ(told.size(), 2u) << "in time, and at the end";
  EXPECT_EQ(told[0].step, 36);
  EXPECT_EQ(told[1].step, 55);
  EXPECT_NE(notes.find("not one update in 25 steps"), std::string::npos) << notes;
  EXPECT_NE(notes.find("none has ended (env.max_episode_steps"), std::string::npos) << notes;
  AgentFile before = read_agent_file(folder / "none" / "pretrained.safetensors");
  EXPECT_EQ(before.agent.actor.params, read_agent_file(folder / "none" / "final.safetensors").agent.actor.params);
  go("plenty", {});
  EXPECT_TRUE(warnings("plenty").empty());
}

TEST_F(Longer, ARunThatCannotMakeOneUpdateIsRefused) {
  const auto recipe = [&](std::vector<Override> keys) { return tiny_recipe(folder, with(keys)); };
  EXPECT_NO_THROW(recipe({{"warm_up.steps", "0"}, {"finetune.steps", "16"}}));
  expect_error(Exit::kUsage, {"not one update", "15 environment steps", "16 transitions", "finetune.batch", "finetune.utd"}, [&] {
    recipe({{"warm_up.steps", "0"}, {"finetune.steps", "15"}});
  });
  expect_error(Exit::kUsage, {"not one update", "finetune.min_buffer"}, [&] { recipe({{"finetune.min_buffer", "56"}}); });
  EXPECT_NO_THROW(recipe({{"finetune.min_buffer", "55"}}));
  EXPECT_NO_THROW(recipe({{"finetune.steps", "0"}, {"finetune.batch", "4096"}})) << "nobody asks it to learn";
  // rows of an appended dataset count, once it is known
  const std::vector<Override> append = {{"retention.mode", "append"}, {"finetune.min_buffer", "600"}};
  expect_error(Exit::kUsage, {"not one update", "transitions of the dataset", "600"}, [&] { go("append", append); });
  EXPECT_FALSE(fs::exists(folder / "append")) << "before anything is written";
  go("append", {{"retention.mode", "append"}, {"finetune.min_buffer", "400"}});
  EXPECT_GT(updates, 0);
}

TEST_F(Longer, APhaseThatDoesNotRunAsksForNothing) {
  const std::string no_data = "[env]\nid = \"PointMaze_UMaze_Episodic-v3\"\n";
  const std::string file = (folder / "r.toml").string();
  spill(file, no_data);
  expect_error(Exit::kUsage, {"no dataset"}, [&] { load_recipe(file); });
  expect_error(Exit::kUsage, {"no dataset", "pretrain.steps"}, [&] { load_recipe(file, {}, RecipeSize::kFull, {.online = false}); });
  EXPECT_NO_THROW(load_recipe(file, {}, RecipeSize::kFull, {.pretrain = false}));
  expect_error(Exit::kUsage, {"no dataset", "retention.mode"}, [&] {
    load_recipe(file, {{"retention.mode", "mixed"}}, RecipeSize::kFull, {.pretrain = false});
  });
  const std::vector<Override> offline = {{"data.path", "d.hdf5"}, {"pretrain.agent", "bc"}, {"finetune.steps", "3"}};
  EXPECT_NO_THROW(load_recipe(file, offline, RecipeSize::kFull, {.online = false}));
  EXPECT_THROW(load_recipe(file, offline), Error);
}

TEST_F(Longer, OneEvaluationAtTheEnd) {
  const auto evaluations = [&](const std::string& name, const std::vector<Override>& keys) {
    RunOptions options = options_in(folder / name);
    warmstart::Run run(tiny_recipe(folder, keys), options);
    train(run);
    std::vector<std::int64_t> steps;
    for (const MetricsRow& row : read_metrics(folder / name))
      if (row.kind == "eval" && row.phase == "finetune") steps.push_back(row.step);
    return steps;
  };
  using Steps = std::vector<std::int64_t>;
  // 31 steps of warm-up as the reference counts, and 29: the evaluations of steps 60 and 61 would be of neighbors
  EXPECT_EQ(evaluations("a", {{"eval.every", "20"}, {"finetune.steps", "30"}}), (Steps{40, 61}));
  EXPECT_EQ(evaluations("b", {{"eval.every", "20"}, {"finetune.steps", "31"}}), (Steps{40, 60, 62}));
  EXPECT_EQ(evaluations("c", {{"eval.every", "20"}, {"finetune.steps", "31"}, {"warm_up.reference_count", "false"}}), (Steps{40, 60, 61}));
}

}  // namespace
}  // namespace warmstart
