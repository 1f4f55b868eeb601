// Study files: tasks x arms x grid, and refusals that name file, table and key before anything runs.
#include "warmstart/studies/study_file.h"

#include "../support.h"

namespace warmstart {
namespace {

const std::string kRecipe = "recipe = \"r.toml\"\n";

class StudyFiles : public ::testing::Test {
 protected:
  StudyFiles() {
    folder.write("r.toml", "[env]\nid = \"PointMaze_UMaze_Episodic-v3\"\n[data]\npath = \"d.hdf5\"\n[pretrain]\nsteps = 10\n");
    folder.write("other/x.toml", "base = \"../r.toml\"\n[agent]\ntau = 0.5\n");
  }
  std::vector<StudyCell> cells(const std::string& text) {
    StudyFile study = read_study(folder.write("s.toml", text));
    return expand(study);
  }
  void refused(const std::string& text, std::vector<std::string> parts) {
    parts.push_back("s.toml");
    expect_error(Exit::kUsage, parts, [&] { cells(text); });
  }
  TemporaryFolder folder;
};

TEST_F(StudyFiles, TheGridIsACrossProductInTheOrderOfTheFile) {
  const auto all = cells(kRecipe + "[grid]\nwarm_up.steps = [0, 50]\n\"finetune.utd\" = [1, 4, 2]\n");
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].arm, "warm_up.steps=0, finetune.utd=1");
  EXPECT_EQ(all[1].arm, "warm_up.steps=0, finetune.utd=4");
  EXPECT_EQ(all[5].arm, "warm_up.steps=50, finetune.utd=2");
  EXPECT_EQ(all[5].recipe.warm_up.steps, 50);
  EXPECT_EQ(all[5].recipe.finetune.utd, 2);
  EXPECT_EQ(all[5].recipe.label, all[5].arm);
  EXPECT_EQ(all[5].task, "PointMaze_UMaze_Episodic-v3");
  EXPECT_EQ(all[5].set, (std::vector<Override>{{"warm_up.steps", "50"}, {"finetune.utd", "2"}, {"finetune.min_buffer", "1024"}}));
}

TEST_F(StudyFiles, ArmsOfAGridBeginToLearnAtOneStep) {
  const auto rows = [](const std::vector<StudyCell>& cells) {
    std::vector<std::int64_t> out;
    for (const StudyCell& c : cells) out.push_back(c.recipe.finetune.min_buffer);
    return out;
  };
  using Rows = std::vector<std::int64_t>;
  const std::string none = kRecipe + "[set]\nwarm_up.steps = 0\n";
  auto all = cells(none + "[grid]\nfinetune.utd = [1, 8, 2]\n");
  EXPECT_EQ(rows(all), (Rows{2048, 0, 2048})) << "256 * 8; the arm that has it anyway is left as it is";
  EXPECT_TRUE(all[0].waits && !all[1].waits);
  for (const StudyCell& c : all) EXPECT_EQ(c.recipe.rows_before_update(), 2048);
  EXPECT_EQ(rows(cells(none + "[grid]\nfinetune.batch = [64, 128]\nfinetune.utd = [1, 2]\n")), (Rows{256, 256, 256, 0}));
  // arms count as well, with the one that says nothing of it; not those of another recipe
  EXPECT_EQ(rows(cells(none + "[[arm]]\nname = \"one\"\nset = { finetune.utd = 1 }\n[[arm]]\nname = \"as it is\"\n"
                              "[[arm]]\nname = \"x\"\nrecipe = \"other/x.toml\"\nset = { finetune.batch = 16 }\n")),
            (Rows{1024, 0, 0}));
  // what is said stands, also for all
  EXPECT_EQ(rows(cells(none + "finetune.min_buffer = 300\n[grid]\nfinetune.utd = [1, 8]\n")), (Rows{300, 300}));
  // behind a longer warm-up all begin at once, and a grid of other keys needs nothing
  EXPECT_EQ(rows(cells(kRecipe + "[set]\nwarm_up.steps = 2048\n[grid]\nfinetune.utd = [1, 8]\n")), (Rows{0, 0}));
  EXPECT_EQ(rows(cells(none + "[grid]\nagent.tau = [0.1, 0.2]\n")), (Rows{0, 0}));
  refused(none + "finetune.steps = 1500\n[grid]\nfinetune.utd = [1, 4, 8]\n", {"not one update", "finetune.utd=8"});
  refused(none + "run.replay_capacity = 2000\n[grid]\nfinetune.utd = [1, 8]\n", {"finetune.min_buffer", "largest batch"});
}

TEST_F(StudyFiles, ListsAndTextsAreValuesOfAGrid) {
  const auto all = cells(kRecipe + "[grid]\nnetwork.critic_hidden = [[8, 8], [16]]\nretention.mode = [\"none\", \"mixed\"]\n");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[3].recipe.network.critic_hidden, std::vector<std::int64_t>{16});
  EXPECT_EQ(all[3].recipe.retention.mode, "mixed");
}

TEST_F(StudyFiles, ArmsCrossTheGridUnlessTheySayNo) {
  const auto all = cells(kRecipe + "grid_name = \"K={warm_up.steps}\"\n[grid]\nwarm_up.steps = [0, 50]\n" +
                         "[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\ngrid = false\nset = { warm_up.steps = 7 }\n");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].arm, "a, K=0");
  EXPECT_EQ(all[2].arm, "b");
  EXPECT_EQ(all[2].recipe.warm_up.steps, 7);
}

TEST_F(StudyFiles, StudyTaskArmAndGridSetInThisOrder) {
  const auto all = cells(kRecipe + "[set]\nagent.tau = 0.1\nagent.discount = 0.9\nfinetune.utd = 1\npretrain.batch = 3\n" +
                         "[[task]]\nname = \"t\"\nset = { agent.discount = 0.8, finetune.utd = 2, pretrain.batch = 4 }\n" +
                         "[[arm]]\nname = \"a\"\nset = { finetune.utd = 3, pretrain.batch = 5 }\n[grid]\npretrain.batch = [6]\n");
  ASSERT_EQ(all.size(), 1u);
  const Recipe& r = all[0].recipe;
  EXPECT_EQ(r.agent.tau, 0.1);
  EXPECT_EQ(r.agent.discount, 0.8);
  EXPECT_EQ(r.finetune.utd, 3);
  EXPECT_EQ(r.pretrain.batch, 6);
}

TEST_F(StudyFiles, RecipesOfArmsAreLookedForInTheTasksFolder) {
  folder.write("one/x.toml", "base = \"../r.toml\"\n[agent]\ntau = 0.25\n");
  const auto all = cells(kRecipe + "[[task]]\nname = \"t\"\nrecipes = \"other\"\n[[task]]\nname = \"u\"\nrecipes = \"one\"\n" +
                         "[[arm]]\nname = \"a\"\n[[arm]]\nname = \"b\"\nrecipe = \"x.toml\"\n");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].recipe.agent.tau, 5e-3) << "the study's recipe";
  EXPECT_EQ(all[1].recipe.agent.tau, 0.5);
  EXPECT_EQ(all[3].recipe.agent.tau, 0.25);
}

TEST_F(StudyFiles, RecipesAreLookedForInThreePlaces) {
  const std::string grid = "[grid]\nfinetune.utd = [1]\n";
  // a bundled study that was copied somewhere else
  EXPECT_EQ(cells("recipe = \"../recipes/quick/wsrl.toml\"\n" + grid)[0].recipe.pretrain.steps, 2000);
  EXPECT_EQ(cells("recipe = \"recipes/quick/wsrl.toml\"\n" + grid)[0].recipe.pretrain.steps, 2000);
  const auto before = fs::current_path();
  folder.write("here/mine.toml", "base = \"../r.toml\"\n[agent]\ntau = 0.125\n");
  fs::current_path(folder / "here");
  EXPECT_EQ(cells("recipe = \"mine.toml\"\n" + grid)[0].recipe.agent.tau, 0.125);
  folder.write("mine.toml", "base = \"r.toml\"\n[agent]\ntau = 0.25\n");
  StudyFile study = read_study(folder.write("s.toml", "recipe = \"mine.toml\"\n[set]\ndata.path = \"d.npz\"\n" + grid));
  EXPECT_EQ(expand(study)[0].recipe.agent.tau, 0.25);
  ASSERT_EQ(study.notes.size(), 1u);
  EXPECT_NE(study.notes[0].find("mine.toml is another one"), std::string::npos) << study.notes[0];
  // what it sets starts there, too
  EXPECT_EQ(expand(study)[0].recipe.data.path, "d.npz");
  folder.write("d.npz", "x");
  EXPECT_EQ(expand(study)[0].recipe.data.path, (folder / "d.npz").string());
  fs::current_path(before);
  refused("recipe = \"none.toml\"\n" + grid, {"recipe not found", "none.toml", "looked for", "key recipe"});
}

TEST_F(StudyFiles, UnknownWordsNameTheNearest) {
  refused(kRecipe + "[grid]\nwarm_up.stps = [1]\n", {"unknown key warm_up.stps", "[grid]", "warm_up.steps"});
  refused(kRecipe + "[set]\nagent.tua = 1\n[grid]\nfinetune.utd = [1]\n", {"agent.tua", "[set]", "agent.tau"});
  refused(kRecipe + "questin = \"x\"\n[grid]\nfinetune.utd = [1]\n", {"unknown key questin", "question"});
  refused(kRecipe + "[[arm]]\nname = \"a\"\nsett = {}\n", {"unknown key sett", "set"});
  refused(kRecipe + "[[arm]]\nname = \"a\"\nset = { retention.mode = \"mixd\" }\n", {"mixd", "mixed", "[[arm]] a"});
  refused(kRecipe + "metric = \"succes\"\n[grid]\nfinetune.utd = [1]\n", {"succes", "success_rate"});
  refused(kRecipe + "[[arm]]\nname = \"alpha\"\n[[arm]]\nname = \"b\"\nstart = \"alpa\"\n", {"no arm of the name alpa", "alpha"});
}

TEST_F(StudyFiles, NothingToRunIsRefused) {
  refused(kRecipe, {"nothing to compare"});
  refused(kRecipe + "[grid]\n", {"the grid is empty"});
  refused(kRecipe + "[grid]\nfinetune.utd = []\n", {"the grid is empty", "finetune.utd"});
  refused(kRecipe + "[grid]\nfinetune.utd = 3\n", {"list", "finetune.utd"});
  refused(kRecipe + "seeds = []\n[grid]\nfinetune.utd = [1]\n", {"no seed"});
}

TEST_F(StudyFiles, NothingTwice) {
  refused(kRecipe + "seeds = [0, 1, 0]\n[grid]\nfinetune.utd = [1]\n", {"a seed is given twice", "0"});
  refused(kRecipe + "seeds = [-1]\n[grid]\nfinetune.utd = [1]\n", {"negative"});
  refused(kRecipe + "[[arm]]\nname = \"a\"\n[[arm]]\nname = \"a\"\n", {"two of one name: a"});
  refused(kRecipe + "[[arm]]\nname = \"a b\"\n[[arm]]\nname = \"a/b\"\n", {"folders would both be a-b"});
  refused(kRecipe + "[grid]\nfinetune.utd = [1, 2, 1]\n", {"given twice: 1"});
  refused(kRecipe + "grid_name = \"x\"\n[grid]\nfinetune.utd = [1, 2]\n", {"leaves out", "finetune.utd"});
  refused(kRecipe + "[[task]]\nname = \"t\"\n[[task]]\nname = \"t\"\n[grid]\nfinetune.utd = [1]\n", {"two of one name: t"});
}

TEST_F(StudyFiles, RecipesThatDoNotWorkAreFoundBeforeAnythingRuns) {
  refused("recipe = \"gone.toml\"\n[grid]\nfinetune.utd = [1]\n", {"recipe not found", "gone.toml"});
  refused("[grid]\nfinetune.utd = [1]\n", {"no recipe"});
  refused(kRecipe + "[grid]\nnetwork.num_qs = [10, 2]\nagent.num_min_qs = [5]\n", {"subset larger than the ensemble", "network.num_qs=2"});
  refused(kRecipe + "[grid]\nretention.ratio = [0.5, 1.5]\n", {"out of range", "1.5"});
}

TEST_F(StudyFiles, SomeKeysAreTheStudysOwn) {
  refused(kRecipe + "[grid]\nrun.seed = [0, 1]\n", {"run.seed", "seeds"});
  refused(kRecipe + "[set]\nrun.max_steps = 5\n[grid]\nfinetune.utd = [1]\n", {"run.max_steps", "finetune.steps"});
}

TEST_F(StudyFiles, TomlErrorsNameTheLine) {
  refused(kRecipe + "[grid\n", {"not valid TOML", "line 2"});
  expect_error(Exit::kUsage, {"study file not found"}, [&] { read_study(folder / "none.toml"); });
}

TEST(Studies, ThoseThatComeAlongAreSound) {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(WARMSTART_STUDIES)) {
    if (entry.path().extension() != ".toml") continue;
    ++found;
    StudyFile study = read_study(entry.path());
    EXPECT_FALSE(study.question.empty() || study.claim.empty()) << entry.path();
    EXPECT_GE(expand(study).size(), 3u) << entry.path();
  }
  EXPECT_GE(found, 10);
}

}  // namespace
}  // namespace warmstart
