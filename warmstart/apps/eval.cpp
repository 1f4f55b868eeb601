// `warmstart eval`: plays episodes with a saved agent and prints how well it does.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/camera.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/apps/world_options.h"
#include "warmstart/core/error.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/experience.h"

namespace warmstart {
namespace {

struct Options {
  std::string file, env, plugin;
  FilmOptions film;
  EnvConfig world;
  int episodes = 20;
  std::int64_t seed = -1, max_steps = 0;
  bool stochastic = false, json = false;
};

void run(const Options& o) {
  AgentFile file = read_agent_file(o.file);
  const Recipe& recipe = file.recipe;
  confirm_task(file.recipe, o.file, o.env, o.plugin);
  change_world(o.world, file.recipe.env);
  if (!o.film.out.empty()) check_can_be_drawn(recipe.env);  // before a machine moves
  check_bounds(file.bounds, env_spec(recipe.env), o.file);
  const auto env = make_env(recipe.env);
  const std::int64_t most = o.max_steps > 0 ? o.max_steps : recipe.eval.max_steps;
  // the run's own evaluations use this stream, so that their numbers come out again
  const std::int64_t seed = o.seed >= 0 ? o.seed : recipe.evaluation_seed();
  Policy policy(std::make_shared<Actor>(file.agent.actor), Rng(static_cast<std::uint64_t>(seed), "policy"), exploration_noise(file));
  const auto start = std::chrono::steady_clock::now();
  const Evaluation e =
      evaluate(*env, policy, o.episodes, static_cast<std::uint64_t>(seed),
               {.deterministic = !o.stochastic, .safety = recipe.safety, .max_steps = most, .on_step = evaluation_display(o.episodes)});
  if (const std::string text = cut_warning(e, most); !text.empty()) fmt::print(stderr, "{}\n", text);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = seconds > 0 ? e.length_mean * e.episodes / seconds : 0;
  const bool success = env->spec().reports_success;
  if (!o.film.out.empty()) {  // the first episode again, so that drawing does not slow what was measured
    Camera camera(*env, o.film);
    Policy same(std::make_shared<Actor>(file.agent.actor), Rng(static_cast<std::uint64_t>(seed), "policy"), exploration_noise(file));
    evaluate(*env, same, 1, static_cast<std::uint64_t>(seed),
             {.deterministic = !o.stochastic, .safety = recipe.safety, .max_steps = most, .before_step = [&] { camera.look(); }});
    fmt::print(stderr, "{}\n", camera.finish());
  }

  if (o.json) {
    nlohmann::ordered_json out = {{"file", o.file},
                                  {"env", recipe.env.id},
                                  {"label", recipe.label},
                                  {"phase", file.metadata["phase"]},
                                  {"policy", policy.fingerprint()},
                                  {"deterministic", !o.stochastic},
                                  {"seed", seed},
                                  {"episodes", e.episodes},
                                  {"return_mean", e.return_mean},
                                  {"return_std", e.return_std},
                                  {"success_rate", nullptr},
                                  {"normalized", nullptr},
                                  {"episode_length", e.length_mean},
                                  {"steps_per_second", rate}};
    if (success) out["success_rate"] = e.success_rate;
    if (!std::isnan(e.normalized)) out["normalized"] = e.normalized;
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{} on {}, {} {} episodes, seed {}\n", o.file, recipe.env.id, e.episodes, o.stochastic ? "stochastic" : "deterministic", seed);
  fmt::print("  return          {:.4g} +- {:.4g}\n", e.return_mean, e.return_std);
  if (success) fmt::print("  success         {:.1f}%\n", 100 * e.success_rate);
  if (!std::isnan(e.normalized)) fmt::print("  normalised      {:.1f}\n", e.normalized);
  fmt::print("  episode length  {:.1f} steps\n  speed           {:.0f} steps/s\n", e.length_mean, rate);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("eval", "Play episodes with a saved agent: return, success, length, speed");
  as_path(verb->add_option("FILE", o->file, "pretrained.safetensors, final.safetensors or checkpoint.safetensors of a run"))->required();
  verb->add_option("--episodes", o->episodes, "Number of episodes")->capture_default_str()->check(CLI::Range(1, 1'000'000));
  verb->add_option("--seed", o->seed, "Seed of resets and actions (default: that of the run's own evaluations)")
      ->check(CLI::Range(std::int64_t{0}, kMaxSeed));
  verb->add_option("--max-steps", o->max_steps, "An episode is cut here, with a warning; 0 = as the run's own evaluations")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}));
  verb->add_flag("--stochastic", o->stochastic, "Sample actions instead of taking the most likely one");
  verb->add_option("--env", o->env, "Refuse the file when it was made for another task than this (exit code 3)");
  as_path(verb->add_option("--env-plugin", o->plugin, "Where the plug-in of the checkpoint's task lies now"));
  add_world_options(*verb, o->world);
  as_path(verb->add_option("--video", o->film.out, "Film the first episode: x.gif, x.mp4 (needs ffmpeg), or a folder for PNG files"));
  add_film_options(*verb, o->film);
  verb->add_flag("--json", o->json, "One JSON object instead of text");
  verb->callback([o] { run(*o); });
}

}  // namespace warmstart
