// `warmstart render`: pictures of episodes, without a screen.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "warmstart/apps/camera.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/apps/world_options.h"
#include "warmstart/core/error.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/driver.h"
#include "warmstart/phases/experience.h"

namespace warmstart {
namespace {

struct Options {
  EnvConfig env;
  FilmOptions film;
  CollectConfig collect;
  std::string checkpoint;
  int episodes = 1;
  std::int64_t seed = -1;
};

void film_checkpoint(Options& o) {
  AgentFile file = read_agent_file(o.checkpoint);
  confirm_task(file.recipe, o.checkpoint, o.env.id);
  EnvConfig world = file.recipe.env;
  if (o.env.max_episode_steps > 0) world.max_episode_steps = o.env.max_episode_steps;
  change_world(o.env, world);
  check_can_be_drawn(world);
  check_bounds(file.bounds, env_spec(world), o.checkpoint);
  const auto env = make_env(world);
  Camera camera(*env, o.film);
  const std::int64_t seed = o.seed >= 0 ? o.seed : file.recipe.evaluation_seed();
  Policy policy(std::make_shared<Actor>(file.agent.actor), Rng(static_cast<std::uint64_t>(seed), "policy"));
  const Evaluation e =
      evaluate(*env, policy, o.episodes, static_cast<std::uint64_t>(seed),
               {.safety = file.recipe.safety, .max_steps = file.recipe.eval.max_steps, .before_step = [&] { camera.look(); }});
  fmt::print("{}, mean return {:.4g}{}\n", camera.finish(), e.return_mean,
             env->spec().reports_success ? fmt::format(", success {:.0f}%", 100 * e.success_rate) : "");
}

void film_driver(Options& o) {
  if (o.env.id.empty()) throw usage_error("nothing to draw", "command line", "give --env ID or --checkpoint FILE");
  const auto env = make_env(o.env);
  const auto driver = make_driver(*env, o.collect);
  Camera camera(*env, o.film);
  const auto seed = static_cast<std::uint64_t>(std::max<std::int64_t>(o.seed, 0));
  Rng starts(seed, "render starts"), noise(seed, "render actions");
  std::vector<double> action(env->spec().action_size);
  double total = 0;
  int succeeded = 0;
  for (int e = 0; e < o.episodes; ++e) {
    env->reset(starts);
    driver->begin(*env, noise);
    bool success = false;
    for (Step step; !step.terminated && !step.truncated;) {
      camera.look();
      driver->act(*env, noise, action);
      for (double& a : action) a = std::clamp(a, -1.0, 1.0);
      step = env->step(action);
      total += step.reward, success |= step.success;
    }
    succeeded += success;
  }
  fmt::print("{}, mean return {:.4g}{}\n", camera.finish(), total / o.episodes,
             env->spec().reports_success ? fmt::format(", success {} of {}", succeeded, o.episodes) : "");
}

}  // namespace

void add_render(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->env.id.clear();
  o->collect.policy = "random";
  o->collect.noise = 0;
  CLI::App* verb = app.add_subcommand("render", "Pictures of episodes, drawn without a screen: GIF, MP4 or PNG files");
  verb->add_option("--env", o->env.id, "Environment id (see `warmstart list envs`)");
  CLI::Option* checkpoint = as_path(verb->add_option("--checkpoint", o->checkpoint, "Film the agent of this file, on its task"));
  verb->add_option("--policy", o->collect.policy, "Who acts: " + fmt::format("{}", fmt::join(driver_names(), ", ")))
      ->capture_default_str()
      ->excludes(checkpoint);
  as_path(verb->add_option("--out", o->film.out, "x.gif, x.mp4 (needs ffmpeg), or a folder for PNG files"))->required();
  verb->add_option("--episodes", o->episodes, "Number of episodes")->capture_default_str()->check(CLI::Range(1, 1000));
  verb->add_option("--seed", o->seed, "Seed of starts and actions (default: 0, or that of the run's own evaluations)")
      ->check(CLI::Range(std::int64_t{0}, kMaxSeed));
  verb->add_option("--max-episode-steps", o->env.max_episode_steps, "Time limit, 0 = the task's own")->capture_default_str();
  add_film_options(*verb, o->film);
  add_world_options(*verb, o->env);
  verb->callback([o] { o->checkpoint.empty() ? film_driver(*o) : film_checkpoint(*o); });
}

}  // namespace warmstart
