#include "warmstart/phases/demonstrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "warmstart/agents/policy.h"
#include "warmstart/core/stop.h"
#include "warmstart/data/dataset.h"
#include "warmstart/envs/adroit.h"
#include "warmstart/io/steps.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/driver.h"
#include "warmstart/phases/expert.h"
#include "warmstart/phases/recorded.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

constexpr int kCloneBatch = 256;
constexpr double kCloneLearningRate = 1e-3;
constexpr std::size_t kLongestEpisode = 100'000;  // steps: a task need not have an end
constexpr std::int64_t kPatience = 20;            // episodes per demonstration asked for, before giving up

/// One episode, cut after its last success; no steps when there was none.
struct Trajectory {
  int steps = 0;
  std::vector<float> obs, action, next_obs;
  std::vector<std::uint8_t> success;
  std::map<std::string, DoubleTable> infos;

  void cut_after_last_success() {
    const auto last = std::find(success.rbegin(), success.rend(), 1);
    const auto keep = static_cast<std::size_t>(success.rend() - last), all = success.size();
    for (auto* rows : {&obs, &action, &next_obs}) rows->resize(rows->size() / all * keep);
    for (auto& [name, table] : infos) table.rows = static_cast<int>(keep), table.values.resize(keep * table.cols);
    success.resize(keep);
    steps = static_cast<int>(keep);
  }
};

void append(std::vector<float>& rows, std::span<const double> row) {
  for (const double x : row) rows.push_back(static_cast<float>(x));
}

class Player {
 public:
  Player(const EnvConfig& config, std::uint64_t seed, const SafetyConfig& safety)
      : env_(make_env(config)), starts_(seed, "demonstration starts"), filter_(safety, env_->spec().action_size) {
    if (!env_->spec().reports_success)
      throw usage_error("demonstrations are told by their success, which the task does not report", env_->spec().id,
                        "use protocol \"episodes\"");
    play_on_after_success(*env_, true);
  }

  Env& env() { return *env_; }
  std::int64_t episodes() const { return episodes_; }

  /// `choose` fills an action for env() as it is now.
  template <class Choose>
  Trajectory play(Choose&& choose) {
    env_->reset(starts_);
    filter_.begin_episode();
    const auto limited = [&](std::span<double> action) {
      choose(action);
      filter_.apply(action);
    };
    return go_on(limited, std::numeric_limits<std::size_t>::max());
  }

  Trajectory replay(const D4rlFile& file, const Episode& episode) {
    restore_recorded(*env_, file, episode.start);
    int row = static_cast<int>(episode.start);
    return go_on([&](std::span<double> action) { std::copy_n(file.actions.row(row++), action.size(), action.begin()); }, episode.length);
  }

 private:
  template <class Choose>
  Trajectory go_on(Choose&& choose, std::size_t limit) {
    ++episodes_;
    Trajectory t;
    std::vector<double> action(env_->spec().action_size);
    for (Step step; !step.terminated && !step.truncated && t.success.size() < limit;) {
      if (t.success.size() == kLongestEpisode)
        throw usage_error(fmt::format("an episode had not ended after {} steps", kLongestEpisode), env_->spec().id,
                          "set a time limit: env.max_episode_steps");
      stop_unsaved_if_asked("collecting");
      append(t.obs, env_->obs());
      append(t.infos["qpos"], env_->qpos());
      append(t.infos["qvel"], env_->qvel());
      append(t.infos["goal"], env_->goal());
      choose(action);
      for (double& a : action) a = static_cast<float>(std::clamp(a, -1.0, 1.0));
      append(t.action, action);
      step = env_->step(action);
      append(t.next_obs, env_->obs());
      t.success.push_back(step.success);
    }
    t.cut_after_last_success();
    return t;
  }

  std::unique_ptr<Env> env_;
  Rng starts_;
  ActionFilter filter_;
  std::int64_t episodes_ = 0;
};

D4rlFile file_of(const std::vector<Trajectory>& all, const EnvSpec& spec) {
  int steps = 0;
  for (const Trajectory& t : all) steps += t.steps;
  D4rlFile file;
  file.observations.resize(steps, spec.obs_size);
  file.actions.resize(steps, spec.action_size);
  file.next_observations.resize(steps, spec.obs_size);
  file.timeouts.assign(steps, 0);
  int at = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Trajectory& t = all[k];
    std::copy(t.obs.begin(), t.obs.end(), file.observations.row(at));
    std::copy(t.action.begin(), t.action.end(), file.actions.row(at));
    std::copy(t.next_obs.begin(), t.next_obs.end(), file.next_observations.row(at));
    for (const std::uint8_t hit : t.success) {
      file.rewards.push_back(static_cast<float>(hit) - 1);
      file.terminals.push_back(hit);
      const double success = hit, number = static_cast<double>(k);
      append(file.infos["success"], {&success, 1});
      append(file.infos["trajectory"], {&number, 1});
    }
    for (const auto& [name, table] : t.infos) {
      if (table.cols == 0) continue;
      DoubleTable& whole = file.infos[name];
      whole.cols = table.cols, whole.rows += table.rows;
      whole.values.insert(whole.values.end(), table.values.begin(), table.values.end());
    }
    at += t.steps;
  }
  return file;
}

/// Behaviour cloning on `demonstrations`, the library's own.
std::shared_ptr<const Actor> clone(const D4rlFile& demonstrations, const EnvSpec& spec, const CollectConfig& config, double& loss) {
  Recipe recipe;
  recipe.run.seed = config.seed;
  recipe.network.num_qs = 1;
  recipe.network.critic_hidden = {8};  // BC has no use for it
  recipe.network.std_head = "uniform";
  recipe.network.squash = false;
  recipe.agent.actor_lr = kCloneLearningRate;
  recipe.agent.num_min_qs = 1;
  const auto backend = make_cpu_backend(2);
  const auto learner = make_agent("bc", recipe, fresh_agent(recipe, {}, spec.obs_size, spec.action_size), *backend);
  const Dataset data = Dataset::from_d4rl(demonstrations, {.obs_size = spec.obs_size, .action_size = spec.action_size});
  const auto seed = static_cast<std::uint64_t>(config.seed);
  Rng draws(seed, "clone data"), noise_rng(seed, "clone noise");
  RandomNoise noise(noise_rng);
  BatchStorage batch;
  batch.resize(kCloneBatch, spec.obs_size, spec.action_size);
  for (std::int64_t i = 0; i < config.clone_steps; ++i) {
    data.sample(draws, batch, 0, kCloneBatch);
    loss = learner->update(batch.view(false), 1, noise).bc_loss;
  }
  return std::make_shared<Actor>(learner->state().actor);
}

/// Those that succeeded, and how many were tried.
struct Demonstrations {
  std::vector<Trajectory> kept;
  std::int64_t played = 0;
};

Demonstrations played_demonstrations(Player& player, const CollectConfig& config) {
  const EnvSpec& spec = player.env().spec();
  const auto driver = make_driver(player.env(), config);
  std::vector<Trajectory> kept;
  Rng noise(static_cast<std::uint64_t>(config.seed), "demonstration actions");
  while (static_cast<std::int64_t>(kept.size()) < config.demonstrations) {
    if (player.episodes() >= kPatience * config.demonstrations)
      throw data_error(fmt::format("only {} of {} episodes of the policy succeeded", kept.size(), player.episodes()), spec.id,
                       "use a better policy or less noise, or ask for fewer collect.demonstrations");
    bool first = true;
    Trajectory t = player.play([&](std::span<double> action) {
      if (std::exchange(first, false)) driver->begin(player.env(), noise);
      driver->act(player.env(), noise, action);
    });
    if (t.steps > 0) kept.push_back(std::move(t));
  }
  return {std::move(kept), player.episodes()};
}

Demonstrations recorded_demonstrations(const EnvConfig& env_config, const CollectConfig& config) {
  const EnvSpec& spec = env_spec(env_config);
  if (config.expert.empty())
    throw usage_error("policy \"recorded\" needs a file", "collect.expert", "name the dataset of the demonstrations");
  const std::string path = expert_file(config).string();
  const D4rlFile file = read_all(*open_steps(path, {.observation_keys = spec.observation_keys}));
  if (file.actions.cols() != spec.action_size)
    throw data_error(fmt::format("actions have size {}, {} has {}", file.actions.cols(), spec.id, spec.action_size), path,
                     "give demonstrations of this task");
  const std::vector<Episode> episodes = episodes_of(file);
  EnvConfig world = env_config;
  world.max_episode_steps = 1;
  for (const Episode& e : episodes) world.max_episode_steps = std::max(world.max_episode_steps, static_cast<int>(e.length));
  Player player(world, 0, {});
  if (const std::string missing = missing_state(file.infos, player.env()); !missing.empty())
    throw data_error("no " + missing + ": episodes cannot be replayed", path, "record the simulator's states, or use another policy");
  Demonstrations all;
  for (std::size_t k = 0; k < episodes.size() && static_cast<std::int64_t>(all.kept.size()) < config.demonstrations; ++k)
    if (Trajectory t = player.replay(file, episodes[k]); t.steps > 0) all.kept.push_back(std::move(t));
  all.played = player.episodes();
  if (all.kept.empty())
    throw data_error(fmt::format("none of {} episodes succeeds when it is replayed in {}", all.played, spec.id), path,
                     "`warmstart data verify` tells whether the dataset and the simulator fit");
  return all;
}

}  // namespace

Collected collect_demonstrations(const EnvConfig& env_config, const CollectConfig& config, const CollectProgress&,
                                 const SafetyConfig& safety) {
  const auto began = std::chrono::steady_clock::now();
  const auto seed = static_cast<std::uint64_t>(config.seed);
  if (config.demonstrations < 1) throw usage_error("no demonstrations to clone", "collect.demonstrations", "give at least 1");
  Demonstrations demonstrations;
  if (config.policy == "recorded") demonstrations = recorded_demonstrations(env_config, config);  // in an environment of its own, gone here
  Player player(env_config, seed, safety);
  const EnvSpec& spec = player.env().spec();
  if (config.policy != "recorded") demonstrations = played_demonstrations(player, config);
  auto& [kept, expert_played] = demonstrations;

  Collected out;
  CollectReport& report = out.report;
  report.notes.push_back(fmt::format("{} demonstrations of policy {}: {:.1f}% of {} episodes succeeded", kept.size(), config.policy,
                                     100.0 * static_cast<double>(kept.size()) / static_cast<double>(expert_played), expert_played));
  std::map<std::string, std::string> said = describe_collection(env_config, spec, config);
  said["demonstrations_played"] = std::to_string(expert_played);
  said["demonstrations_kept"] = std::to_string(kept.size());
  if (config.trajectories > 0) {
    double loss = 0;
    Policy policy(clone(file_of(kept, spec), spec, config, loss), Rng(seed, "clone actions"));
    std::vector<float> obs(spec.obs_size), chosen(spec.action_size);
    std::int64_t succeeded = 0;
    for (std::int64_t k = 0; k < config.trajectories; ++k) {
      Trajectory t = player.play([&](std::span<double> action) {
        std::transform(player.env().obs().begin(), player.env().obs().end(), obs.begin(), [](double x) { return static_cast<float>(x); });
        policy.act(obs, false, chosen);
        std::copy(chosen.begin(), chosen.end(), action.begin());
      });
      if (t.steps == 0) continue;
      ++succeeded;
      kept.push_back(std::move(t));
    }
    report.success_share = static_cast<double>(succeeded) / static_cast<double>(config.trajectories);
    report.notes.push_back(
        fmt::format("their clone ({} steps of behaviour cloning, loss {:.3g}): {:.1f}% of {} episodes succeeded and were kept",
                    config.clone_steps, loss, 100 * report.success_share, config.trajectories));
    said["clone_played"] = std::to_string(config.trajectories);
    said["clone_kept"] = std::to_string(succeeded);
    said["clone"] =
        fmt::format("two layers of 256, unsquashed Gaussian, batch {}, learning rate {}, sampled actions", kCloneBatch, kCloneLearningRate);
  } else {
    report.success_share = static_cast<double>(kept.size()) / static_cast<double>(expert_played);
  }
  said["cut"] = "after the last success; episodes without success dropped";

  out.file = file_of(kept, spec);
  out.file.metadata = std::move(said);
  describe_actions(spec, out.file);
  report.steps = out.file.observations.rows();
  report.episodes = static_cast<std::int64_t>(kept.size());
  for (const float r : out.file.rewards) report.mean_return += r / static_cast<double>(kept.size());
  report.mean_length = static_cast<double>(report.steps) / static_cast<double>(kept.size());
  report.steps_per_second =
      static_cast<double>(report.steps) / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return out;
}

}  // namespace warmstart
