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
    if (entry.path().extension() != ".toml") continue;
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
