#include "warmstart/phases/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <tuple>

#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/core/text.h"
#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/waypoint.h"
#include "warmstart/phases/demonstrations.h"
#include "warmstart/phases/driver.h"
#include "warmstart/phases/expert.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

/// Raised whenever the same settings and seed would give another file.
constexpr int kCollectorVersion = 1;

const std::vector<std::string> kProtocols = {"episodes", "maze2d", "play", "diverse", "demonstrations"};

constexpr std::int64_t kProgressEvery = 10'000;

/// Where the next episode starts: anew, or (maze2d) where the ball is, with another goal, or (play, diverse) anywhere.
void begin_episode(Env& env, const CollectConfig& config, bool first, Rng& rng) {
  if (config.protocol == "play" || config.protocol == "diverse") return dynamic_cast<AntData&>(env).reset_for_data(rng);
  if (first || config.protocol != "maze2d") return env.reset(rng);
  const auto position = env.qpos(), velocity = env.qvel();
  const Maze& maze = *maze_of(env);
  Xy goal;
  do goal = maze.draw_goal(rng);
  while (distance(goal, {position[0], position[1]}) <= 0.5 * maze.scale());
  env.set_state(position, velocity, goal);
}

void copy_row(std::span<const double> from, float* to) {
  std::transform(from.begin(), from.end(), to, [](double v) { return static_cast<float>(v); });
}

}  // namespace

Fields CollectConfig::fields(const std::string& section) {
  Fields f(section);
  f.add("policy", policy,
        choice("who acts: a driver that knows the task, uniform random actions, or whoever was recorded", "random for data without skill",
               driver_names()));
  f.add("agent", agent,
        path_of("policy \"agent\": the saved agent that acts, by its own distribution",
                "data of a trained policy: D4RL's medium and expert"));
  f.add("protocol", protocol,
        choice("episodes: the task's own resets, one goal per episode; maze2d: as D4RL made its maze2d data, the ball goes on from goal to "
               "goal, each stretch an episode; play, diverse: as D4RL made its antmaze data, starts anywhere and the ant walks to chosen "
               "(play) or any (diverse) places while goal and rewards stay the task's; demonstrations: successful episodes of the policy, "
               "then of a clone of them",
               "maze2d, play, diverse or demonstrations for data as published", kProtocols));
  f.add("steps", steps, {"length of the dataset", "steps", "more covers more of the maze", 1});
  f.add("noise", noise,
        {"standard deviation of Gaussian noise on the driver's actions, before they are clipped; an expert's: this times its own", "",
         "higher for wider coverage, lower for better demonstrations", 0});
  f.add("random_share", random_share,
        {"share of the driver's steps that lie in stretches of one random force held", "", "higher for mediocre data", 0, 1});
  f.add("detour", detour,
        {"probability that the driver first visits another place of the maze in an episode", "", "higher for mediocre data", 0, 1});
  f.add(
      "expert", expert,
      path_of("policy \"expert\": NPZ file of the network that acts (docs/formats/expert.md); policy \"recorded\": dataset whose episodes "
              "are replayed from their recorded starts",
              "data/policies/dapg_door.npz for door-binary-v0, dapg_pen.npz for pen-binary-v0"));
  f.add("demonstrations", demonstrations,
        {"protocol \"demonstrations\": successful episodes of the policy, of a recording at most; policy \"script\": episodes at the start "
         "that it plays without noise",
         "episodes", "fewer for a harder start", 0, 1e6});
  f.add("trajectories", trajectories,
        {"protocol \"demonstrations\": episodes that the clone plays; those without success are dropped", "episodes",
         "0 for demonstrations alone", 0, 1e6});
  f.add("clone_steps", clone_steps,
        {"protocol \"demonstrations\": gradient steps of behaviour cloning", "steps", "fewer for a worse clone", 1, 1e9});
  f.add("seed", seed, {"seed of starts, goals and noise", "", "another dataset of the same kind", 0});
  return f;
}

void append(DoubleTable& table, std::span<const double> row) {
  if (row.empty()) return;
  table.cols = static_cast<int>(row.size());
  table.values.insert(table.values.end(), row.begin(), row.end());
  ++table.rows;
}

std::map<std::string, std::string> describe_collection(const EnvConfig& world, const EnvSpec& spec, const CollectConfig& config) {
  std::map<std::string, std::string> said = {{"env", spec.id},
                                             {"max_episode_steps", std::to_string(spec.max_episode_steps)},
                                             {"simulator", simulator_version()},
                                             {"collector_version", std::to_string(kCollectorVersion)}};
  CollectConfig described = config;
  const Fields fields = described.fields("");
  for (const Field& field : fields.list()) said[field.key] = field.toml();
  said["policy"] = config.policy;  // plain, without TOML's quotes
  said["protocol"] = config.protocol;
  const auto leave_out = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys) said.erase(key);
  };
  if (config.policy == "random" || config.policy == "agent" || config.policy == "recorded") leave_out({"noise"});
  const auto with_checksum = [](const fs::path& file) {
    return file.filename().string() + ", checksum " + hex(checksum(read_bytes(file)));
  };
  if (config.policy == "agent") said["agent"] = with_checksum(config.agent);
  else leave_out({"agent"});
  if (config.policy != "waypoint") leave_out({"random_share", "detour"});
  if (config.policy == "expert" || config.policy == "recorded") said["expert"] = with_checksum(expert_file(config));
  else leave_out({"expert"});
  if (config.protocol == "demonstrations") leave_out({"steps"});
  else leave_out({"trajectories", "clone_steps"});
  if (config.protocol != "demonstrations" && config.policy != "script") leave_out({"demonstrations"});
  for (const auto& [key, value, usual] : {std::tuple{"friction_scale", world.friction_scale, 1.0},
                                          std::tuple{"mass_scale", world.mass_scale, 1.0}, std::tuple{"clearance", world.clearance, 0.0}})
    if (value != usual) said[key] = fmt::format("{:g}", value);
  return said;
}

Collected collect_steps(const EnvConfig& env_config, const CollectConfig& config, const CollectProgress& progress,
                        const SafetyConfig& safety) {
  if (config.steps < 1) throw usage_error("no steps to collect", "collect.steps", "give at least 1");
  if (config.steps > std::numeric_limits<int>::max())
    throw usage_error("too many steps for one file", "collect.steps", "make several files with different seeds");
  if (config.protocol == "demonstrations") return collect_demonstrations(env_config, config, progress, safety);
  if (std::find(kProtocols.begin(), kProtocols.end(), config.protocol) == kProtocols.end())
    throw usage_error("no protocol \"" + config.protocol + "\"", "collect.protocol",
                      "did you mean \"" + nearest_name(config.protocol, kProtocols) + "\"?");
  CollectConfig(config).fields("collect").check("CollectConfig");
  const auto env = make_env(env_config);
  const EnvSpec& spec = env->spec();
  const auto driver = make_driver(*env, config);
  const bool chase = config.protocol == "maze2d";
  const int n = static_cast<int>(config.steps);

  Collected out;
  D4rlFile& file = out.file;
  file.observations.resize(n, spec.obs_size);
  file.actions.resize(n, spec.action_size);
  file.next_observations.resize(n, spec.obs_size);
  file.rewards.resize(n);
  file.terminals.resize(n);
  file.timeouts.resize(n);
  DoubleTable &qpos = file.infos["qpos"], &qvel = file.infos["qvel"], &success = file.infos["success"];
  DoubleTable goal;
  for (auto [table, width] :
       {std::pair{&qpos, env->qpos().size()}, std::pair{&qvel, env->qvel().size()}, std::pair{&success, std::size_t{1}}})
    table->values.reserve(width * static_cast<std::size_t>(n));

  // Apart, so that the starts are the same whatever the driver does.
  Rng starts(static_cast<std::uint64_t>(config.seed), "collect starts"), noise(static_cast<std::uint64_t>(config.seed), "collect actions");
  CollectReport& report = out.report;
  std::vector<double> action(spec.action_size);
  ActionFilter filter(safety, spec.action_size);
  double returns = 0;
  std::int64_t reached = 0;
  bool new_episode = true, succeeded = false;
  const auto began = std::chrono::steady_clock::now();
  for (int t = 0; t < n; ++t) {
    stop_unsaved_if_asked("collecting");
    if (new_episode) {
      begin_episode(*env, config, t == 0, starts);
      driver->begin(*env, noise);
      filter.begin_episode();
      succeeded = false;
      ++report.episodes;
    }
    copy_row(env->obs(), file.observations.row(t));
    append(qpos, env->qpos());
    append(qvel, env->qvel());
    if (!env->goal().empty()) append(goal, env->goal());

    driver->act(*env, noise, action);
    for (double& a : action) a = static_cast<float>(std::clamp(a, -1.0, 1.0));
    filter.apply(action);
    copy_row(action, file.actions.row(t));
    const Step step = env->step(action);

    copy_row(env->obs(), file.next_observations.row(t));
    const double hit = step.success;
    append(success, std::span(&hit, 1));
    file.rewards[t] = static_cast<float>(step.reward);
    file.terminals[t] = step.terminated;
    file.timeouts[t] = !step.terminated && (step.truncated || t + 1 == n || (chase && driver->done(*env)));
    returns += step.reward;
    reached += step.success && !succeeded;
    succeeded |= step.success;
    new_episode = file.terminals[t] || file.timeouts[t];
    if (progress && ((t + 1) % kProgressEvery == 0 || t + 1 == n)) progress(t + 1);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  for (const char* name : {"qpos", "qvel"})  // a task of one's own need not have them
    if (file.infos[name].values.empty()) file.infos.erase(name);
  if (goal.rows > 0) file.infos["goal"] = std::move(goal);

  const double episodes = static_cast<double>(report.episodes);
  report.steps = n;
  report.success_share = static_cast<double>(reached) / episodes;
  report.mean_return = returns / episodes;
  report.mean_length = n / episodes;
  report.steps_per_second = n / seconds;

  file.metadata = describe_collection(env_config, spec, config);
  describe_actions(spec, file);
  return out;
}

CollectReport collect(const EnvConfig& env, const CollectConfig& config, const std::filesystem::path& path, const CollectProgress& progress,
                      const SafetyConfig& safety) {
  make_folder(fs::absolute(path).parent_path());  // an unwritable place is found before the work, not after
  const Collected made = collect_steps(env, config, progress, safety);
  write_d4rl(path, made.file);
  return made.report;
}

}  // namespace warmstart
