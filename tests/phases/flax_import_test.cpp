// Checkpoints that the reference implementation saved, against what its own Python says is in them (tests/oracle/record_flax.py):
// every number exactly, then the policy's actions and the critics' values.
#include "warmstart/phases/flax_import.h"

#include <cmath>
#include <cstring>

#include "fixtures.h"
#include "warmstart/agents/policy.h"
#include "warmstart/core/files.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {
namespace {

const fs::path kFlax = fs::path(WARMSTART_GOLDEN) / "flax";

struct Fixture {
  std::string name, checkpoint;
  std::int64_t steps;
  std::vector<Override> networks;
};
const Fixture kCalql = {
    "calql",
    "calql/checkpoint_3",
    3,
    {{"network.num_qs", "10"}, {"network.critic_hidden", "[12, 8]"}, {"network.actor_hidden", "[8, 12]"}, {"network.std_head", "exp"}}};
const Fixture kSac = {"sac",
                      "sac/checkpoint_6",
                      6,
                      {{"network.num_qs", "2"},
                       {"network.critic_hidden", "[8]"},
                       {"network.actor_hidden", "[10, 6]"},
                       {"network.critic_layer_norm", "false"},
                       {"network.actor_layer_norm", "false"},
                       {"network.std_head", "uniform"}}};

Recipe recipe_for(const Fixture& f, std::vector<Override> changes = {}) {
  changes.insert(changes.begin(), f.networks.begin(), f.networks.end());
  changes.insert(changes.begin(), {"data.path", "none.hdf5"});
  return parse_recipe(kTinyRecipe, "tiny.toml", changes);
}
FlaxCheckpoint read(const Fixture& f) { return read_flax_checkpoint(kFlax / f.checkpoint); }

/// "params/critic/3/layer0/shift" -> "params/modules_critic/network/LayerNorm_0/bias", and 3; written apart from nn/flax_names.
std::pair<std::string, int> flax_name(const std::string& ours, bool uniform) {
  std::vector<std::string> words;
  std::istringstream in(ours);
  for (std::string word; std::getline(in, word, '/');) words.push_back(word);
  std::string out = words[0] == "adam_m" ? "mu" : words[0] == "adam_v" ? "nu" : words[0];
  if (words.size() == 2) return {out + "/modules_" + (words[1] == "cql_alpha" ? "cql_alpha_lagrange" : words[1]) + "/lagrange", 0};
  out += "/modules_" + words[1] + "/";
  if (words[2] == "log_std") return {out + (uniform ? "log_stds" : "Dense_1/" + words[3]), 0};
  if (words[2] == "mean" || words[2] == "output") return {out + "Dense_0/" + words[3], 0};
  const int member = words[1] == "critic" ? std::stoi(words[2]) : 0;
  const std::string index = words[words.size() - 2].substr(5), what = words.back();
  if (what == "scale" || what == "shift") return {out + "network/LayerNorm_" + index + (what == "shift" ? "/bias" : "/scale"), member};
  return {out + "network/Dense_" + index + "/" + what, member};
}

class Recorded : public testing::TestWithParam<Fixture> {
 protected:
  const Fixture& fixture = GetParam();
  Recipe recipe = recipe_for(fixture);
  FlaxImport import = import_flax(read(fixture), recipe);
  SafeTensors expected = read_safetensors(kFlax / (fixture.name + ".safetensors"));

  const Tensor& at(const std::string& name) const { return expected.at(name, fixture.name); }
  ConstMatrixView matrix(const std::string& name) const {
    const Tensor& t = at(name);
    return {t.f32().data(), static_cast<int>(t.shape[0]), static_cast<int>(t.shape[1])};
  }
};
INSTANTIATE_TEST_SUITE_P(Flax, Recorded, testing::Values(kCalql, kSac), [](const auto& p) { return p.param.name; });

TEST_P(Recorded, EveryNumberIsExact) {
  std::map<std::string, std::size_t> seen;
  const bool uniform = recipe.network.std_head == "uniform";
  for (const auto& array : import.agent.arrays()) {
    const auto [name, member] = flax_name(array.name, uniform);
    if (!expected.tensors.contains(name)) {
      EXPECT_NE(name.find("cql_alpha"), std::string::npos) << name;
      continue;
    }
    const auto recorded = at(name).f32();
    const std::size_t from = static_cast<std::size_t>(member) * array.values.size();
    ASSERT_LE(from + array.values.size(), recorded.size()) << name;
    EXPECT_EQ(std::memcmp(array.values.data(), recorded.data() + from, array.values.size_bytes()), 0) << array.name;
    seen[name] += array.values.size();
  }
  // ... and everything that was recorded is here
  std::size_t compared = 0;
  for (const auto& [name, tensor] : expected.tensors) {
    if (name.find("modules_") == std::string::npos) continue;
    EXPECT_EQ(seen[name], tensor.count()) << name;
    ++compared;
  }
  EXPECT_GE(compared, 40u);
}

TEST_P(Recorded, MomentsAndCountsAreNotTrivial) {
  const ActorCritic& ac = import.agent;
  EXPECT_EQ(import.steps, fixture.steps);
  EXPECT_EQ(import.steps, at("step").i32()[0]);
  EXPECT_EQ(ac.actor_adam.steps, at("count/actor").i32()[0]);
  EXPECT_EQ(ac.critic_adam.steps, at("count/critic").i32()[0]);
  EXPECT_EQ(ac.temperature.steps, at("count/temperature").i32()[0]);
  EXPECT_EQ(ac.cql_alpha.steps, fixture.name == "calql" ? at("count/cql_alpha_lagrange").i32()[0] : 0);
  EXPECT_EQ(ac.critic_adam.steps, fixture.steps);
  EXPECT_NE(ac.target_critic, ac.critic.params);
  for (const Adam* adam : {&ac.actor_adam, &ac.critic_adam}) {
    EXPECT_TRUE(std::any_of(adam->m.begin(), adam->m.end(), [](float x) { return x != 0; }));
    EXPECT_TRUE(std::any_of(adam->v.begin(), adam->v.end(), [](float x) { return x > 0; }));
  }
}

// The recordings ran in float32, in another order of sums.
constexpr float kTolerance = 2e-6f;

TEST_P(Recorded, PolicyActsAlike) {
  const ConstMatrixView obs = matrix("obs"), mode = matrix("mode"), std = matrix("std");
  const auto actor = std::make_shared<Actor>(import.agent.actor);
  Policy policy(actor, Rng(0, ""));
  ActScratch scratch(actor->spec);
  std::vector<float> action(static_cast<std::size_t>(actor->spec.action));
  for (int i = 0; i < obs.rows; ++i) {
    policy.act({obs.row(i), static_cast<std::size_t>(obs.cols)}, true, action);
    actor_row(*actor, {obs.row(i), static_cast<std::size_t>(obs.cols)}, scratch);
    for (int j = 0; j < mode.cols; ++j) {
      EXPECT_NEAR(action[static_cast<std::size_t>(j)], mode(i, j), kTolerance);
      EXPECT_NEAR(std::clamp(std::exp(scratch.log_std[static_cast<std::size_t>(j)]), kMinStd, kMaxStd), std(i, j), kTolerance * std(i, j));
    }
  }
}

TEST_P(Recorded, CriticsValueAlike) {
  const ConstMatrixView obs = matrix("obs"), action = matrix("action");
  const ActorCritic& ac = import.agent;
  std::vector<int> members;
  for (int i = 0; i < ac.critic.spec.members; ++i) members.push_back(i);
  const auto backend = make_backend("reference", 1);
  Matrix q(ac.critic.spec.members, obs.rows);
  for (const bool target : {false, true}) {
    backend->q_values(ac.critic, target ? ac.target_critic : ac.critic.params, members, obs, action, 1, q);
    const ConstMatrixView recorded = matrix(target ? "target_q" : "q");
    for (int i = 0; i < recorded.rows; ++i)
      for (int j = 0; j < recorded.cols; ++j) EXPECT_NEAR(q(i, j), recorded(i, j), kTolerance) << i << " " << j;
  }
}

TEST_P(Recorded, WrittenFileReadsBackTheSame) {
  TemporaryFolder folder;
  write_imported(import, read(fixture), recipe, folder / "start.safetensors");
  AgentFile file = read_agent_file(folder / "start.safetensors");
  EXPECT_EQ(numbers(file.agent), numbers(import.agent));
  EXPECT_EQ(file.recipe.toml(), recipe.toml());
  EXPECT_EQ(file.metadata["phase"], "warmup");
  EXPECT_EQ(file.metadata["pretrain_steps"], std::to_string(fixture.steps));

  RunOptions options = options_in(folder / "run");
  options.from = folder / "start.safetensors";
  warmstart::Run run(recipe, options);
  EXPECT_EQ(run.agent->state().critic_adam.steps, fixture.steps) << "the optimiser goes on from its count";
  train(run);
  EXPECT_TRUE(run.finished());
  EXPECT_NE(numbers(run.agent->state()), numbers(import.agent));
}

void expect_refused(const Fixture& f, std::vector<std::string> parts, const std::function<void(FlaxCheckpoint&)>& damage,
                    const std::vector<Override>& changes = {}) {
  FlaxCheckpoint file = read(f);
  damage(file);
  parts.push_back(f.checkpoint);
  expect_error(Exit::kData, parts, [&] { import_flax(file, recipe_for(f, changes)); });
}
const auto kUntouched = [](FlaxCheckpoint&) {};

TEST(FlaxImport, OtherNetworksNameTensorShapesAndRemedy) {
  const std::string section =
      "[network] with num_qs = 10, critic_hidden = [12, 8], critic_layer_norm = true, actor_hidden = [8, 12], "
      "actor_layer_norm = true, std_head = \"exp\"";
  expect_refused(kCalql, {"modules_critic/network/Dense_0/kernel", "[10,8,12]", "[4,8,12]", section}, kUntouched,
                 {{"network.num_qs", "4"}});
  expect_refused(kCalql, {"modules_actor/network/Dense_1/kernel", "[8,12]", "[8,9]", section}, kUntouched,
                 {{"network.actor_hidden", "[8, 9]"}});
  expect_refused(kCalql, {"modules_actor/network/LayerNorm_0/bias", "no such tensor", section}, kUntouched,
                 {{"network.actor_layer_norm", "false"}});
  expect_refused(kCalql, {"modules_critic/network/LayerNorm_0/bias", "no such tensor", section}, kUntouched,
                 {{"network.critic_layer_norm", "false"}});
  expect_refused(kCalql, {"modules_actor/log_stds", "no such tensor", section}, kUntouched, {{"network.std_head", "uniform"}});
  expect_refused(kCalql, {"modules_critic/network/Dense_2/kernel", "no such tensor", section}, kUntouched,
                 {{"network.critic_hidden", "[12, 8, 8]"}});
  expect_refused(kSac, {"modules_critic/network/LayerNorm_0/scale", "num_qs = 2", "std_head = \"uniform\""}, kUntouched,
                 {{"network.critic_layer_norm", "true"}});
  expect_error(Exit::kUsage, {"network.shared_output"}, [] {
    import_flax(read(kCalql), recipe_for(kCalql, {{"network.shared_output", "false"}}));
  });
  expect_error(Exit::kUsage, {"no statistics", "data.normalize", "\"none\""}, [] {
    import_flax(read(kCalql), recipe_for(kCalql, {{"data.normalize", "running"}}));
  });
}

TEST(FlaxImport, OtherTask) {
  expect_refused(kCalql, {"6 observations and 2 actions", "HalfCheetah-v5 has 17 and 6"}, kUntouched, {{"env.id", "HalfCheetah-v5"}});
}

// IQL: its value network comes along when the recipe has one; no temperature is asked for.
TEST(FlaxImport, Iql) {
  const Fixture iql = {"iql",
                       "iql/checkpoint_0",
                       0,
                       {{"network.num_qs", "2"},
                        {"network.critic_hidden", "[4]"},
                        {"network.actor_hidden", "[4]"},
                        {"network.critic_layer_norm", "false"},
                        {"network.actor_layer_norm", "false"},
                        {"network.std_head", "exp"},
                        {"pretrain.agent", "iql"}}};
  const FlaxCheckpoint file = read(iql);
  const FlaxImport import = import_flax(file, recipe_for(iql));
  const Critic& value = import.agent.value;
  std::size_t compared = 0;
  for (const auto& [ours, theirs] : {std::pair{"value/0/layer0/kernel", "network/Dense_0/kernel"},
                                     {"value/0/layer0/bias", "network/Dense_0/bias"},
                                     {"value/output/kernel", "Dense_0/kernel"},
                                     {"value/output/bias", "Dense_0/bias"}})
    for (const TensorInfo& t : value.tensors("value"))
      if (t.name == ours) {
        const auto recorded = file.floats(std::string("state/params/modules_value/") + theirs);
        ASSERT_EQ(recorded.size(), t.size) << ours;
        EXPECT_EQ(std::memcmp(value.params.data() + t.offset, recorded.data(), t.size * sizeof(float)), 0) << ours;
        compared += t.size;
      }
  EXPECT_EQ(compared, value.params.size());
}

TEST(FlaxImport, OtherAgents) {
  const Fixture iql = {"iql", "iql/checkpoint_0", 0, kSac.networks};
  expect_refused(iql, {"IQL", "modules_value"}, kUntouched);
  const auto without = [](const std::string& module) {
    return [module](FlaxCheckpoint& f) {
      std::erase_if(f.arrays, [&](const auto& item) { return item.first.find("state/params/" + module) == 0; });
    };
  };
  expect_refused(kCalql, {"no critic", "modules_critic"}, without("modules_critic"));
  expect_refused(kCalql, {"no temperature", "modules_temperature"}, without("modules_temperature"));
  expect_refused(kCalql, {"state/params", "finetune.py"}, without(""));
  expect_refused(kCalql, {"unknown", "modules_encoder"}, [](FlaxCheckpoint& f) { f.arrays["state/params/modules_encoder/x"] = {}; });
}

TEST(FlaxImport, DamagedParts) {
  const std::string critic = "state/params/modules_critic/Dense_0/bias", adam = "state/opt_states/critic/inner_state/0/0/";
  const auto set = [](FlaxArray& a, float x) { std::memcpy(a.bytes.data(), &x, sizeof x); };
  expect_refused(kCalql, {"not finite", critic}, [&](FlaxCheckpoint& f) { set(f.arrays.at(critic), NAN); });
  expect_refused(kCalql, {"not finite", adam + "nu"},
                 [&](FlaxCheckpoint& f) { set(f.arrays.at(adam + "nu/modules_critic/Dense_0/bias"), INFINITY); });
  expect_refused(kCalql, {"below 0", adam}, [&](FlaxCheckpoint& f) { set(f.arrays.at(adam + "nu/modules_critic/Dense_0/bias"), -1e-9f); });
  expect_refused(kCalql, {"moves another network", "modules_actor"},
                 [&](FlaxCheckpoint& f) { set(f.arrays.at(adam + "mu/modules_actor/Dense_0/bias"), 1); });
  expect_refused(kCalql, {adam + "count"}, [&](FlaxCheckpoint& f) { f.arrays.erase(adam + "count"); });
  expect_refused(kCalql, {"no moments", "opt_states/critic"},
                 [&](FlaxCheckpoint& f) { std::erase_if(f.arrays, [&](const auto& item) { return item.first.starts_with(adam); }); });
  expect_refused(kCalql, {"target_params/modules_critic/Dense_0/bias"},
                 [](FlaxCheckpoint& f) { f.arrays.erase("state/target_params/modules_critic/Dense_0/bias"); });
  expect_refused(kCalql, {"float16", critic}, [&](FlaxCheckpoint& f) { f.arrays.at(critic).dtype = "float16"; });
}

TEST(FlaxImport, NotesWhereTheRecipeDiffers) {
  EXPECT_TRUE(import_flax(read(kCalql), recipe_for(kCalql, {{"agent.actor_lr", "1e-3"}, {"agent.critic_lr", "3e-3"}})).notes.empty());
  const auto notes = import_flax(read(kCalql), recipe_for(kCalql, {{"agent.actor_lr", "1e-3"}, {"agent.critic_lr", "1e-4"}})).notes;
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0], "critic was trained with learning rate 0.003; the recipe goes on with agent.critic_lr = 0.0001");
}

}  // namespace
}  // namespace warmstart
