// The recipes of the paper's tasks: every task has its eight methods, every family's method runs all its phases with its real networks,
// and an id's recipe is its family's with another id and other data.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

const std::set<std::string> kMethods = {"wsrl", "calql", "cql", "iql", "rlpd", "jsrl", "so2", "sac"};
const std::set<std::string> kFamilies = {"antmaze", "adroit", "kitchen", "locomotion", "peg"};

fs::path recipe(const std::string& folder, const std::string& method) { return fs::path(WARMSTART_RECIPES) / folder / (method + ".toml"); }

/// The ids of the table in docs/tasks.md that the paper's rows are about.
std::vector<std::pair<std::string, std::string>> ids_and_families() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const EnvSpec& spec : env_specs()) {
    const std::string& id = spec.id;
    const auto begins = [&](const char* text) { return id.rfind(text, 0) == 0; };
    const auto ends = [&](const char* text) { return id.size() > std::strlen(text) && id.ends_with(text); };
    if (begins("antmaze-") && ends("-v2")) all.emplace_back(id, "antmaze");
    else if (ends("-binary-v0")) all.emplace_back(id, "adroit");
    else if (begins("kitchen-")) all.emplace_back(id, "kitchen");
    else if ((begins("halfcheetah-") || begins("hopper-") || begins("walker2d-")) && ends("-v2")) all.emplace_back(id, "locomotion");
  }
  return all;
}

TEST(PaperRecipes, EveryIdHasEveryMethodOfItsFamily) {
  const auto all = ids_and_families();
  EXPECT_EQ(all.size(), 8u + 3 + 3 + 12);
  for (const auto& [id, family] : all)
    for (const std::string& method : kMethods) {
      Recipe own = load_recipe(recipe(id, method)), shared = load_recipe(recipe(family, method));
      EXPECT_EQ(own.env.id, id);
      EXPECT_EQ(own.data.path, "data/" + id + ".hdf5");
      EXPECT_NE(own.summary.find(id), std::string::npos);
      const Fields of_own = own.fields(), of_shared = shared.fields();
      for (std::size_t i = 0; i < of_own.list().size(); ++i) {
        const std::string& key = of_own.list()[i].key;
        if (key == "name" || key == "summary" || key == "env.id" || key.rfind("data.", 0) == 0 || key.rfind("collect.", 0) == 0) continue;
        EXPECT_EQ(of_own.list()[i].toml(), of_shared.list()[i].toml()) << id << "/" << method << ", " << key;
      }
    }
}

TEST(PaperRecipes, PublishedSettingsStand) {
  const auto wsrl = [](const char* family) { return load_recipe(recipe(family, "wsrl")); };
  const Recipe ant = wsrl("antmaze"), hand = wsrl("adroit"), kitchen = wsrl("kitchen"), runner = wsrl("locomotion");
  for (const Recipe* r : {&ant, &hand, &kitchen, &runner}) {
    EXPECT_EQ(r->network.num_qs, 10);
    EXPECT_EQ(r->agent.num_min_qs, 2);
    EXPECT_TRUE(r->network.critic_layer_norm && r->network.actor_layer_norm);
    EXPECT_EQ(r->agent.actor_lr, 1e-4);
    EXPECT_EQ(r->agent.critic_lr, 3e-4);
    EXPECT_EQ(r->finetune.utd, 4);
    EXPECT_EQ(r->finetune.batch, 256);
    EXPECT_EQ(r->warm_up.steps, 5000);
    EXPECT_EQ(r->retention.mode, "none");
    EXPECT_EQ(r->cql.actions, 10);
  }
  using Widths = std::vector<std::int64_t>;
  EXPECT_EQ(ant.network.critic_hidden, (Widths{256, 256, 256, 256}));
  EXPECT_EQ(hand.network.actor_hidden, (Widths{512, 512}));
  EXPECT_EQ(kitchen.network.actor_hidden, (Widths{512, 512, 512}));
  EXPECT_EQ(runner.pretrain.agent, "cql");
  EXPECT_EQ(ant.pretrain.steps, 1'000'000);
  EXPECT_EQ(hand.pretrain.steps, 20'000);
  EXPECT_TRUE(ant.agent.max_target_backup);
  EXPECT_FALSE(hand.agent.max_target_backup);
  EXPECT_EQ(load_recipe(recipe("antmaze", "rlpd")).agent.num_min_qs, 1);
}

struct Case {
  std::string family, method;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.family << "/" << c.method; }

class PaperRecipe : public testing::TestWithParam<Case> {
 protected:
  static fs::path shared() { return fs::temp_directory_path() / ("warmstart_paper_recipes_" + std::to_string(getpid())); }
  static void TearDownTestSuite() { fs::remove_all(shared()); }
};

/// Overrides that leave some steps of each phase of `whole`, on a few random transitions in `data`.
std::vector<Override> little_of(const Recipe& whole, const fs::path& data) {
  std::vector<Override> little = {
      {"data.path", data.string()}, {"data.collect", "true"},        {"collect.policy", "random"}, {"collect.protocol", "episodes"},
      {"collect.steps", "120"},     {"env.max_episode_steps", "30"}, {"warm_up.steps", "5"},       {"finetune.steps", "40"},
      {"finetune.batch", "4"},      {"finetune.min_buffer", "36"},   {"pretrain.batch", "4"},      {"eval.episodes", "1"},
      {"eval.every", "0"},          {"eval.pretrain_every", "0"},    {"run.log_every", "1"}};
  if (whole.pretrain.steps > 0) little.emplace_back("pretrain.steps", "2");
  if (whole.warm_up.steps == 0) little.emplace_back("warm_up.steps", "0");
  return little;
}

TEST_P(PaperRecipe, RunsEveryPhase) {
  const auto& [family, method] = GetParam();
  const TemporaryFolder folder;
  const Recipe whole = load_recipe(recipe(family, method));
  const fs::path data = shared() / (family + ".hdf5");  // one for all methods
  warmstart::Run run(load_recipe(recipe(family, method), little_of(whole, data)), {.folder = folder / "run", .threads = 2});
  train(run);
  EXPECT_EQ(run.state.phase, Phase::kDone);
  EXPECT_GT(run.state.updates, 0) << "it learned online";
  EXPECT_EQ(run.state.pretrain_steps, whole.pretrain.steps > 0 ? 2 : 0);
  EXPECT_EQ(run.agent->state().critic.spec.members, whole.network.num_qs);
  fs::remove_all(folder / "run");  // hundreds of megabytes
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& family : kFamilies)
    for (const std::string& method : kMethods) cases.push_back({family, method});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, PaperRecipe, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& p) { return p.param.family + "_" + p.param.method; });

// The same of every id, with the sizes of its observations and actions; its networks are its family's but for them, and small here.
class PaperId : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(PaperId, RunsEveryMethod) {
  const std::string& id = GetParam().first;
  const TemporaryFolder folder;
  for (const std::string& method : kMethods) {
    std::vector<Override> little = little_of(load_recipe(recipe(id, method)), folder / "data.hdf5");
    little.emplace_back("network.critic_hidden", "[8]"), little.emplace_back("network.actor_hidden", "[8]");
    warmstart::Run run(load_recipe(recipe(id, method), little), {.folder = folder / method, .threads = 1});
    train(run);
    EXPECT_EQ(run.state.phase, Phase::kDone) << method;
    EXPECT_GT(run.state.updates, 0) << method;
    EXPECT_EQ(run.agent->state().actor.spec.obs, env_spec(id).obs_size) << method;
    EXPECT_EQ(run.agent->state().actor.spec.action, env_spec(id).action_size) << method;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PaperId, testing::ValuesIn(ids_and_families()), [](const testing::TestParamInfo<PaperId::ParamType>& p) {
  std::string name = p.param.first;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace warmstart
