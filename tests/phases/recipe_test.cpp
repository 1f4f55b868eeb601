// Recipes: bases, refusals that name file, key and remedy, fidelity groups, round trips.
#include "fixtures.h"

namespace warmstart {
namespace {

const std::string kNoData = "[pretrain]\nsteps = 0\n";

TEST(Recipe, BasesAreReadFromTheOutermostInwards) {
  const TemporaryFolder folder;
  folder.write("family/base.toml", "summary = \"of the base\"\n[agent]\ntau = 0.1\ndiscount = 0.5\nnum_min_qs = 1\n" + kNoData);
  folder.write("family/middle.toml", "base = \"base.toml\"\n[agent]\ntau = 0.2\n");
  const auto path = folder.write("mine/leaf.toml", "base = \"../family/middle.toml\"\n[agent]\nnum_min_qs = 3\n");
  const Recipe r = load_recipe(path);
  EXPECT_EQ(r.agent.tau, 0.2);
  EXPECT_EQ(r.agent.discount, 0.5);
  EXPECT_EQ(r.agent.num_min_qs, 3);
  EXPECT_EQ(r.name, "mine-leaf");
  EXPECT_EQ(r.label, "mine-leaf");
  EXPECT_EQ(r.summary, "") << "a base's summary is its own";
}

TEST(Recipe, OverridesWinOverFiles) {
  const TemporaryFolder folder;
  const auto path = folder.write("a.toml", "[agent]\ntau = 0.2\n" + kNoData);
  const Recipe r = load_recipe(
      path, {{"agent.tau", "0.3"}, {"network.critic_hidden", "32,64"}, {"finetune.steps", "1e3"}, {"finetune.initialise", "policy"}});
  EXPECT_EQ(r.agent.tau, 0.3);
  EXPECT_EQ(r.network.critic_hidden, (std::vector<std::int64_t>{32, 64}));
  EXPECT_EQ(r.finetune.steps, 1000);
  EXPECT_EQ(r.finetune.initialise, "policy");
}

TEST(Recipe, PrecisionIsOneOfTwoAndNeedsTheCpuBackend) {
  const auto read = [](const std::string& run) { return parse_recipe(kNoData + "[run]\n" + run, "a.toml"); };
  EXPECT_EQ(read("").run.precision, "fp32");
  EXPECT_EQ(read("precision = \"bf16\"\n").run.precision, "bf16");
  expect_error(Exit::kUsage, {"run.precision", "bf16", "a.toml"}, [&] { read("precision = \"bf-16\"\n"); });
  expect_error(Exit::kUsage, {"run.precision", "run.backend"}, [&] { read("precision = \"bf16\"\nbackend = \"reference\"\n"); });
}

TEST(Recipe, CyclicBaseIsRefused) {
  const TemporaryFolder folder;
  folder.write("a.toml", "base = \"b.toml\"\n");
  const auto b = folder.write("b.toml", "base = \"a.toml\"\n");
  expect_error(Exit::kUsage, {"each other's base", "b.toml", "base"}, [&] { load_recipe(b); });
  const auto self = folder.write("self.toml", "base = \"self.toml\"\n");
  expect_error(Exit::kUsage, {"each other's base", "self.toml"}, [&] { load_recipe(self); });
}

TEST(Recipe, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  expect_error(Exit::kUsage, {"recipe not found", "nowhere.toml", "list recipes"}, [&] { load_recipe(folder / "nowhere.toml"); });
  const auto path = folder.write("a.toml", "base = \"gone.toml\"\n");
  expect_error(Exit::kUsage, {"recipe not found", "gone.toml"}, [&] { load_recipe(path); });
}

// Runs in a working folder of its own.
class InFolder {
 public:
  explicit InFolder(const std::filesystem::path& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }
  ~InFolder() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_;
};

TEST(Recipe, ABaseIsLookedForInThreePlaces) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "here");
  const InFolder in(folder / "here");
  const auto mine = folder.write("mine/a.toml", "base = \"recipes/quick/wsrl.toml\"\n");
  EXPECT_EQ(load_recipe(mine).pretrain.steps, 2000) << "the bundled one";
  EXPECT_EQ(load_recipe(folder.write("mine/b.toml", "base = \"quick/wsrl.toml\"\n")).pretrain.steps, 2000);
  EXPECT_EQ(load_recipe(folder.write("mine/c.toml", "base = \"../recipes/quick/wsrl.toml\"\n")).pretrain.steps, 2000);
  EXPECT_TRUE(load_recipe(mine).notes.empty());
  folder.write("here/recipes/quick/wsrl.toml", kNoData);
  const Recipe second = load_recipe(mine);
  EXPECT_EQ(second.pretrain.steps, 0) << "the working folder's";
  ASSERT_EQ(second.notes.size(), 1u);
  for (const char* part : {"a.toml", "base", "recipes/quick/wsrl.toml is used", WARMSTART_RECIPES})
    EXPECT_NE(second.notes[0].find(part), std::string::npos) << part << " is missing in: " << second.notes[0];
  folder.write("mine/recipes/quick/wsrl.toml", "[pretrain]\nsteps = 0\n[agent]\ntau = 0.5\n");
  EXPECT_EQ(load_recipe(mine).agent.tau, 0.5) << "beside the file";
  expect_error(Exit::kUsage,
               {"base recipe not found", "d.toml", "quick/wrsl.toml", (folder / "mine/quick/wrsl.toml").string(), WARMSTART_RECIPES,
                "did you mean recipes/quick/wsrl.toml?", "list recipes"},
               [&] { load_recipe(folder.write("mine/d.toml", "base = \"quick/wrsl.toml\"\n")); });
}

TEST(Recipe, RelativePathsStartBesideTheFileThenInTheWorkingFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "here");
  const InFolder in(folder / "here");
  const auto mine = folder.write("mine/a.toml", "[data]\npath = \"d/x.npz\"\n");
  EXPECT_EQ(load_recipe(mine).data.path, "d/x.npz") << "nowhere yet: it will be made in the working folder";
  folder.write("here/d/x.npz", "1");
  EXPECT_EQ(load_recipe(mine).data.path, "d/x.npz");
  EXPECT_TRUE(load_recipe(mine).notes.empty());
  const auto beside = folder.write("mine/d/x.npz", "2");
  const Recipe both = load_recipe(mine);
  EXPECT_EQ(both.data.path, beside.string());
  ASSERT_EQ(both.notes.size(), 1u);
  for (const std::string& part : {std::string("data.path"), beside.string() + " is used", std::string("working folder")})
    EXPECT_NE(both.notes[0].find(part), std::string::npos) << both.notes[0];
  // an option's starts at the working folder, a base's at the base's own
  EXPECT_EQ(load_recipe(mine, {{"data.path", "d/x.npz"}}).data.path, "d/x.npz");
  EXPECT_EQ(load_recipe(folder.write("other/b.toml", "base = \"../mine/a.toml\"\n")).data.path, beside.string());
  // the same file by two ways is no question
  std::filesystem::create_directories(folder / "link");
  std::filesystem::create_symlink(folder / "here/d", folder / "link/d");
  const Recipe linked = load_recipe(folder.write("link/a.toml", "[data]\npath = \"d/x.npz\"\n"));
  EXPECT_EQ(linked.data.path, "d/x.npz");
  EXPECT_TRUE(linked.notes.empty());
}

TEST(Recipe, TheHomeFolderIsKnownInEveryPath) {
  const TemporaryFolder folder;
  setenv("HOME", folder.path().c_str(), 1);
  folder.write("top.toml", kNoData);
  const auto mine =
      folder.write("mine/a.toml", "base = \"~/top.toml\"\n[data]\npath = \"~/x.npz\"\n[collect]\nagent = \"~/a.safetensors\"\n");
  const Recipe r = load_recipe(mine, {{"collect.expert", "~/e.npz"}});
  EXPECT_EQ(r.data.path, (folder / "x.npz").string());
  EXPECT_EQ(r.collect.agent, (folder / "a.safetensors").string());
  EXPECT_EQ(r.collect.expert, (folder / "e.npz").string());
  Recipe any;
  const Fields fields = any.fields();
  for (const Field& f : fields.list())
    if (f.key == "env.plugin") {
      f.set_text("~/e.so", "w");
      EXPECT_EQ(any.env.plugin, (folder / "e.so").string());
    }
}

TEST(Recipe, SmallReducesAndOnlyReduces) {
  const std::filesystem::path recipes = WARMSTART_RECIPES;
  const auto small = [&](const char* name, const std::vector<Override>& overrides = {}) {
    return load_recipe(recipes / name, overrides, RecipeSize::kSmall);
  };
  const Recipe wsrl = small("door-binary-v0/wsrl.toml");
  EXPECT_EQ(wsrl.network.critic_hidden, (std::vector<std::int64_t>{128, 128}));
  EXPECT_EQ(wsrl.network.num_qs, 5);
  EXPECT_EQ(wsrl.warm_up.steps + wsrl.finetune.steps, 15000);
  EXPECT_EQ(wsrl.pretrain.steps, 20000);
  EXPECT_EQ(wsrl.name, "door-binary-v0-wsrl-small");
  EXPECT_EQ(wsrl.label, "WSRL, small");
  ASSERT_FALSE(wsrl.notes.empty());
  EXPECT_NE(wsrl.notes.back().find("adroit/small.toml"), std::string::npos);
  EXPECT_EQ(wsrl.env.id, "door-binary-v0");
  // as many environment steps without a warmup; what is smaller already stays
  EXPECT_EQ(small("door-binary-v0/wsrl.toml", {{"warm_up.steps", "0"}}).finetune.steps, 15000);
  EXPECT_EQ(small("door-binary-v0/calql.toml").network.num_qs, 2);
  EXPECT_EQ(small("peg/rlpd.toml").pretrain.steps, 0);
  EXPECT_EQ(small("peg/rlpd.toml").finetune.steps, 3000);
  EXPECT_EQ(small("peg/rlpd.toml", {{"warm_up.steps", "0"}}).finetune.steps, 8000);
  // options win
  const Recipe own = small("door-binary-v0/wsrl.toml", {{"finetune.steps", "77"}, {"network.num_qs", "7"}, {"name", "n"}, {"label", "l"}});
  EXPECT_EQ(own.finetune.steps, 77);
  EXPECT_EQ(own.network.num_qs, 7);
  EXPECT_EQ(own.name, "n");
  EXPECT_EQ(own.label, "l");
  // every family but the small mazes, and a recipe of one's own through its base
  const TemporaryFolder folder;
  EXPECT_EQ(
      load_recipe(folder.write("mine.toml", "base = \"recipes/hopper-medium-v2/wsrl.toml\"\n"), {}, RecipeSize::kSmall).finetune.steps,
      45000);
  EXPECT_EQ(small("antmaze-umaze-v2/wsrl.toml").pretrain.steps, 30000);
  EXPECT_EQ(small("kitchen-complete-v0/wsrl.toml").network.actor_hidden, (std::vector<std::int64_t>{128, 128}));
  expect_error(Exit::kUsage, {"no reduced sizes", "quick/wsrl.toml", "--small"}, [&] { small("quick/wsrl.toml"); });
  expect_error(Exit::kUsage, {"warmup takes all 15000", "small.toml", "warm_up.steps"}, [&] {
    small("door-binary-v0/wsrl.toml", {{"warm_up.steps", "15000"}});
  });
  folder.write("family/small.toml", "[agent]\nbackup_entropy = true\n");
  expect_error(Exit::kUsage, {"not a size", "agent.backup_entropy", "small.toml"},
               [&] { load_recipe(folder.write("family/a.toml", kNoData), {}, RecipeSize::kSmall); });
  // the resolved recipe is whole without the option
  Recipe again = small("peg/wsrl.toml");
  EXPECT_EQ(parse_recipe(again.toml(), "again").toml(), again.toml());
}

TEST(Recipe, BadKeysAndValuesAreNamed) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const std::vector<std::string>& parts) {
    const auto path = folder.write("bad.toml", text);
    std::vector<std::string> all = parts;
    all.push_back("bad.toml");
    expect_error(Exit::kUsage, all, [&] { load_recipe(path); });
  };
  refused("[agent]\ntua = 0.1\n", {"unknown key agent.tua", "did you mean agent.tau?"});
  refused("[finetun]\nsteps = 1\n", {"unknown key finetun.steps", "finetune.steps"});
  refused("[agent]\ntau = \"small\"\n", {"wrong type: \"small\"", "agent.tau", "give a number"});
  refused("[agent]\ntau = 1.5\n", {"out of range: 1.5", "agent.tau", "0 to 1"});
  refused("[network]\nnum_qs = 2.5\n", {"wrong type: 2.5", "network.num_qs", "an integer"});
  refused("[network]\ncritic_hidden = 256\n", {"wrong type", "network.critic_hidden", "a list of integers"});
  refused("[network]\ncritic_hidden = [256, 0]\n", {"out of range", "network.critic_hidden"});
  refused("[pretrain]\nagent = \"calq\"\n", {"unknown value \"calq\"", "pretrain.agent", "did you mean \"calql\""});
  refused("base = 3\n", {"wrong type", "key base"});
  refused("[agent\ntau = 1\n", {"not valid TOML", "line"});
  refused("[env]\nid = \"PointMaze_Medum-v3\"\n" + kNoData, {"unknown value", "env.id", "did you mean \"PointMaze_Medium-v3\""});
  expect_error(Exit::kUsage, {"unknown key agent.tua", "command line", "agent.tau"}, [&] {
    load_recipe(folder.write("good.toml", kNoData), {{"agent.tua", "1"}});
  });
}

TEST(Recipe, PaperGroupAndExplicitKeys) {
  const Recipe reference = parse_recipe(kNoData, "r");
  EXPECT_TRUE(reference.network.shared_output && reference.agent.subset_with_replacement && reference.agent.idle_adam_steps);
  EXPECT_EQ(reference.warm_up_steps(), reference.warm_up.steps + 1);

  const Recipe paper = parse_recipe(kNoData + "[run]\nfidelity = \"paper\"\n", "r");
  EXPECT_FALSE(paper.network.shared_output || paper.agent.subset_with_replacement || paper.agent.idle_adam_steps);
  EXPECT_EQ(paper.warm_up_steps(), paper.warm_up.steps);

  // what a file or an option names wins, whichever side of the group it lies on
  const Recipe mixed =
      parse_recipe(kNoData + "[network]\nshared_output = true\n[run]\nfidelity = \"paper\"\n", "r", {{"agent.idle_adam_steps", "true"}});
  EXPECT_TRUE(mixed.network.shared_output && mixed.agent.idle_adam_steps);
  EXPECT_FALSE(mixed.agent.subset_with_replacement);
}

TEST(Recipe, ResolvedTextReadsBack) {
  Recipe odd = parse_recipe(kNoData, "r",
                            {{"run.fidelity", "paper"},
                             {"agent.idle_adam_steps", "true"},
                             {"network.critic_hidden", "[7, 9]"},
                             {"agent.target_entropy", "-1.25"},
                             {"data.path", "a \"b\" \\ c.hdf5"},
                             {"agent.tau", "0.1"},
                             {"cql.clip_min", "-10"},
                             {"summary", "two\nlines"},
                             {"run.seed", "123456789012"}});
  const std::string text = odd.toml();
  Recipe again = parse_recipe(text, "again");
  EXPECT_EQ(again.toml(), text);
  EXPECT_EQ(again.data.path, odd.data.path);
  EXPECT_EQ(again.run.seed, 123456789012);

  Recipe defaults = parse_recipe(kNoData, "r");  // nan and inf among them
  EXPECT_EQ(parse_recipe(defaults.toml(), "again").toml(), defaults.toml());
}

TEST(Recipe, ContradictionsNameBothKeys) {
  const auto refused = [](std::vector<Override> overrides, const std::vector<std::string>& parts) {
    overrides.insert(overrides.begin(), {"data.path", "d.hdf5"});
    expect_error(Exit::kUsage, parts, [&] { parse_recipe("", "r", overrides); });
  };
  refused({{"agent.num_min_qs", "4"}, {"network.num_qs", "3"}}, {"agent.num_min_qs", "network.num_qs"});
  refused({{"network.actor_hidden", "[]"}}, {"network.actor_hidden", "hidden layer"});
  refused({{"finetune.agent", "calql"}, {"retention.mode", "append"}}, {"finetune.agent", "retention.mode"});
  refused({{"finetune.agent", "bc"}}, {"finetune.agent", "finetune.steps"});
  refused({{"network.squash", "false"}, {"pretrain.agent", "iql"}}, {"finetune.agent", "network.squash"});
  refused({{"network.squash", "false"}}, {"pretrain.agent", "network.squash"});
  refused({{"jsrl.guide", "random"}, {"finetune.initialise", "neither"}}, {"jsrl.guide", "warm_up.steps"});
  refused({{"monitor.roll_back", "true"}, {"eval.every", "0"}}, {"monitor.roll_back", "eval.every"});
  refused({{"monitor.roll_back", "true"}, {"monitor.on", "false"}}, {"monitor.roll_back", "monitor.on"});
  refused({{"finetune.critic_fit_steps", "5"}, {"warm_up.steps", "0"}}, {"finetune.critic_fit_steps", "warm_up.steps"});
  refused({{"retention.mode", "mixed"}, {"retention.ratio", "1"}}, {"retention.ratio", "retention.mode"});
  refused({{"pretrain.agent", "rebrac"}, {"agent.n_step", "3"}}, {"agent.n_step", "pretrain.agent"});
  refused({{"pretrain.agent", "bc"}}, {"pretrain.agent", "finetune.initialise", "\"policy\""});
  refused({{"agent.backup_entropy", "true"}}, {"agent.backup_entropy", "pretrain.agent"});
  refused({{"finetune.min_buffer", "500"}, {"run.replay_capacity", "100"}}, {"finetune.min_buffer", "run.replay_capacity"});
  expect_error(Exit::kUsage, {"no dataset", "data.path", "pretrain.steps"}, [] { parse_recipe("", "r"); });
  expect_error(Exit::kUsage, {"no dataset", "data.path", "retention.mode"},
               [] { parse_recipe(kNoData + "[retention]\nmode = \"mixed\"\n", "r"); });
  expect_error(Exit::kUsage, {"env.id", "PointMaze_UMaze-v3"}, [] { parse_recipe(kNoData + "[env]\nid = \"PointMaze_Umaze-v3\"\n", "r"); });
  EXPECT_NO_THROW(parse_recipe("", "r", {{"data.path", "d"}, {"pretrain.agent", "bc"}, {"finetune.initialise", "policy"}}));
}

// M = min(2, N) for who lowers N alone; who names M as well is taken at their word.
TEST(Recipe, TheSubsetFollowsASmallerEnsemble) {
  EXPECT_EQ(parse_recipe(kNoData, "r", {{"network.num_qs", "1"}}).agent.num_min_qs, 1);
  EXPECT_EQ(parse_recipe(kNoData, "r", {{"network.num_qs", "5"}}).agent.num_min_qs, 2);
  EXPECT_EQ(parse_recipe("[agent]\nnum_min_qs = 4\n" + kNoData, "r", {{"network.num_qs", "3"}}).agent.num_min_qs, 2);
  expect_error(Exit::kUsage, {"agent.num_min_qs", "network.num_qs"},
               [] { parse_recipe(kNoData + "[agent]\nnum_min_qs = 4\n[network]\nnum_qs = 3\n", "r"); });
}

// The recipes that come along load, say what they are, and read back.
TEST(Recipe, ShippedRecipesAreWhole) {
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(WARMSTART_RECIPES)) {
    if (entry.path().extension() != ".toml" || entry.path().filename() == "small.toml") continue;
    ++seen;
    Recipe r = load_recipe(entry.path());
    EXPECT_EQ(parse_recipe(r.toml(), "again").toml(), r.toml()) << entry.path();
    if (entry.path().stem() != "base") {
      EXPECT_FALSE(r.summary.empty()) << entry.path() << " has no summary";
    }
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace warmstart
