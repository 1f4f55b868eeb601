// data.normalize: whose statistics they are, who sees by them, and that no interruption, seed or thread changes a bit. Also what is said of
// data whose sizes nobody learns from.
#include <cmath>

#include "fixtures.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {
namespace {

class Normalize : public testing::Test {
 protected:
  Recipe recipe(const std::string& normalize, std::vector<Override> overrides = {}) {
    overrides.insert(overrides.begin(), {"data.normalize", normalize});
    return tiny_recipe(folder, overrides);
  }
  std::unique_ptr<warmstart::Run> begun(const Recipe& r, RunOptions options) { return std::make_unique<warmstart::Run>(r, options); }
  /// Trains in a folder of its own.
  std::unique_ptr<warmstart::Run> trained(const Recipe& r, int threads = 1) {
    RunOptions options = options_in(folder / ("run" + std::to_string(++runs_)));
    options.threads = threads;
    auto run = begun(r, options);
    train(*run);
    return run;
  }
  static const ObsStatistics& statistics(const warmstart::Run& run) { return run.agent->state().actor.normalizer.statistics(); }
  static void expect_same(const warmstart::Run& a, const warmstart::Run& b) {
    EXPECT_EQ(numbers(a.agent->state()), numbers(b.agent->state()));
    EXPECT_EQ(a.policy->fingerprint(), b.policy->fingerprint());
    EXPECT_EQ(statistics(a).count, statistics(b).count);
    EXPECT_EQ(statistics(a).mean, statistics(b).mean);
    EXPECT_EQ(statistics(a).deviation, statistics(b).deviation);
  }
  /// The tiny dataset, after it has been collected, with `change` made to it.
  template <class Change>
  std::filesystem::path changed_data(const std::string& name, Change&& change) {
    if (!std::filesystem::exists(folder / "data.hdf5")) begun(recipe("none"), options_in(folder / "collecting"));
    D4rlFile file = read_d4rl(folder / "data.hdf5");
    change(file);
    write_d4rl(folder / name, file);
    return folder / name;
  }
  /// Lines of the terminal while `r` trains.
  std::string words(const Recipe& r) {
    RunOptions options = options_in(folder / ("run" + std::to_string(++runs_)));
    std::string all;
    options.progress = [&](const Progress& p) { all += p.note + "\n"; };
    warmstart::Run run(r, options);
    train(run);
    return all;
  }

  TemporaryFolder folder;

 private:
  int runs_ = 0;
};

TEST_F(Normalize, StatisticsAreThoseOfTheTransitionsLearnedFrom) {
  const auto run = begun(recipe("dataset", {{"env.max_episode_steps", "7"}}), options_in(folder / "run"));  // short enough to hold some out
  const Dataset& data = run->dataset();
  ASSERT_GT(data.held_out(), 0u);
  const ObsStatistics& s = statistics(*run);
  EXPECT_EQ(s.count, static_cast<std::int64_t>(data.size() - data.held_out()));
  for (int j = 0; j < data.obs_size(); ++j) {
    double mean = 0, squares = 0;
    for (const bool second : {false, true})
      for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.is_held_out(i)) continue;
        const double x = data.at(i).obs[static_cast<std::size_t>(j)];
        second ? squares += (x - mean) * (x - mean) : mean += x / static_cast<double>(s.count);
      }
    EXPECT_NEAR(s.mean[j], mean, 1e-12);
    EXPECT_NEAR(s.std(j), std::sqrt(squares / static_cast<double>(s.count)), 1e-12);
  }
}

TEST_F(Normalize, DatasetIsFrozenAndRunningGoesOn) {
  const auto frozen = trained(recipe("dataset")), running = trained(recipe("running"));
  const AgentFile start = read_agent_file(frozen->options.folder / "pretrained.safetensors"),
                  same = read_agent_file(running->options.folder / "pretrained.safetensors");
  const ObsStatistics& at_start = start.agent.actor.normalizer.statistics();
  EXPECT_EQ(at_start.mean, same.agent.actor.normalizer.statistics().mean);
  EXPECT_EQ(statistics(*frozen).count, at_start.count);
  EXPECT_EQ(statistics(*frozen).mean, at_start.mean);
  EXPECT_EQ(statistics(*running).count, at_start.count + 31 + 25) << "the warm-up's observations count too";
  // Welford's update of the dataset's statistics by what the buffer holds
  ObsStatistics want = at_start;
  for (std::size_t i = 0; i < running->buffer->stored(); ++i) want.add(running->buffer->at(i).obs);
  EXPECT_EQ(statistics(*running).mean, want.mean);
  EXPECT_EQ(statistics(*running).deviation, want.deviation);
  EXPECT_NE(numbers(frozen->agent->state()), numbers(running->agent->state()));
  EXPECT_NE(numbers(trained(recipe("none"))->agent->state()), numbers(frozen->agent->state()));
}

TEST_F(Normalize, TheWarmUpsPolicyStandsStill) {
  const auto run = begun(recipe("running"), options_in(folder / "run"));
  pretrain(*run);
  const std::string before = run->policy->fingerprint();
  EXPECT_EQ(before, run->state.evaluated_policy) << "who acts online is who was evaluated offline";
  warmup(*run);
  EXPECT_EQ(run->policy->fingerprint(), before) << "what the networks see changes with their first update";
  EXPECT_EQ(run->state.seen.count, statistics(*run).count + 31);
  // and so does the policy that is measured: nothing lies between it and the pre-trained one
  for (const auto& [name, value] : run->diagnostics.measure(run->agent->state(), true, *run->backend, run->buffer.get())) {
    EXPECT_TRUE(std::isfinite(value)) << name;
    if (name.starts_with("kl_") || name.starts_with("action_distance_")) {
      EXPECT_EQ(value, 0.0) << name;
    }
  }
}

// Columns in other units, by powers of two: without epsilon the learner sees the same bits, and learns the same.
TEST_F(Normalize, LearningDoesNotDependOnTheUnitsOfAColumn) {
  const auto scaled = changed_data("scaled.hdf5", [](D4rlFile& file) {
    for (Matrix* m : {&file.observations, &file.next_observations})
      for (int i = 0; i < m->rows(); ++i)
        for (int j = 0; j < m->cols(); ++j) m->row(i)[j] = std::ldexp(m->row(i)[j], 16 * (j - 2));
  });
  const auto pretrained = [&](const std::string& normalize, const std::string& epsilon, const std::filesystem::path& data) {
    const auto run = begun(recipe(normalize, {{"data.normalize_epsilon", epsilon}, {"data.path", data.string()}}),
                           options_in(folder / (normalize + epsilon + data.stem().string())));
    pretrain(*run);
    return numbers(run->agent->state());
  };
  EXPECT_EQ(pretrained("dataset", "0", scaled), pretrained("dataset", "0", folder / "data.hdf5"));
  EXPECT_NE(pretrained("none", "0", scaled), pretrained("none", "0", folder / "data.hdf5")) << "without it, units decide";
}

TEST_F(Normalize, TogetherOrApartAndOnAnyNumberOfThreadsIsTheSameRun) {
  for (const char* normalize : {"dataset", "running"}) {
    SCOPED_TRACE(normalize);
    const auto together = trained(recipe(normalize)), wide = trained(recipe(normalize), 3);
    expect_same(*together, *wide);
    RunOptions options = options_in(folder / (std::string("apart-") + normalize));
    options.from = together->options.folder / "pretrained.safetensors";
    const auto apart = begun(recipe(normalize), options);
    train(*apart);
    expect_same(*apart, *together);
  }
}

// Stopped at moments of every phase, resumed in a new object each time.
TEST_F(Normalize, ResumingIsExact) {
  struct Kind {
    std::string name;
    std::vector<Override> overrides;
  };
  const std::vector<Kind> kinds = {
      {"plain", {}},
      {"guided", {{"jsrl.guide", "random"}, {"jsrl.horizon", "20"}}},
      {"fitted", {{"finetune.initialise", "policy"}, {"finetune.critic_fit_steps", "6"}}},
      {"rolled back", {{"monitor.roll_back", "true"}, {"eval.every", "10"}}},
  };
  for (const auto& [name, overrides] : kinds) {
    SCOPED_TRACE(name);
    const Recipe r = recipe("running", overrides);
    const auto whole = trained(r);
    RunOptions options = options_in(folder / ("stopped " + name));
    int stops = 0;
    for (bool done = false; !done; options.resume = true) {
      warmstart::Run run(r, options);
      int ticks = 0;
      run.options.on_metrics = [&](const MetricsRow&) {
        if (++ticks == 1) stop_requested() = true;
      };
      try {
        train(run);
        done = true;
        expect_same(run, *whole);
      } catch (const Error& error) {
        ASSERT_EQ(static_cast<int>(error.code()), static_cast<int>(Exit::kInterrupted)) << error.what();
        ++stops;
      }
      stop_requested() = false;
      ASSERT_LT(stops, 60);
    }
    EXPECT_GT(stops, 5);
  }
}

TEST_F(Normalize, WithoutADatasetThereIsRunning) {
  const std::vector<Override> scratch = {{"pretrain.steps", "0"}, {"data.path", ""}, {"data.collect", "false"}, {"warm_up.steps", "0"}};
  RunOptions options = options_in(folder / "none");
  expect_error(Exit::kUsage, {"data.normalize", "pretrain.steps", "\"running\""}, [&] { begun(recipe("dataset", scratch), options); });
  EXPECT_FALSE(std::filesystem::exists(options.folder)) << "refused before anything was written";
  const auto run = trained(recipe("running", scratch));
  EXPECT_EQ(statistics(*run).count, 25);
  EXPECT_GT(run->state.updates, 0);
  // RLPD has one: its statistics are there before the first step
  const auto rlpd =
      begun(recipe("dataset", {{"pretrain.steps", "0"}, {"retention.mode", "mixed"}, {"warm_up.steps", "0"}}), options_in(folder / "rlpd"));
  EXPECT_GT(statistics(*rlpd).count, 300);
}

TEST_F(Normalize, AStartTrainedOtherwiseIsRefused) {
  for (const char* normalize : {"none", "dataset"}) {
    const auto start = begun(recipe(normalize), options_in(folder / (std::string("start-") + normalize)));
    pretrain(*start);
  }
  const auto from = [&](const std::string& start, const std::string& normalize, const std::string& epsilon = "0.001") {
    RunOptions options = options_in(folder / ("from-" + start + "-" + normalize + epsilon));
    options.from = folder / ("start-" + start) / "pretrained.safetensors";
    return begun(recipe(normalize, {{"data.normalize_epsilon", epsilon}}), options);
  };
  expect_error(Exit::kUsage, {"\"dataset\"", "\"none\"", "pretrained.safetensors", "data.normalize"}, [&] { from("dataset", "none"); });
  expect_error(Exit::kUsage, {"\"none\"", "\"running\"", "data.normalize"}, [&] { from("none", "running"); });
  expect_error(Exit::kUsage, {"0.001", "0.5", "data.normalize_epsilon"}, [&] { from("dataset", "dataset", "0.5"); });
  // told so, the online phase goes on with the statistics of its start
  const auto told = from("dataset", "running");
  train(*told);
  EXPECT_EQ(statistics(*told).count,
            read_agent_file(folder / "start-dataset" / "pretrained.safetensors").agent.actor.normalizer.statistics().count + 56);
}

TEST_F(Normalize, StatisticsThatDoNotFitTheFileAreRefused) {
  const auto run = begun(recipe("dataset"), options_in(folder / "run"));
  pretrain(*run);
  const auto with = [&](auto change) {
    SafeTensors file = read_safetensors(folder / "run" / "pretrained.safetensors");
    change(file);
    write_safetensors(folder / "changed.safetensors", file);
    read_agent_file(folder / "changed.safetensors");
  };
  expect_error(Exit::kData, {"normalizer/mean"}, [&] { with([](SafeTensors& f) { f.tensors.erase("normalizer/mean"); }); });
  expect_error(Exit::kData, {"normalizer/deviation"},
               [&] { with([](SafeTensors& f) { f.tensors["normalizer/deviation"] = Tensor::from({}, {0}); }); });
  expect_error(Exit::kData, {"cannot be", "normalizer/"}, [&] { with([](SafeTensors& f) { f.metadata.erase("normalizer_rows"); }); });
  expect_error(Exit::kData, {"cannot be"}, [&] { with([](SafeTensors& f) { f.metadata["normalizer_rows"] = "-3"; }); });
  expect_error(Exit::kData, {"normalized observations", "data.normalize"},
               [&] { with([&](SafeTensors& f) { f.metadata["recipe"] = recipe("none").toml(); }); });
}

TEST_F(Normalize, FreshNetworksKeepTheDatasStatistics) {
  for (const char* kept : {"both", "policy", "critic", "neither"}) {
    const auto run = trained(recipe("dataset", {{"finetune.initialise", kept}}));
    EXPECT_GT(statistics(*run).count, 0) << kept;
    EXPECT_EQ(run->policy->actor().normalizer.statistics().mean, statistics(*run).mean) << kept;
  }
}

TEST_F(Normalize, HostileSizesAreToldBeforeTheStart) {
  const auto with_obs = [&](const std::string& name, float factor) {
    return changed_data(name, [&](D4rlFile& file) {
      for (Matrix* m : {&file.observations, &file.next_observations})
        for (int i = 0; i < m->rows(); ++i) m->row(i)[1] *= factor;
    });
  };
  const auto said = [&](const std::string& normalize, const std::filesystem::path& data, std::vector<Override> more = {}) {
    more.insert(more.begin(), {{"data.path", data.string()}, {"finetune.steps", "0"}, {"warm_up.steps", "0"}});
    return words(recipe(normalize, more));
  };
  const auto huge = with_obs("huge.hdf5", 1e10f), tiny = with_obs("tiny.hdf5", 1e-30f);
  const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; };
  EXPECT_FALSE(has(said("none", folder / "data.hdf5"), "warning"));
  EXPECT_TRUE(has(said("none", huge), "warning: observations reach")) << "and it learns all the same";
  EXPECT_TRUE(has(said("none", huge), "(coordinate 1)"));
  EXPECT_FALSE(has(said("dataset", huge), "warning"));
  EXPECT_TRUE(has(said("none", tiny), "1 of 6 coordinates of the observations stay below 1e-07"));
  EXPECT_TRUE(has(said("dataset", tiny), "lower data.normalize_epsilon"));
  EXPECT_FALSE(has(said("dataset", tiny, {{"data.normalize_epsilon", "0"}}), "warning"));
  EXPECT_TRUE(has(said("none", folder / "data.hdf5", {{"env.reward_scale", "1e8"}}), "warning: rewards reach 1e+08"));
  EXPECT_TRUE(has(said("none", folder / "data.hdf5", {{"env.reward_scale", "1e-8"}, {"env.reward_bias", "0"}}),
                  "multiply env.reward_scale by 1e+08"));
}

TEST_F(Normalize, ADivergenceNamesStepQuantityAndCause) {
  D4rlFile file;  // of a task whose rewards know no bounds
  const EnvSpec& task = env_spec("Hopper-v5");
  file.observations.resize(200, task.obs_size), file.actions.resize(200, task.action_size);
  Rng rng(1, "hostile");
  rng.fill_normal({file.observations.data(), file.observations.size()});
  rng.fill_uniform({file.actions.data(), file.actions.size()}, -1, 1);
  file.rewards.assign(200, 1e20f), file.terminals.assign(200, 0), file.timeouts.assign(200, 0);
  const auto data = folder / "rewards.hdf5";
  write_d4rl(data, file);
  for (const char* agent : {"calql", "cql", "iql", "td3bc", "rebrac", "sac"}) {
    SCOPED_TRACE(agent);
    std::string folder_name = std::string("diverged-") + agent;
    const auto run = begun(recipe("none", {{"env.id", task.id},
                                           {"data.path", data.string()},
                                           {"pretrain.agent", agent},
                                           {"env.reward_scale", "1"},
                                           {"data.sparse_reward", "false"}}),
                           options_in(folder / folder_name));
    expect_error(Exit::kDiverged, {"critic_loss is", "rewards reach 1e+20", "pretrain, step ", "env.reward_scale multiplied by 1e-20"},
                 [&] { train(*run); });
  }
}

// Numbers that are odd and no fault.
TEST_F(Normalize, OddDataIsLearnedFrom) {
  const auto one_episode = changed_data("one.hdf5", [](D4rlFile& file) {
    std::fill(file.terminals.begin(), file.terminals.end(), 0), std::fill(file.timeouts.begin(), file.timeouts.end(), 0);
    file.timeouts.back() = 1;
  });
  const auto constant = changed_data("constant.hdf5", [](D4rlFile& file) {
    for (Matrix* m : {&file.observations, &file.next_observations})
      for (int i = 0; i < m->rows(); ++i) m->row(i)[0] = 3, m->row(i)[5] = 0;
    std::fill(file.rewards.begin(), file.rewards.end(), 0.0f);
  });
  for (const auto& data : {one_episode, constant})
    for (const char* agent : {"calql", "iql"})
      for (const char* normalize : {"none", "dataset", "running"}) {
        SCOPED_TRACE(data.string() + " " + agent + " " + normalize);
        const auto run = trained(recipe(normalize, {{"data.path", data.string()}, {"pretrain.agent", agent}}));
        for (const float x : numbers(run->agent->state())) ASSERT_TRUE(std::isfinite(x));
      }
  // without discount an endless sum has no value
  expect_error(Exit::kUsage, {"agent.discount", "data.sparse_reward"}, [&] { recipe("none", {{"agent.discount", "1"}}); });
  expect_error(Exit::kUsage, {"agent.discount", "data.infinite_horizon"}, [&] {
    recipe("none", {{"agent.discount", "1"}, {"data.sparse_reward", "false"}, {"data.infinite_horizon", "true"}});
  });
  const auto undiscounted = trained(recipe("none", {{"agent.discount", "1"}, {"data.sparse_reward", "false"}}));
  for (const float x : numbers(undiscounted->agent->state())) ASSERT_TRUE(std::isfinite(x));
}

}  // namespace
}  // namespace warmstart
