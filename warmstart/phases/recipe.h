// A recipe: everything that decides what a run computes. Read from TOML, `base = "..."` makes one a diff of another;
// every key can be overridden on the command line.
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "warmstart/agents/registry.h"
#include "warmstart/diagnostics/monitor.h"
#include "warmstart/envs/env.h"
#include "warmstart/io/metrics.h"
#include "warmstart/io/toml.h"
#include "warmstart/phases/action_filter.h"
#include "warmstart/phases/collect.h"

namespace warmstart {

struct DataConfig {
  std::string path;              ///< dataset of any format that is read; with `collect` it is made when missing
  std::string observation_keys;  ///< of Dict observations, comma-separated; "" = the task's
  bool collect = false;
  bool sparse_reward = false, infinite_horizon = false;
  double negative_reward = 0;
  std::vector<double> action_low, action_high;  ///< what -1 and 1 are in the file; empty = what file and task say
  std::string normalize = "none";               ///< "none" | "dataset" | "running"
  double normalize_epsilon = 1e-3;

  bool normalizes() const { return normalize != "none"; }
  bool normalizes_online() const { return normalize == "running"; }  ///< statistics go on after the switch
};

struct PretrainConfig {
  std::string agent = "calql";
  std::int64_t steps = 100000;
  int batch = 256;
};

struct WarmupConfig {
  static constexpr std::int64_t kAuto = -1;
  std::int64_t steps = 5000;    ///< or kAuto
  bool reference_count = true;  ///< one step more, as the reference implementation counts
  // of "auto"
  std::int64_t window = 500, max_steps = 20000;
  double tolerance = 0.05;

  bool automatic() const { return steps == kAuto; }
};

/// Of a run or an evaluation: whole numbers that every JSON reader keeps exact.
inline constexpr std::int64_t kMaxSeed = 9'000'000'000'000'000;

struct FinetuneConfig {
  std::string agent = "sac";
  std::int64_t steps = 100000;  ///< environment steps after the warm-up
  int batch = 256, utd = 4;     ///< rows per slice, slices per environment step
  std::int64_t min_buffer = 0;  ///< transitions before the first update; 0 = one whole batch
  std::string initialise = "both";
  bool reset_optimiser = false;
  std::int64_t critic_fit_steps = 0;
  bool timeout_hides_terminal = false;
};

struct RetentionConfig {
  std::string mode = "none";
  double ratio = 0.5, final_ratio = 0;
  std::int64_t anneal_steps = 50000;
  bool interleave = true;
};

struct JsrlConfig {
  std::string guide = "none";
  std::int64_t horizon = 0;
  int stages = 10, window = 10;
  double tolerance = 0.1;
};

struct EvalConfig {
  std::int64_t every = 20000, pretrain_every = 0;
  int episodes = 20;
  std::int64_t max_steps = 0;
};

struct RunConfig {
  std::string fidelity = "reference";
  std::string backend = "cpu";
  std::string precision = "fp32";
  std::int64_t replay_capacity = 2000000;
  std::int64_t log_every = 1000;
  std::int64_t checkpoint_every = 20000;
  double checkpoint_seconds = 120;
  std::int64_t max_steps = 0;
  double max_seconds = 0;
  std::int64_t seed = 0;
};

/// The phases that a command runs: what belongs to the others is not asked for.
struct PhasesToRun {
  bool pretrain = true, online = true;
};

/// `agent`, `cql`, `iql`, `td3` are AgentSettings'.
struct Recipe : AgentSettings {
  std::string name = "recipe", label, summary;
  EnvConfig env;
  double reward_scale = 1, reward_bias = 0;
  DataConfig data;
  CollectConfig collect;
  NetworkConfig network;
  PretrainConfig pretrain;
  WarmupConfig warm_up;
  FinetuneConfig finetune;
  RetentionConfig retention;
  JsrlConfig jsrl;
  EvalConfig eval;
  DiagnosticsConfig diagnostics;
  MonitorConfig monitor;
  SafetyConfig safety;
  MetricsFiles log;
  RunConfig run;
  std::vector<std::string> notes;  ///< no key: what a user should know of how the files were put together, a line each

  /// Every key, bound to this object.
  Fields fields();
  /// The resolved recipe as TOML, without `base`; reading it back gives the same recipe.
  std::string toml();
  /// Refuses combinations that cannot work in `phases`, naming both keys, before anything is computed. Throws Error(kUsage).
  /// Without `with_task` the task itself may be unknown here, as when a checkpoint is only asked to act.
  void validate(bool with_task = true, PhasesToRun phases = {}) const;

  /// What the online phase's learner is set by.
  AgentSettings online_settings() const;

  /// Of "auto", which a run decides: the most it can be.
  std::int64_t warm_up_steps() const {
    if (warm_up.automatic()) return warm_up.max_steps;
    return warm_up.steps > 0 ? warm_up.steps + (warm_up.reference_count ? 1 : 0) : 0;
  }
  /// Transitions that the buffer has got before the first update.
  std::int64_t rows_before_update() const {
    return finetune.min_buffer > 0 ? finetune.min_buffer : std::int64_t{finetune.batch} * finetune.utd;
  }
  /// What Dict observations of its dataset are flattened from: data.observation_keys, or else the task's.
  std::string observation_keys() const;
  /// Of starts and actions in every evaluation, so that its numbers come out again.
  std::int64_t evaluation_seed() const { return run.seed + 1000; }
  /// Steps between measurements of the diagnostics.
  std::int64_t observe_every() const { return diagnostics.every > 0 ? diagnostics.every : run.log_every; }
  bool needs_dataset_online() const { return retention.mode != "none"; }
};

/// A key with two values, as TOML writes them.
struct KeyChange {
  std::string key, was, now;
  std::string text() const;  ///< "agent.tau (was 0.005, now 0.01)"
};
/// The keys in which two recipes differ, in the order of their fields.
std::vector<KeyChange> differences(Recipe was, Recipe now);
/// The first of them as text; "" when the recipes are the same but for the keys `ignored`.
std::string difference(Recipe was, Recipe now, const std::set<std::string>& ignored = {});

/// One command-line override: "agent.tau" = "0.01".
using Override = std::pair<std::string, std::string>;

/// As the recipe says, or with its family's reduced sizes.
enum class RecipeSize { kFull, kSmall };

/// Reads `path` with its bases, then applies the overrides. `run.fidelity = "paper"` first sets its group of keys; keys
/// that a file or override names win over the group. A base that is named by a relative path is looked for beside the file, in the
/// working folder, and among the bundled recipes; other relative paths start at the folder of the file that names them, and where
/// nothing lies there at the working folder. kSmall applies the family's small.toml (phases/recipe_files.h) below the overrides and
/// appends "-small" to the name. It is checked for `phases` alone. Throws Error(kUsage) naming file, key and the nearest valid name.
Recipe load_recipe(const std::filesystem::path& path, const std::vector<Override>& overrides = {}, RecipeSize size = RecipeSize::kFull,
                   PhasesToRun phases = {});
/// A recipe given as text. Its relative paths, as those of overrides, start at the working folder.
Recipe parse_recipe(const std::string& text, const std::string& where, const std::vector<Override>& overrides = {});
/// The recipe in a checkpoint's header; its task need not be known here, and it was checked for the phases that it ran.
Recipe parse_header_recipe(const std::string& text, const std::string& where);

}  // namespace warmstart
