// The three phases in one process: what each does, leaves alone, writes and needs.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/collect.h"

namespace warmstart {
namespace {

class Phases : public testing::Test {
 protected:
  Recipe recipe(const std::vector<Override>& overrides = {}) { return tiny_recipe(folder, overrides); }
  /// Trains in a folder of its own and gives the final policy's fingerprint.
  std::string trained(const std::vector<Override>& overrides, int threads = 1) {
    RunOptions options = options_in(folder / ("run" + std::to_string(++runs_)));
    options.threads = threads;
    warmstart::Run run(recipe(overrides), options);
    train(run);
    return run.policy->fingerprint();
  }
  TemporaryFolder folder;

 private:
  int runs_ = 0;
};

TEST_F(Phases, WarmUpLearnsNothing) {
  warmstart::Run run(recipe(), options_in(folder / "run"));
  pretrain(run);
  ASSERT_EQ(run.state.phase, Phase::kWarmup);
  EXPECT_EQ(run.buffer->size(), 0u) << "warm-up starts from an empty buffer";
  const auto before = numbers(run.agent->state());
  EXPECT_EQ(run.policy->fingerprint(), run.state.evaluated_policy) << "who acts online is who was evaluated offline";

  warmup(run);
  EXPECT_EQ(run.state.phase, Phase::kFinetune);
  EXPECT_EQ(numbers(run.agent->state()), before);
  EXPECT_EQ(run.policy->fingerprint(), run.state.evaluated_policy);
  EXPECT_EQ(run.state.updates, 0);
  EXPECT_EQ(run.buffer->size(), 31u) << "one step more, as the reference implementation counts";

  finetune(run);
  EXPECT_EQ(run.state.phase, Phase::kDone);
  EXPECT_NE(numbers(run.agent->state()), before);
  EXPECT_EQ(run.state.updates, 25);
  EXPECT_EQ(run.buffer->size(), 31u + 25u);
}

TEST_F(Phases, TogetherOrApartIsTheSameRun) {
  warmstart::Run together(recipe(), options_in(folder / "together"));
  train(together);
  {
    warmstart::Run start(recipe(), options_in(folder / "start"));
    pretrain(start);
  }
  RunOptions options = options_in(folder / "apart");
  options.from = folder / "start" / "pretrained.safetensors";
  warmstart::Run apart(recipe(), options);
  train(apart);
  EXPECT_EQ(numbers(apart.agent->state()), numbers(together.agent->state()));
}

TEST_F(Phases, WarmUpOfExactlyKAndOfNone) {
  warmstart::Run exact(recipe({{"warm_up.reference_count", "false"}}), options_in(folder / "exact"));
  pretrain(exact), warmup(exact);
  EXPECT_EQ(exact.buffer->size(), 30u);
  warmstart::Run none(recipe({{"warm_up.steps", "0"}}), options_in(folder / "none"));
  train(none);
  EXPECT_EQ(none.buffer->size(), 25u);
  EXPECT_EQ(none.state.updates, 25 - 15) << "the first update waits for one whole batch of 16";
}

TEST_F(Phases, UpdatesWaitForMinBuffer) {
  warmstart::Run run(recipe({{"warm_up.steps", "0"}, {"finetune.min_buffer", "20"}}), options_in(folder / "run"));
  train(run);
  EXPECT_EQ(run.state.updates, 25 - 19);
}

TEST_F(Phases, RewardsAreScaledForLearnersAlone) {
  warmstart::Run run(recipe(), options_in(folder / "run"));
  train(run);
  std::set<float> rewards;
  for (std::size_t i = 0; i < run.buffer->size(); ++i) {
    const Transition t = run.buffer->at(i);
    rewards.insert(t.reward);
    EXPECT_EQ(t.mask, t.reward == 5.0f ? 0.0f : 1.0f) << "success ends an episode, a time limit does not";
  }
  for (float r : rewards) EXPECT_TRUE(r == -5.0f || r == 5.0f) << r;  // 10 * {0, 1} - 5
  for (const MetricsRow& row : read_metrics(folder / "run"))
    for (const auto& [name, value] : row.values)
      if (name == "return" || name == "return_mean") {
        EXPECT_TRUE(value >= 0 && value <= 1) << name << " " << value << ": people see the task's own rewards";
      }

  warmstart::Run again(recipe(), options_in(folder / "again"));
  for (std::size_t i = 0; i < again.dataset().size(); ++i) {
    const float r = again.dataset().at(i).reward;
    EXPECT_TRUE(r == -5.0f || r == 5.0f);
  }
}

TEST_F(Phases, MetricsOfEveryPhase) {
  warmstart::Run run(recipe({{"eval.pretrain_every", "10"}, {"eval.every", "20"}}), options_in(folder / "run"));
  train(run);
  std::map<std::string, std::vector<std::int64_t>> steps;
  for (const MetricsRow& row : read_metrics(folder / "run")) {
    steps[row.phase + " " + row.kind].push_back(row.step);
    if (row.kind != "train" || row.phase != "finetune") continue;
    std::set<std::string> names;
    for (const auto& [name, value] : row.values) {
      names.insert(name);
      EXPECT_TRUE(std::isfinite(value)) << name;
    }
    for (const char* name : {"critic_loss", "actor_loss", "temperature", "entropy", "q_mean", "target_q_mean"}) {
      EXPECT_TRUE(names.contains(name)) << name;
    }
    EXPECT_FALSE(names.contains("cql_gap")) << "SAC has no conservative term";
  }
  using Steps = std::vector<std::int64_t>;
  EXPECT_EQ(steps["pretrain train"], (Steps{10, 20}));
  EXPECT_EQ(steps["pretrain eval"], (Steps{10, 20}));
  EXPECT_EQ(steps["warmup switch"], (Steps{0}));
  EXPECT_TRUE(steps["warmup train"].empty());
  EXPECT_EQ(steps["finetune train"], (Steps{40, 50}));
  EXPECT_EQ(steps["finetune eval"], (Steps{40, 56}));
}

TEST_F(Phases, FinalFilesHoldWhatActs) {
  warmstart::Run run(recipe(), options_in(folder / "run"));
  train(run);
  const auto fingerprint = [&](const char* name) {
    return Policy(std::make_shared<Actor>(read_agent_file(folder / "run" / name).agent.actor), Rng()).fingerprint();
  };
  EXPECT_EQ(fingerprint("final.safetensors"), run.policy->fingerprint());
  EXPECT_EQ(fingerprint("pretrained.safetensors"), run.state.evaluated_policy);
  EXPECT_NE(fingerprint("final.safetensors"), fingerprint("pretrained.safetensors"));
}

TEST_F(Phases, SameSeedSameRunOnAnyNumberOfThreads) {
  const std::string one = trained({});
  EXPECT_EQ(trained({}), one);
  EXPECT_EQ(trained({}, 3), one);
  EXPECT_NE(trained({{"run.seed", "1"}}), one);
}

/// bf16 by emulation, on any CPU, while it lives.
struct EmulatedBf16 {
  EmulatedBf16() { ::setenv("WARMSTART_BF16", "emulate", 1); }
  ~EmulatedBf16() { ::unsetenv("WARMSTART_BF16"); }
};

TEST_F(Phases, Bf16IsAnotherRunAndTheSameOnAnyNumberOfThreads) {
  const EmulatedBf16 emulated;
  const std::string one = trained({{"run.precision", "bf16"}});
  EXPECT_EQ(trained({{"run.precision", "bf16"}}, 2), one);
  EXPECT_EQ(trained({{"run.precision", "bf16"}}, 3), one);
  EXPECT_NE(trained({}), one);
  EXPECT_NE(read_text(folder / "run1" / "run.json").find("\"precision\": \"bf16-emulated\""), std::string::npos);
}

TEST_F(Phases, ResumeInAnotherPrecisionIsRefused) {
  RunOptions options = options_in(folder / "run");
  const auto bf16 = recipe({{"run.precision", "bf16"}});
  {
    const EmulatedBf16 emulated;
    warmstart::Run run(bf16, options);
    pretrain(run);
  }
  options.resume = true;
  {
    const EmulatedBf16 emulated;
    expect_error(Exit::kUsage, {"recipe changed", "run.precision", "fp32"}, [&] { warmstart::Run(recipe(), options); });
    EXPECT_TRUE(warmstart::Run(bf16, options).resumed());
  }
  // the same wish on a machine that can only do less
  if (choose_precision("bf16").precision == Precision::kFp32)
    expect_error(Exit::kUsage, {"precision changed", "bf16-emulated", "fp32"}, [&] { warmstart::Run(bf16, options); });
}

TEST_F(Phases, RetentionModes) {
  const std::string none = trained({});
  EXPECT_EQ(trained({{"retention.mode", "mixed"}, {"retention.ratio", "0"}}), none) << "no share, no difference";
  const std::string half = trained({{"retention.mode", "mixed"}, {"retention.ratio", "0.5"}});
  EXPECT_NE(half, none);
  EXPECT_NE(trained({{"retention.mode", "mixed"}, {"retention.ratio", "0.5"}, {"retention.interleave", "false"}}), half);

  warmstart::Run append(recipe({{"retention.mode", "append"}}), options_in(folder / "append"));
  const std::size_t offline = append.dataset().size();
  pretrain(append);
  EXPECT_EQ(append.buffer->size(), offline);
  warmup(append), finetune(append);
  EXPECT_EQ(append.buffer->size(), offline + 31 + 25);
  EXPECT_EQ(append.state.updates, 25);
}

TEST_F(Phases, FineTuningNeedsOneFileAndNoDataset) {
  warmstart::Run first(recipe(), options_in(folder / "first"));
  pretrain(first);
  fs::remove(folder / "data.hdf5");

  RunOptions options = options_in(folder / "second");
  options.from = folder / "first" / "pretrained.safetensors";
  warmstart::Run second(recipe({{"data.collect", "false"}}), options);
  train(second);
  EXPECT_TRUE(second.finished());
  EXPECT_FALSE(fs::exists(folder / "data.hdf5"));

  options.folder = folder / "third";
  expect_error(Exit::kData, {"data.hdf5"}, [&] {
    warmstart::Run(recipe({{"data.collect", "false"}, {"retention.mode", "mixed"}}), options);
  });
}

TEST_F(Phases, PretrainedCopyStandsAlone) {
  warmstart::Run first(recipe(), options_in(folder / "first"));
  pretrain(first);
  const AgentFile file = read_agent_file(folder / "first" / "pretrained.safetensors");
  EXPECT_EQ(file.metadata.at("evaluated_policy"), first.state.evaluated_policy);
  // another policy in that file is not the one that was evaluated
  SafeTensors changed = read_safetensors(folder / "first" / "pretrained.safetensors");
  changed.metadata["evaluated_policy"] = "0123456789abcdef";
  write_safetensors(folder / "changed.safetensors", changed);
  RunOptions options = options_in(folder / "second");
  options.from = folder / "changed.safetensors";
  warmstart::Run second(recipe(), options);
  expect_error(Exit::kData, {"not the one evaluated offline"}, [&] { train(second); });
}

TEST_F(Phases, FoldersAreNotOverwrittenUnasked) {
  { warmstart::Run run(recipe({{"finetune.steps", "0"}}), options_in(folder / "run")); }
  expect_error(Exit::kUsage, {"holds a run", "--resume", "--overwrite"}, [&] { warmstart::Run(recipe(), options_in(folder / "run")); });
  RunOptions options = options_in(folder / "run");
  options.overwrite = true;
  folder.write("run/notes.txt", "mine");
  { warmstart::Run run(recipe(), options); }
  EXPECT_TRUE(fs::exists(folder / "run" / "notes.txt")) << "only a run's own files are replaced";

  warmstart::Run holder(recipe(), options);
  expect_error(Exit::kUsage, {"another process"}, [&] { warmstart::Run(recipe(), options); });
}

TEST_F(Phases, StopSavesAndResumeGoesOn) {
  const std::string whole = trained({});
  RunOptions options = options_in(folder / "stopped");
  {
    warmstart::Run run(recipe(), options);
    stop_requested() = true;
    expect_error(Exit::kInterrupted, {"interrupted and saved", "pretrain", "--resume"}, [&] { train(run); });
    stop_requested() = false;
  }
  options.resume = true;
  warmstart::Run run(recipe(), options);
  EXPECT_TRUE(run.resumed());
  EXPECT_EQ(run.state.pretrain_steps, 1);
  train(run);
  EXPECT_EQ(run.policy->fingerprint(), whole);
}

TEST_F(Phases, ResumeWithOtherKeysIsRefused) {
  RunOptions options = options_in(folder / "run");
  {
    warmstart::Run run(recipe(), options);
    pretrain(run);
  }
  options.resume = true;
  expect_error(Exit::kUsage, {"recipe changed", "agent.tau", "0.005"}, [&] { warmstart::Run(recipe({{"agent.tau", "0.01"}}), options); });
  expect_error(Exit::kData, {"another task"}, [&] { warmstart::Run(recipe({{"env.id", "PointMaze_Medium_Episodic-v3"}}), options); });
}

TEST(Collecting, IsLeftToOneOfSeveralRuns) {
  const TemporaryFolder folder;
  const Recipe recipe = tiny_recipe(folder);
  const fs::path lock = recipe.data.path + ".lock";
  const int other = ::open(lock.c_str(), O_CREAT | O_RDWR, 0666);  // another process is at it
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  std::size_t rows = 0;
  std::thread waiting([&] {
    warmstart::Run run(recipe, options_in(folder / "run"));
    rows = run.dataset().size();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(fs::exists(recipe.data.path)) << "it waits";
  CollectConfig theirs = recipe.collect;
  theirs.steps = 123;
  collect(recipe.env, theirs, recipe.data.path);
  ::flock(other, LOCK_UN);
  ::close(other);
  waiting.join();
  EXPECT_EQ(rows, 123u) << "the other's dataset";
}

}  // namespace
}  // namespace warmstart
