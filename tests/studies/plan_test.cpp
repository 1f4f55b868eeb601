// The graph of a study's jobs: who shares a pre-training, what comes before what, and folders that hold another study.
#include "warmstart/studies/plan.h"

#include <algorithm>
#include <map>

#include "../support.h"
#include "warmstart/core/files.h"
#include "warmstart/studies/job.h"

namespace warmstart {
namespace {

class Plans : public ::testing::Test {
 protected:
  Plans() { folder.write("r.toml", "[env]\nid = \"PointMaze_UMaze_Episodic-v3\"\n[data]\npath = \"d.hdf5\"\n[pretrain]\nsteps = 10\n"); }
  StudyFile file(const std::string& text) { return read_study(folder.write("s.toml", "recipe = \"r.toml\"\n" + text)); }
  StudyPlan plan(const std::string& text, std::vector<std::int64_t> seeds = {0, 1}) { return make_plan(file(text), folder / "out", seeds); }
  static int count(const StudyPlan& p, JobKind kind) {
    return static_cast<int>(std::count_if(p.jobs.begin(), p.jobs.end(), [&](const StudyJob& j) { return j.kind == kind; }));
  }
  // Starts for one seed of arms a and b, where b has `keys`.
  int starts_with(const std::string& keys) {
    return count(plan("[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\nset = { " + keys + " }\n", {0}), JobKind::kStart);
  }
  TemporaryFolder folder;
};

TEST_F(Plans, ArmsThatDifferOnlineShareOnePretraining) {
  for (const std::string keys : {"warm_up.steps = 3", "finetune.utd = 2", "finetune.agent = \"cql\"", "retention.mode = \"mixed\"",
                                 "eval.every = 3", "run.log_every = 7", "iql.expectile = 0.8", "td3.actor_bc = 0.1", "env.mass_scale = 2",
                                 "run.replay_capacity = 10", "jsrl.window = 3"})
    EXPECT_EQ(starts_with(keys), 1) << keys;
}

TEST_F(Plans, SayWhenArmsWaitForEachOther) {
  const StudyPlan p = plan("[set]\nwarm_up.steps = 0\n[grid]\nfinetune.utd = [1, 2, 4]\n");
  ASSERT_EQ(p.notes.size(), 1u);
  EXPECT_EQ(p.notes[0],
            "finetune.min_buffer = 1024 for finetune.utd=1; finetune.utd=2: all arms of one grid begin to learn at the same step");
  EXPECT_NE(p.arms[0].recipe.find("min_buffer = 1024"), std::string::npos);
  EXPECT_EQ(p.arms[0].set.back(), (Override{"finetune.min_buffer", "1024"}));
  EXPECT_TRUE(plan("[grid]\nagent.tau = [0.1, 0.2]\n").notes.empty());
}

TEST_F(Plans, WhateverDecidesPretrainingGivesAnother) {
  for (const std::string keys : {"pretrain.steps = 11", "pretrain.agent = \"cql\"", "network.num_qs = 3", "agent.tau = 0.1",
                                 "cql.actions = 3", "env.reward_scale = 2", "data.sparse_reward = true", "data.path = \"e.hdf5\"",
                                 "run.precision = \"bf16\"", "env.max_episode_steps = 10", "network.critic_hidden = [8]"})
    EXPECT_EQ(starts_with(keys), 2) << keys;
  EXPECT_EQ(starts_with("pretrain.steps = 0"), 1);
}

TEST_F(Plans, SettingsOfIqlDecideWhereIqlPretrains) {
  const std::string iql = "[set]\npretrain.agent = \"iql\"\n";
  EXPECT_EQ(count(plan(iql + "[grid]\niql.expectile = [0.7, 0.8]\n", {0}), JobKind::kStart), 2);
}

TEST_F(Plans, AStartCanBeNamed) {
  const StudyPlan p = plan("[[arm]]\nname = \"b\"\nstart = \"a\"\nset = { agent.target_noise = 0.2 }\n[[arm]]\nname = \"a\"\n", {0});
  EXPECT_EQ(count(p, JobKind::kStart), 1);
  EXPECT_EQ(p.arms[0].start, p.arms[1].start);
  const auto start = std::find_if(p.jobs.begin(), p.jobs.end(), [](const StudyJob& j) { return j.kind == JobKind::kStart; });
  EXPECT_EQ(start->arm, "a") << "made by the settings of the arm that is named";
  expect_error(Exit::kUsage, {"another network", "arm b"},
               [&] { plan("[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\nstart = \"a\"\nset = { network.num_qs = 3 }\n"); });
  expect_error(Exit::kUsage, {"no pre-training", "arm b"},
               [&] { plan("[[arm]]\nname = \"a\"\nset = { pretrain.steps = 0 }\n[[arm]]\nname = \"b\"\nstart = \"a\"\n"); });
  expect_error(Exit::kUsage, {"start from each other"},
               [&] { plan("[[arm]]\nname = \"a\"\nstart = \"b\"\n[[arm]]\nname = \"b\"\nstart = \"a\"\n"); });
}

TEST_F(Plans, WhatIsNeededComesFirst) {
  const StudyPlan p = plan("[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\nset = { pretrain.steps = 0 }\n" +
                           std::string("[[arm]]\nname = \"c\"\nset = { pretrain.steps = 0, retention.mode = \"mixed\" }\n"));
  EXPECT_EQ(count(p, JobKind::kDataset), 1);
  EXPECT_EQ(count(p, JobKind::kStart), 2);
  EXPECT_EQ(count(p, JobKind::kRun), 6);
  for (std::size_t i = 0; i < p.jobs.size(); ++i)
    for (const std::size_t need : p.jobs[i].needs) EXPECT_LT(need, i) << p.jobs[i].id;
  const auto needs = [&](const std::string& arm) {
    std::vector<std::string> out;
    for (const StudyJob& j : p.jobs)
      if (j.kind == JobKind::kRun && j.arm == arm && j.seed == 1)
        for (const std::size_t need : j.needs) out.push_back(p.jobs[need].id.substr(0, p.jobs[need].id.find('/')));
    return out;
  };
  EXPECT_EQ(needs("a"), std::vector<std::string>{"start"});
  EXPECT_EQ(needs("b"), std::vector<std::string>{}) << "no data at all";
  EXPECT_EQ(needs("c"), std::vector<std::string>{"data"});
}

TEST_F(Plans, TwoDatasetsOfOneFileAreRefused) {
  const std::string two = "[set]\ndata.collect = true\n[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\nset = { collect.noise = 0.1 }\n";
  expect_error(Exit::kUsage, {"two different datasets", "d.hdf5", "data.path"}, [&] { plan(two); });
}

// A pack that is there must never be another arm's, whatever came into the file before it.
TEST_F(Plans, APacksNameDependsOnItsDatasetAlone) {
  const std::string d = "[[arm]]\nname = \"d\"\n", e = "[[arm]]\nname = \"e\"\nset = { data.path = \"elsewhere/d.hdf5\" }\n";
  const auto packs = [&](const std::string& text) {
    std::map<std::string, std::string> names;
    for (const StudyJob& j : plan(text, {0}).jobs)
      if (j.kind == JobKind::kDataset) names[j.arm] = j.result.filename().string();
    return names;
  };
  const auto names = packs(d + e);
  EXPECT_NE(names.at("d"), names.at("e"));
  EXPECT_EQ(packs(e + d), names);
  EXPECT_EQ(packs(d).at("d"), names.at("d"));
}

TEST_F(Plans, JobsReadThePack) {
  StudyPlan p = plan("[grid]\nretention.mode = [\"none\", \"mixed\"]\n", {0});
  save_plan(p, file("[grid]\nretention.mode = [\"none\", \"mixed\"]\n"));
  for (const StudyJob& j : p.jobs) {
    const bool dataset = j.kind == JobKind::kDataset;
    const Recipe r = load_recipe(j.arguments[dataset ? 2 : 1]);
    EXPECT_EQ(r.data.path, dataset ? "d.hdf5" : p.jobs[0].result.string()) << j.id;
  }
}

TEST_F(Plans, AFolderKeepsItsStudy) {
  const auto save = [&](const std::string& text, std::vector<std::int64_t> seeds = {0}) {
    StudyPlan p = plan(text, std::move(seeds));
    save_plan(p, file(text));
    return p;
  };
  save("[grid]\nwarm_up.steps = [1, 2]\n");
  save("[grid]\nwarm_up.steps = [1, 2, 3]\n");
  const StudyPlan more = save("[grid]\nwarm_up.steps = [1, 2, 3]\n", {4});
  EXPECT_EQ(more.seeds, (std::vector<std::int64_t>{0, 4})) << "seeds of before stay";
  EXPECT_EQ(load_plan(folder / "out").jobs.size(), more.jobs.size());
  expect_error(Exit::kUsage, {"warm_up.steps=3", "has no more", "--out"}, [&] { save("[grid]\nwarm_up.steps = [1, 2]\n"); });
  expect_error(Exit::kUsage, {"agent.tau", "was 0.005", "now 0.1", "--out"},
               [&] { save("[set]\nagent.tau = 0.1\n[grid]\nwarm_up.steps = [1, 2, 3]\n"); });
  expect_error(Exit::kUsage, {"another study, s"}, [&] { save("name = \"t\"\n[grid]\nwarm_up.steps = [1, 2, 3]\n"); });
  EXPECT_EQ(load_plan(folder / "out").seeds.size(), 2u) << "a refused file changes nothing";
  expect_error(Exit::kData, {"no study in this folder"}, [&] { load_plan(folder / "elsewhere"); });
}

TEST_F(Plans, ATaskMayHaveItsOwnThreshold) {
  const std::string text =
      "threshold = 0.5\n[[task]]\nname = \"A\"\nthreshold = 30\n[[task]]\nname = \"B\"\n[grid]\nwarm_up.steps = [1, 2]\n";
  StudyPlan p = plan(text, {0});
  save_plan(p, file(text));
  for (const StudyPlan& q : {p, load_plan(folder / "out"), make_plan(read_study(folder / "out/study.toml"), folder / "again", {0})}) {
    EXPECT_EQ(q.threshold_of("A"), 30);
    EXPECT_EQ(q.threshold_of("B"), 0.5);
  }
}

TEST_F(Plans, TheResolvedFileAsksForTheSame) {
  const std::string text = "grid_name = \"K={warm_up.steps}\"\n[grid]\nwarm_up.steps = [1, 2]\n[[arm]]\nname = \"a\"\n" +
                           std::string("[[arm]]\nname = \"b\"\nstart = \"a, K=1\"\nset = { agent.tau = 0.1 }\n");
  StudyPlan p = plan(text, {0});
  save_plan(p, file(text));
  const StudyPlan again = make_plan(read_study(folder / "out/study.toml"), folder / "again", {0});
  ASSERT_EQ(again.arms.size(), p.arms.size());
  for (std::size_t i = 0; i < p.arms.size(); ++i) {
    EXPECT_EQ(again.arms[i].arm, p.arms[i].arm);
    EXPECT_EQ(again.arms[i].task, p.arms[i].task);
    EXPECT_EQ(again.arms[i].start == again.arms[0].start, p.arms[i].start == p.arms[0].start);
    EXPECT_EQ(parse_header_recipe(again.arms[i].recipe, "").warm_up.steps, parse_header_recipe(p.arms[i].recipe, "").warm_up.steps);
  }
}

TEST_F(Plans, WordsOfAJobNeedNotBeUtf8) {
  const std::string text = "[grid]\nwarm_up.steps = [1]\n";
  StudyPlan p = plan(text, {0});
  save_plan(p, file(text));
  folder.write(fs::relative(job_file(p, p.jobs[0], ".log"), folder / "").string(),
               "== warmstart\nerror: Gr\xf6\xdf"
               "e fehlt\n");
  const JobState state = end_job(p, p.jobs[0], 3 << 8, 1, 1, 1);
  EXPECT_EQ(state.status, JobStatus::kFailed);
  EXPECT_NE(job_states(p)[0].record.reason.find("exit code 3: Gr\uFFFD\uFFFDe fehlt"), std::string::npos) << job_states(p)[0].record.reason;
}

}  // namespace
}  // namespace warmstart
