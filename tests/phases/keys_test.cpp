// Every key of a recipe changes what it says and nothing before it. The three phases leave five prints: the dataset as learners see
// it (D), the pre-trained networks (P), the warm-up's transitions (W), the final networks (F) and the metrics (M). What a key may
// change begins at one of them; those before must stay bit for bit.
#include <map>
#include <set>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

using Overrides = std::vector<Override>;

/// Runs in which a key has something to do; "" is the tiny WSRL of fixtures.h.
const std::map<std::string, Overrides> kSettings = {
    {"", {}},
    {"sac", {{"pretrain.agent", "sac"}}},
    {"best of many", {{"agent.max_target_backup", "true"}, {"agent.target_noise", "0.5"}}},
    {"fixed alpha", {{"cql.autotune_alpha", "false"}, {"cql.alpha", "2"}}},
    {"online calql", {{"finetune.agent", "calql"}, {"retention.mode", "mixed"}, {"finetune.steps", "45"}}},
    {"iql", {{"pretrain.agent", "iql"}, {"finetune.agent", "iql"}, {"retention.mode", "mixed"}, {"network.hidden_init", "fan_avg"}}},
    {"iql climbs", {{"pretrain.agent", "iql"}, {"finetune.agent", "iql"}, {"iql.extraction", "ddpg+bc"}}},
    {"td3", {{"finetune.agent", "td3"}}},
    {"td3bc", {{"pretrain.agent", "td3bc"}, {"finetune.agent", "td3"}}},
    {"rebrac", {{"pretrain.agent", "rebrac"}, {"finetune.agent", "td3"}}},
    {"mixed", {{"retention.mode", "mixed"}}},
    {"normalized", {{"data.normalize", "dataset"}}},
    {"annealed", {{"retention.mode", "annealed"}, {"retention.anneal_steps", "20"}}},
    {"jsrl", {{"jsrl.guide", "curriculum"}, {"jsrl.window", "1"}, {"finetune.steps", "170"}, {"warm_up.steps", "0"}}},
    {"high returns", {{"env.reward_bias", "5"}}},  // so that Cal-QL's floor is felt
    {"high, dense", {{"env.reward_bias", "5"}, {"data.sparse_reward", "false"}}},
    {"dense", {{"env.id", "PointMaze_UMazeDense-v3"}}},
    {"peg", {{"env.id", "FrankaPegInsertion-v0"}, {"collect.policy", "script"}}},
    {"auto", {{"warm_up.steps", "auto"}, {"warm_up.window", "8"}, {"warm_up.max_steps", "60"}, {"env.max_episode_steps", "7"}}},
    {"waits", {{"warm_up.steps", "auto"}, {"warm_up.window", "8"}, {"warm_up.max_steps", "40"}, {"warm_up.tolerance", "0"}}},
    {"short episodes", {{"env.max_episode_steps", "7"}}},
    {"runner", {{"env.id", "halfcheetah-random-v2"}, {"collect.policy", "random"}, {"data.sparse_reward", "false"}}},
};

struct Key {
  std::string key, value;
  std::string changes;  ///< letters of the prints that differ; M may differ whenever another does
  std::string setting = "";
};
void PrintTo(const Key& k, std::ostream* out) { *out << k.key << " = " << k.value << " in \"" << k.setting << '"'; }

const Key kKeys[] = {
    {"env.id", "PointMaze_Medium_Episodic-v3", "DPWF"},
    {"env.max_episode_steps", "7", "DPWF"},
    {"env.friction_scale", "0.5", "WF", "runner"},
    {"env.mass_scale", "1.5", "WF", "runner"},
    {"env.reward_scale", "3", "DPWF"},
    {"env.reward_bias", "1", "DPWF"},
    {"data.sparse_reward", "false", "DPWF", "high returns"},
    {"data.negative_reward", "-2", "DPWF", "high returns"},
    {"data.infinite_horizon", "true", "DPWF", "high, dense"},
    {"data.normalize", "dataset", "PWF"},
    {"data.normalize_epsilon", "0.5", "PWF", "normalized"},
    {"collect.policy", "random", "DPWF"},
    {"collect.protocol", "maze2d", "DPWF"},
    {"collect.steps", "300", "DPWF"},
    {"collect.noise", "0.7", "DPWF"},
    {"collect.random_share", "0.5", "DPWF"},
    {"collect.detour", "1", "DPWF"},
    {"collect.demonstrations", "0", "DPWF", "peg"},
    {"collect.seed", "3", "DPWF"},
    {"network.critic_hidden", "9,8", "PWF"},
    {"network.actor_hidden", "9", "PWF"},
    {"network.num_qs", "4", "PWF"},
    {"network.critic_layer_norm", "false", "PWF"},
    {"network.actor_layer_norm", "false", "PWF"},
    {"network.shared_output", "false", "PWF"},
    {"network.std_head", "exp", "PWF"},
    {"network.final_scale", "0.5", "PWF"},
    {"network.hidden_init", "fan_avg", "PWF"},
    {"network.squash", "false", "PWF", "iql"},
    {"agent.discount", "0.9", "DPWF"},
    {"agent.tau", "0.1", "PWF"},
    {"agent.actor_lr", "0.01", "PWF"},
    {"agent.critic_lr", "0.01", "PWF"},
    {"agent.temperature_lr", "0.01", "PWF"},
    {"agent.num_min_qs", "1", "PWF"},
    {"agent.subset_with_replacement", "false", "PWF"},
    {"agent.actor_delay", "3", "PWF"},
    {"agent.n_step", "3", "PWF"},
    {"agent.actor_reduce", "mean", "PWF"},
    {"agent.backup_entropy", "true", "PWF", "sac"},
    {"agent.max_target_backup", "true", "F"},
    {"agent.backup_actions", "3", "F", "best of many"},
    {"agent.target_noise", "0.3", "PWF"},
    {"agent.target_noise_clip", "0.01", "PWF", "best of many"},
    {"agent.initial_temperature", "0.5", "PWF"},
    {"agent.target_entropy", "-0.5", "PWF"},
    {"agent.temperature_at", "obs", "PWF"},
    {"agent.idle_adam_steps", "false", "F"},
    {"agent.bc_weight", "0.5", "PWF"},
    {"cql.use_loss", "false", "PWF", "fixed alpha"},
    {"cql.use_td_loss", "false", "PWF"},
    {"cql.alpha", "3", "PWF", "fixed alpha"},
    {"cql.online_alpha", "0.3", "F", "online calql"},
    {"cql.online_use_loss", "false", "F", "online calql"},
    {"cql.autotune_alpha", "true", "PWF", "fixed alpha"},
    {"cql.initial_alpha", "2", "PWF"},
    {"cql.alpha_lr", "0.01", "PWF"},
    {"cql.target_gap", "0.1", "PWF"},
    {"cql.fresh_alpha_draws", "true", "PWF"},
    {"cql.actions", "3", "PWF"},
    {"cql.random_actions", "normal", "PWF"},
    {"cql.temperature", "2", "PWF"},
    {"cql.importance_sampling", "false", "PWF"},
    {"cql.max_target_backup", "false", "PWF"},
    {"cql.floor_random_actions", "true", "PWF"},
    {"cql.clip_min", "50", "PWF", "fixed alpha"},
    {"cql.clip_max", "-50", "PWF", "fixed alpha"},
    {"iql.expectile", "0.7", "PWF", "iql"},
    {"iql.extraction", "ddpg+bc", "PWF", "iql"},
    {"iql.temperature", "1", "PWF", "iql"},
    {"iql.max_weight", "0.5", "PWF", "iql"},
    {"iql.bc_weight", "2", "PWF", "iql climbs"},
    {"iql.target_advantage", "false", "PWF", "iql"},
    {"iql.actor_dropout", "0.2", "PWF", "iql"},
    {"td3.exploration_noise", "0.3", "WF", "td3"},
    {"td3.alpha", "1", "PWF", "td3bc"},
    {"td3.actor_bc", "1", "PWF", "rebrac"},
    {"td3.critic_bc", "1", "PWF", "rebrac"},
    {"pretrain.agent", "cql", "PWF"},
    {"pretrain.steps", "21", "PWF"},
    {"pretrain.batch", "17", "PWF"},
    {"warm_up.steps", "20", "WF"},
    {"warm_up.reference_count", "false", "WF"},
    {"warm_up.window", "5", "WF", "auto"},
    {"warm_up.tolerance", "0", "WF", "auto"},
    {"warm_up.max_steps", "32", "WF", "waits"},
    {"finetune.agent", "td3", "WF"},
    {"finetune.steps", "26", "F"},
    {"finetune.batch", "10", "F"},
    {"finetune.utd", "1", "F"},
    {"finetune.min_buffer", "40", "F"},
    {"finetune.initialise", "critic", "WF"},
    {"finetune.reset_optimiser", "true", "F"},
    {"finetune.critic_fit_steps", "5", "F"},
    {"retention.mode", "mixed", "F"},
    {"retention.ratio", "0.25", "F", "mixed"},
    {"retention.final_ratio", "0.25", "F", "annealed"},
    {"retention.anneal_steps", "10", "F", "annealed"},
    {"retention.interleave", "false", "F", "mixed"},
    {"jsrl.guide", "random", "F", "jsrl"},
    {"jsrl.horizon", "5", "F", "jsrl"},
    {"jsrl.stages", "2", "F", "jsrl"},
    {"jsrl.window", "3", "F", "jsrl"},
    {"eval.every", "10", "M"},
    {"eval.pretrain_every", "10", "M"},
    {"eval.episodes", "3", "M", "dense"},
    {"eval.max_steps", "5", "M"},
    {"diagnostics.on", "false", "M"},
    {"diagnostics.rows", "9", "M"},
    {"diagnostics.every", "5", "M"},
    {"diagnostics.hold_out", "false", "PWF", "short episodes"},
    {"safety.action_low", "-0.2", "WF"},
    {"safety.action_high", "0.1,0.2", "WF"},
    {"safety.max_action_change", "0.1", "WF"},
    {"safety.smoothing", "0.5", "WF"},
    {"log.csv", "false", ""},
    {"log.tensorboard", "false", ""},
    {"run.fidelity", "paper", "PWF"},
    {"run.backend", "reference", "PWF"},
    {"run.replay_capacity", "20", "WF"},
    {"run.log_every", "5", "M"},
    {"run.checkpoint_every", "7", ""},
    {"run.checkpoint_seconds", "0.001", ""},
    {"run.seed", "1", "PWF"},
};

const std::map<std::string, std::string> kElsewhere = {
    {"name", "a word for people"},
    {"label", "a word for people"},
    {"summary", "a word for people"},
    {"env.plugin", "another task; apps/plugin_test.py"},
    {"env.plugin_timeout", "when a run stops, not what it computes; apps/plugin_test.py"},
    {"env.plugin_reset_timeout", "likewise; apps/machine_test.py"},
    {"env.clearance", "an untrained policy touches nothing; PegPhysics.TheGapOnEachSideIsTheClearance"},
    {"data.path", "where, not what"},
    {"data.action_low", "needs a file in units of its own; apps/data_test.py"},
    {"data.action_high", "likewise"},
    {"collect.agent", "needs an agent; Collect.ASavedAgentActs"},
    {"data.observation_keys", "needs Dict observations; OwnData.test_observation_keys in tests/apps"},
    {"data.collect", "without it there is no dataset here; Phases.FineTuningNeedsOneFileAndNoDataset"},
    {"monitor.on", "needs a run that goes wrong; Monitor.IsSilentWhenSwitchedOff"},
    {"monitor.roll_back", "likewise; Watch.ACollapseIsRolledBackWhenAsked"},
    {"monitor.warm_up_steps", "likewise; Watch.ACollapseIsRolledBackWhenAsked"},
    {"monitor.max_roll_backs", "likewise; Monitor.RollsBackWhenAskedWhenItLastsAndNotForEver"},
    {"collect.expert", "needs a hand; Demonstrations.TheExpertActsAsItsFileSays"},
    {"collect.trajectories", "likewise"},
    {"collect.clone_steps", "likewise"},
    {"finetune.timeout_hides_terminal", "needs a success in the last step"},
    {"jsrl.tolerance", "Jsrl.CurriculumShrinksWhenTheReturnHolds"},
    {"run.max_steps", "Stop.AStepBudgetEndsTheRunSavedAndMoreGoesOn"},
    {"run.max_seconds", "Stop.ATimeBudgetEndsTheRunSaved"},
    {"run.precision", "Phases.Bf16IsAnotherRunAndTheSameOnAnyNumberOfThreads"},
};

class Keys : public testing::TestWithParam<Key> {
 protected:
  using Prints = std::map<char, std::string>;

  static std::string print_of(std::span<const float> values) { return {reinterpret_cast<const char*>(values.data()), values.size_bytes()}; }
  template <class Rows>
  static std::string print_of_rows(const Rows& rows, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
      const Transition t = rows.at(i);
      const float scalars[] = {t.reward, t.mask, t.mc_return};
      for (const auto part : {t.obs, t.action, std::span<const float>(scalars), t.next_obs}) all += print_of(part);
    }
    return all;
  }

  static Prints prints(Overrides overrides) {
    TemporaryFolder folder;
    overrides.insert(overrides.begin(), {"data.path", (folder / "data.hdf5").string()});
    warmstart::Run run(parse_recipe(kTinyRecipe, "tiny.toml", overrides), options_in(folder / "run"));
    Prints p;
    p['D'] = print_of_rows(run.dataset(), run.dataset().size());
    pretrain(run);
    AgentFile start = read_agent_file(folder / "run" / "pretrained.safetensors");
    p['P'] = print_of(numbers(start.agent));
    warmup(run);
    p['W'] = print_of_rows(*run.buffer, run.buffer->stored());
    finetune(run);
    p['F'] = print_of(numbers(run.agent->state()));
    p['M'] = read_text(folder / "run" / "metrics.jsonl");
    return p;
  }
};

TEST_P(Keys, ChangesWhatItSaysAndNothingBefore) {
  const Key& k = GetParam();
  static std::map<std::string, Prints> unchanged;
  Overrides overrides = kSettings.at(k.setting);
  if (!unchanged.contains(k.setting)) unchanged[k.setting] = prints(overrides);
  overrides.emplace_back(k.key, k.value);
  std::string changed;
  for (const auto& [letter, print] : prints(overrides))
    if (print != unchanged[k.setting][letter]) changed += letter;
  std::string expected = k.changes;
  if (expected.find('F') != std::string::npos) expected += 'M';
  std::sort(changed.begin(), changed.end()), std::sort(expected.begin(), expected.end());
  EXPECT_EQ(changed, expected);
}

INSTANTIATE_TEST_SUITE_P(All, Keys, testing::ValuesIn(kKeys), [](const testing::TestParamInfo<Key>& p) {
  std::string name = p.param.key;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST(KeyList, SaysWhatAKeyMeansAndWhenToChangeIt) {
  Recipe recipe;
  const Fields fields = recipe.fields();
  for (const Field& f : fields.list()) EXPECT_FALSE(f.doc.help.empty() || f.doc.when.empty()) << f.key;
}

TEST(KeyList, IsWhole) {
  std::set<std::string> named;
  for (const Key& k : kKeys) named.insert(k.key);
  for (const auto& [key, why] : kElsewhere) named.insert(key);
  Recipe recipe;
  const Fields fields = recipe.fields();
  for (const Field& f : fields.list()) EXPECT_TRUE(named.erase(f.key)) << f.key << " has no row here";
  EXPECT_EQ(named, std::set<std::string>()) << "rows without a key";
}

}  // namespace
}  // namespace warmstart
