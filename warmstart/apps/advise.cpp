// `warmstart advise`: is the pre-trained policy better than its data, and what follows for the online phase.
#include "warmstart/phases/advise.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/apps/world_options.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/experience.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

struct Options {
  std::string checkpoint, dataset, env, plugin, write;
  EnvConfig world;
  int episodes = 50;
  std::int64_t seed = -1;
  bool json = false, overwrite = false;
};

// Undiscounted returns of the dataset's whole episodes, as recorded.
std::vector<double> returns_in(const Options& o, const Recipe& recipe, const EnvSpec& spec) {
  DatasetOptions asked = dataset_options(spec, recipe.observation_keys());
  asked.action_low = recipe.data.action_low, asked.action_high = recipe.data.action_high;
  const Dataset data = Dataset::load(o.dataset, asked);
  if (const std::string other = check_body(data.recorded_in(), spec, o.dataset); !other.empty()) fmt::print(stderr, "note: {}\n", other);
  std::vector<double> returns;
  for (const Episode& e : data.episodes())
    if (e.end != EpisodeEnd::kUnfinished) returns.push_back(e.reward_sum);
  if (returns.size() < 2)
    throw data_error(fmt::format("{} whole episodes: their mean return says nothing", returns.size()), o.dataset,
                     "give a dataset whose terminals or timeouts mark the ends of at least two episodes");
  return returns;
}

std::string text(const MeanReturn& m) {
  return fmt::format("{:.4g} +- {:.2g} over {} episodes (worst {:.4g}, best {:.4g})", m.mean, m.error, m.episodes, m.low, m.high);
}

void run(const Options& o) {
  if (!o.write.empty() && !o.overwrite && std::filesystem::exists(o.write))
    throw usage_error("the file exists", o.write, "choose another name for --write, or add --overwrite");
  if (const auto folder = std::filesystem::path(o.write).parent_path(); !folder.empty() && !std::filesystem::is_directory(folder))
    throw usage_error("no such folder", folder.string(), "make it, or choose another name for --write");
  AgentFile file = read_agent_file(o.checkpoint);
  Recipe& recipe = file.recipe;
  confirm_task(recipe, o.checkpoint, o.env, o.plugin);
  change_world(o.world, recipe.env);

  check_bounds(file.bounds, env_spec(recipe.env), o.checkpoint);
  const auto env = make_env(recipe.env);
  const MeanReturn data = mean_return(returns_in(o, recipe, env->spec()));
  const std::int64_t seed = o.seed >= 0 ? o.seed : recipe.evaluation_seed();
  Policy policy(std::make_shared<Actor>(file.agent.actor), Rng(static_cast<std::uint64_t>(seed), "policy"));
  std::vector<double> returns;
  const Evaluation e = evaluate(
      *env, policy, o.episodes, static_cast<std::uint64_t>(seed),
      {.safety = recipe.safety, .max_steps = recipe.eval.max_steps, .on_step = evaluation_display(o.episodes), .returns = &returns});
  const MeanReturn start = mean_return(returns);
  const Advice advice = advise(start, data);

  recipe.data.path = o.dataset, recipe.data.collect = false;
  const Recipe next = advised_recipe(recipe, advice.regime);
  if (!o.write.empty()) {
    write_atomically(o.write, Recipe(next).toml());
    fmt::print(stderr, "wrote {}\n", o.write);
  }
  const std::string where = o.write.empty() ? "NEXT.toml" : shell_word(o.write);
  const std::string command = advice.regime == Regime::kInferior
                                  ? fmt::format("warmstart train {} --out runs/next", where)
                                  : fmt::format("warmstart finetune {} --from {} --out runs/next", where, shell_word(o.checkpoint));
  if (o.json) {
    const auto entry = [](const MeanReturn& m) {
      return nlohmann::ordered_json{{"mean", m.mean}, {"error", m.error}, {"worst", m.low}, {"best", m.high}, {"episodes", m.episodes}};
    };
    nlohmann::ordered_json out = {{"regime", regime_name(advice.regime)},
                                  {"recommendation", next.summary},
                                  {"policy", entry(start)},
                                  {"data", entry(data)},
                                  {"difference", advice.difference},
                                  {"low", advice.low},
                                  {"high", advice.high},
                                  {"margin", advice.margin},
                                  {"label", next.label},
                                  {"command", command}};
    if (env->spec().reports_success) out["success_rate"] = e.success_rate;
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{} on {}\n", o.checkpoint, recipe.env.id);
  fmt::print("  policy's return   {}\n", text(start));
  if (env->spec().reports_success) fmt::print("  policy's success  {:.1f}%\n", 100 * e.success_rate);
  fmt::print("  data's return     {}\n", text(data));
  fmt::print("  difference        {:.4g}, 95% between {:.4g} and {:.4g}; within +-{:.3g} it would not matter\n\n", advice.difference,
             advice.low, advice.high, advice.margin);
  constexpr const char* verdict[] = {"The policy is better than its data (superior): keep the policy, not the data.",
                                     "Policy and data are alike (comparable): keep both.",
                                     "The data are better than the policy (inferior): start from the data."};
  fmt::print("{}\nNext: {}\n", verdict[static_cast<int>(advice.regime)], next.label);
  if (o.write.empty()) fmt::print("  warmstart advise ... --write NEXT.toml   writes its recipe\n");
  if (next.network.num_qs <= 2 || !next.network.critic_layer_norm)
    fmt::print("  This start has {} critics{}: WSRL was published with ten and LayerNorm, which only another pre-training can give it\n",
               next.network.num_qs, next.network.critic_layer_norm ? "" : " without LayerNorm");
  fmt::print("  {}\nThe rule is that of arXiv 2510.01460, which held in 45 of its 63 cases: docs/advise.md\n", command);
}

}  // namespace

void add_advise(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("advise", "Keep the data online or not: compare a pre-trained policy with its dataset");
  as_path(verb->add_option("--checkpoint", o->checkpoint, "pretrained.safetensors"))->required();
  as_path(verb->add_option("--dataset", o->dataset, "What it was trained on (any format that `data` reads)"))->required();
  verb->add_option("--env", o->env, "Refuse the checkpoint when it was made for another task than this (exit code 3)");
  as_path(verb->add_option("--env-plugin", o->plugin, "Where the plug-in of the checkpoint's task lies now"));
  verb->add_option("--episodes", o->episodes, "Episodes that the policy plays")->capture_default_str()->check(CLI::Range(10, 1'000'000));
  verb->add_option("--seed", o->seed, "Seed of resets (default: that of the run's own evaluations)")
      ->check(CLI::Range(std::int64_t{0}, kMaxSeed));
  as_path(verb->add_option("--write", o->write, "Write the recommended recipe to this file"));
  verb->add_flag("--overwrite", o->overwrite, "Replace the file of --write");
  verb->add_flag("--json", o->json, "One JSON object instead of text");
  add_world_options(*verb, o->world);
  verb->callback([o] { run(*o); });
}

}  // namespace warmstart
