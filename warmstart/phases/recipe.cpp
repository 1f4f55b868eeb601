#include "warmstart/phases/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kMany = 1e12;

}  // namespace

Fields Recipe::fields() {
  Fields all;
  all.add("name", name,
          {"names the default output folder; a recipe file's task and method unless given", "", "two runs of one recipe side by side"});
  all.add("label", label, {"how reports name this method; the recipe's name unless given", "", "the file name would puzzle readers"});
  all.add("summary", summary, {"one line for `warmstart list recipes`", "", "your own recipes"});

  Fields e("env");
  std::vector<std::string> tasks;
  for (const EnvSpec& spec : env_specs()) tasks.push_back(spec.id);
  e.add("id", env.id, choice("task, by Gymnasium's name", "`warmstart list envs` shows all", tasks));
  e.add("plugin", env.plugin,
        {"shared object with a task of your own in place of env.id; a relative path starts at the recipe file's folder (on the command "
         "line: at the current directory)",
         "", "docs/own-environment.md"});
  e.add("plugin_timeout", env.plugin_timeout,
        {"longest call of the plug-in; then the run is saved and stops", "s", "longer for slow simulators", 1e-3, 1e6});
  e.add("max_episode_steps", env.max_episode_steps,
        {"time limit of an episode; 0 = the task's own", "steps", "shorter trials on a robot, or quick tests", 0, 1e9});
  e.add("friction_scale", env.friction_scale,
        {"multiplies every friction coefficient of the simulated world; a dataset made by `data.collect` comes from the world as it was",
         "", "to study data from another world", 1e-3, 1e3});
  e.add("mass_scale", env.mass_scale,
        {"multiplies every mass and inertia of the simulated world; likewise", "", "to study data from another world", 1e-3, 1e3});
  e.add("clearance", env.clearance,
        {"peg insertion: gap between peg and socket on each side, 0.2 to 5; 0 = the task's own 1; likewise", "mm", "less for a harder task",
         0, 5});
  e.add("reward_scale", reward_scale, {"learners see scale * reward + bias", "", "10 on AntMaze and Adroit", -1e9, 1e9});
  e.add("reward_bias", reward_bias,
        {"learners see scale * reward + bias", "", "-5 on AntMaze, so that not reaching the goal costs", -1e9, 1e9});
  all.append(e);

  Fields d("data");
  d.add("path", data.path,
        {"offline dataset: a D4RL HDF5 file, a Minari dataset, an NPZ file or a pack", "", "every run with an offline phase or retention"});
  d.add("observation_keys", data.observation_keys,
        {"Minari's Dict observations: the keys to take, in order, comma-separated; \"\" = the task's own, else all in alphabetical order",
         "", "a task of your own that sees a part of them"});
  d.add("collect", data.collect,
        {"make the dataset by the `collect` section when `path` does not exist", "", "on for tasks that have a driver here"});
  d.add(
      "sparse_reward", data.sparse_reward,
      {"Monte-Carlo return of a never-successful trajectory = negative reward / (1 - discount)", "", "AntMaze, Adroit binary, PointMaze"});
  d.add("negative_reward", data.negative_reward, {"the file's reward of a step without success", "", "-1 for Adroit binary", -1e9, 1e9});
  d.add("infinite_horizon", data.infinite_horizon, {"Monte-Carlo returns go on after the last step", "", "continuing tasks"});
  d.add("action_low", data.action_low,
        {"the file's action that becomes -1, one for all coordinates or one for each; [] = what the file and the task say",
         "of the file's actions", "a file in units of its own, or one that is refused"});
  d.add("action_high", data.action_high, {"the file's action that becomes 1, likewise", "of the file's actions", "with data.action_low"});
  all.append(d);
  all.append(collect.fields("collect"));
  all.append(network.fields());
  all.append(agent.fields());
  all.append(cql.fields());
  all.append(iql.fields());
  all.append(td3.fields());

  Fields p("pretrain");
  std::vector<std::string> names;
  for (const auto& info : agent_infos()) names.push_back(info.name);
  p.add("agent", pretrain.agent, choice("update rule of the offline phase", "which start to compare", names));
  p.add("steps", pretrain.steps, {"gradient steps", "steps", "0 starts from fresh networks", 0, kMany});
  p.add("batch", pretrain.batch, {"rows per gradient step", "transitions", "smaller when steps are slow, larger for noisy data", 1, 1e6});
  all.append(p);

  Fields w("warm_up");
  w.add("steps", warm_up.steps,
        {.help = "K: steps of the frozen pre-trained policy into the empty buffer, without updates; \"auto\" ends (by a rule of ours, not "
                 "the paper's) when the pre-trained critic's error on what was seen no longer changes",
         .unit = "environment steps",
         .when = "0 for no warm-up",
         .min = 0,
         .max = kMany,
         .word = "auto",
         .word_value = WarmupConfig::kAuto});
  w.add("reference_count", warm_up.reference_count,
        {"make one step more, as the reference implementation counts", "", "off for exactly K"});
  w.add("window", warm_up.window,
        {"auto: steps between two looks at the mean TD error of the steps so far", "environment steps", "about half an episode or more", 1,
         kMany});
  w.add("tolerance", warm_up.tolerance,
        {"auto: the warm-up ends when that mean has changed by less than this share in two looks in a row, and an episode has ended", "",
         "smaller waits for a steadier error", 0, 1});
  w.add("max_steps", warm_up.max_steps,
        {"auto: the warm-up ends here at the latest", "environment steps", "what the robot can afford", 1, kMany});
  all.append(w);

  Fields f("finetune");
  f.add("agent", finetune.agent, choice("update rule of the online phase", "which online learner to compare", names));
  f.add("steps", finetune.steps,
        {"environment steps after the warm-up", "environment steps", "as long as the evaluations still rise", 0, kMany});
  f.add("batch", finetune.batch, {"rows per critic step", "transitions", "smaller when steps must be fast", 1, 1e6});
  f.add("utd", finetune.utd,
        {"update-to-data ratio: critic steps per environment step", "", "higher learns faster per step, costs more", 1, 1000});
  f.add("min_buffer", finetune.min_buffer,
        {"transitions in the buffer before the first update; 0 = one whole batch (batch * utd)", "transitions",
         "1 or so to learn from the first step; more to see more before learning", 0, kMany});
  f.add("initialise", finetune.initialise, choice("what starts from pre-training", "ablations", {"both", "policy", "critic", "neither"}));
  f.add("reset_optimiser", finetune.reset_optimiser, {"forget Adam's moments and counts at the switch", "", "ablations"});
  f.add("critic_fit_steps", finetune.critic_fit_steps,
        {"critic steps on the warm-up's transitions before the policy first moves", "gradient steps",
         "with initialise = \"policy\": a critic learned from the warm-up alone", 0, kMany});
  f.add("timeout_hides_terminal", finetune.timeout_hides_terminal,
        {"a time limit in the step that also succeeds loses the terminal flag, as in the reference implementation", "",
         "to equal the reference's data exactly"});
  all.append(f);

  Fields r("retention");
  r.add("mode", retention.mode,
        choice("what fine-tuning keeps of the offline data", "none is WSRL", {"none", "mixed", "append", "annealed"}));
  r.add("ratio", retention.ratio, {"share of offline rows in mixed batches; where annealing begins", "", "0.5 for RLPD", 0, 1});
  r.add("final_ratio", retention.final_ratio, {"share where annealing ends", "", "above 0 to keep some data for good", 0, 1});
  r.add("anneal_steps", retention.anneal_steps,
        {"steps over which the share goes from ratio to final_ratio, in a line", "environment steps after the warm-up",
         "as long as the data are worth more than what is collected", 1, kMany});
  r.add("interleave", retention.interleave,
        {"every slice of a mixed batch has its share; off cuts [online | offline] into slices as the reference does", "",
         "off to equal the reference"});
  all.append(r);

  Fields j("jsrl");
  j.add("guide", jsrl.guide,
        choice("the pre-trained policy acts in the first h steps of every episode, the learner after: h shrinks in stages (curriculum) or "
               "is drawn (random)",
               "JSRL, with finetune.initialise = \"neither\"", {"none", "curriculum", "random"}));
  j.add("horizon", jsrl.horizon, {"largest h; 0 = the task's time limit", "steps", "the length of the guide's good episodes", 0, kMany});
  j.add("stages", jsrl.stages, {"curriculum: h falls to 0 in so many equal parts", "", "more stages hand over more gently", 1, 1e6});
  j.add("window", jsrl.window,
        {"curriculum: episodes whose mean return decides on the next stage", "episodes", "more for noisy returns", 1, 1e6});
  j.add("tolerance", jsrl.tolerance,
        {"curriculum: the next stage begins when the mean return is within this share of the best so far", "", "larger moves on sooner", 0,
         10});
  all.append(j);

  Fields v("eval");
  v.add("every", eval.every,
        {"environment steps between evaluations online; 0 = only at the switch and the end", "environment steps",
         "smaller draws finer curves and costs time", 0, kMany});
  v.add("pretrain_every", eval.pretrain_every,
        {"gradient steps between evaluations offline; 0 = only at the end", "steps", "above 0 to see how the start was learned", 0, kMany});
  v.add("episodes", eval.episodes,
        {"deterministic episodes per evaluation", "episodes", "more for less noise: the error of a rate is at most 0.5 / sqrt(episodes)", 1,
         1e6});
  all.append(v);

  all.append(diagnostics.fields());
  all.append(monitor.fields());
  all.append(safety.fields());

  Fields l("log");
  l.add("csv", log.csv, {"write metrics.csv: the numbers of metrics.jsonl as a table", "", "off when nothing reads it, to save disk"});
  l.add("tensorboard", log.tensorboard,
        {"write a TensorBoard event file with the numbers of metrics.jsonl", "", "off when nothing reads it, to save disk"});
  all.append(l);

  Fields u("run");
  u.add("fidelity", run.fidelity,
        choice("group of switches: as the reference implementation does, or as the paper reads",
               "paper for studies of the method, reference to compare with published runs", {"reference", "paper"}));
  u.add("backend", run.backend, choice("arithmetic", "reference is slow and for checking", {"cpu", "reference"}));
  u.add("precision", run.precision,
        choice("operands of the learner's matrix products after each network's first layer; all else is fp32, and so is acting",
               "bf16 is faster on CPUs with avx512_bf16 or amx_bf16 (`warmstart doctor` tells); others say so and stay in fp32",
               {"fp32", "bf16"}));
  u.add("replay_capacity", run.replay_capacity,
        {"transitions the replay buffer holds; the oldest go first", "transitions",
         "lower when memory is short, or to forget old experience", 1, 4294967295.0});
  u.add("log_every", run.log_every, {"steps between rows of training metrics", "steps", "smaller for finer curves", 1, kMany});
  u.add("checkpoint_every", run.checkpoint_every,
        {"steps between checkpoints; 0 = only at phase ends", "steps", "above 0 for checkpoints at known steps", 0, kMany});
  u.add("checkpoint_seconds", run.checkpoint_seconds,
        {"seconds between checkpoints; 0 = never by time", "s", "smaller loses less when the process is killed", 0, 1e9});
  u.add("max_steps", run.max_steps,
        {"the run ends, saved and resumable, after so many steps of the world, warm-up counted, evaluations not; 0 = no limit",
         "environment steps", "a budget of real steps; raise it to go on with --resume", 0, kMany});
  u.add("max_seconds", run.max_seconds,
        {"the run ends, saved and resumable, when this process has worked on it for so long; 0 = no limit", "s",
         "a queue or a shift that ends at a known time", 0, 1e9});
  u.add("seed", run.seed, {"seed of every random stream", "", "every repetition", 0, kMaxSeed});
  all.append(u);
  return all;
}

AgentSettings Recipe::online_settings() const {
  AgentSettings s = *this;
  s.cql = cql.online();
  return s;
}

std::string Recipe::observation_keys() const {
  return data.observation_keys.empty() ? env_spec(env).observation_keys : data.observation_keys;
}

std::string difference(Recipe was, Recipe now, const std::set<std::string>& ignored) {
  const Fields before = was.fields(), after = now.fields();
  for (std::size_t i = 0; i < before.list().size(); ++i) {
    const Field &a = before.list()[i], &b = after.list()[i];
    if (!ignored.contains(a.key) && a.toml() != b.toml()) return fmt::format("{} (was {}, now {})", a.key, a.toml(), b.toml());
  }
  return "";
}

std::string Recipe::toml() { return fields().toml(); }

void Recipe::validate(bool with_task) const {
  if (with_task) safety.validate(env_spec(env).action_size);
  const auto refuse = [](const std::string& what, const std::string& keys, const std::string& remedy) {
    throw usage_error(what, keys, remedy);
  };
  if (network.critic_hidden.empty() || network.actor_hidden.empty())
    refuse("a network needs a hidden layer", "network.critic_hidden and network.actor_hidden", "give at least one width, e.g. [256, 256]");
  if (agent.num_min_qs > network.num_qs)
    refuse("subset larger than the ensemble", "agent.num_min_qs and network.num_qs", "lower agent.num_min_qs or raise network.num_qs");
  const bool needs_data = pretrain.steps > 0 || retention.mode != "none";
  if (needs_data && data.path.empty())
    refuse("no dataset", pretrain.steps > 0 ? "data.path and pretrain.steps" : "data.path and retention.mode",
           "name a dataset with --data FILE or data.path, or set the other key to 0 / \"none\"");
  const bool trains_online = finetune.steps > 0;
  if (trains_online && agent_info(finetune.agent).needs_mc_return && retention.mode == "append")
    refuse("online Cal-QL needs Monte-Carlo returns, which appended rows do not have", "finetune.agent and retention.mode",
           "use retention.mode = \"mixed\"");
  if (trains_online && !agent_info(finetune.agent).trains_critic)
    refuse("behaviour cloning learns nothing online", "finetune.agent and finetune.steps", "use finetune.agent = \"sac\"");
  if (!network.squash)
    for (const auto& [learner, key, used] :
         {std::tuple{pretrain.agent, "pretrain.agent", pretrain.steps > 0}, {finetune.agent, "finetune.agent", trains_online}})
      if (used && learner != "iql" && learner != "bc")
        refuse("agent \"" + learner + "\" needs a policy of another kind, one squashed by tanh", std::string(key) + " and network.squash",
               "set network.squash = true (and train the start with it)");
  if (jsrl.guide != "none" && warm_up.steps != 0 && finetune.initialise == "neither")
    refuse("a warm-up of fresh networks: only the guide knows anything yet", "jsrl.guide and warm_up.steps", "set warm_up.steps = 0");
  if (warm_up.automatic() &&
      (!agent_info(pretrain.agent).trains_critic || (finetune.initialise != "both" && finetune.initialise != "critic")))
    refuse("an automatic warm-up watches the pre-trained critic, and there is none",
           "warm_up.steps, pretrain.agent and finetune.initialise", "give warm_up.steps a number");
  if (monitor.roll_back && (!monitor.on || eval.every == 0))
    refuse("roll-back goes by the monitor and by evaluations",
           fmt::format("monitor.roll_back and {}", monitor.on ? "eval.every" : "monitor.on"),
           monitor.on ? "set eval.every, e.g. 1000" : "set monitor.on = true");
  if (finetune.critic_fit_steps > 0 && warm_up.steps == 0 && retention.mode == "none")
    refuse("no transitions to fit the critic on", "finetune.critic_fit_steps and warm_up.steps",
           "give warm_up.steps, or set the other to 0");
  if (retention.mode == "mixed" && retention.ratio >= 1)
    refuse("only offline rows: nothing online would be learned from", "retention.ratio and retention.mode", "lower retention.ratio");
  if (agent.n_step > 1 && pretrain.agent == "rebrac" && pretrain.steps > 0)
    refuse("ReBRAC compares the action one step later", "agent.n_step and pretrain.agent", "set agent.n_step = 1");
  if (!agent_info(pretrain.agent).trains_critic && pretrain.steps > 0 && finetune.steps > 0 &&
      (finetune.initialise == "both" || finetune.initialise == "critic"))
    refuse("pre-training gives no critic to start from", "pretrain.agent and finetune.initialise", "set finetune.initialise = \"policy\"");
  for (const auto& [learner, key, used] :
       {std::tuple{pretrain.agent, "pretrain.agent", pretrain.steps > 0}, {finetune.agent, "finetune.agent", trains_online}})
    if (agent.backup_entropy && used && learner != "sac" && learner != "bc")
      refuse("only SAC has entropy in its target", "agent.backup_entropy and " + std::string(key), "set agent.backup_entropy = false");
  if (run.precision != "fp32" && run.backend != "cpu")
    refuse("backend \"" + run.backend + "\" has one precision", "run.precision and run.backend", "set run.precision = \"fp32\"");
  if (finetune.min_buffer > run.replay_capacity)
    refuse("the buffer can never be full enough", "finetune.min_buffer and run.replay_capacity", "raise run.replay_capacity");
}

namespace {

// Files from the outermost base to the recipe itself, as one list of assignments with the place each came from.
struct Assignment {
  std::string key, where;
  ConfigValue value;
};

void gather(const fs::path& path, std::vector<fs::path> seen, std::vector<Assignment>& out) {
  const fs::path here = fs::weakly_canonical(path);
  if (std::find(seen.begin(), seen.end(), here) != seen.end())
    throw usage_error("recipes are each other's base", path.string() + ", key base", "remove one `base` line");
  seen.push_back(here);
  const FlatConfig flat = read_toml(path);
  for (const auto& [key, value] : flat) {
    if (key != "base") continue;
    const auto* base = std::get_if<std::string>(&value);
    if (!base) throw usage_error("wrong type", path.string() + ", key base", "give the base recipe's path as text");
    gather(path.parent_path() / *base, seen, out);
  }
  for (const auto& [key, value] : flat)
    if (key == "env.plugin" && std::holds_alternative<std::string>(value) && !std::get<std::string>(value).empty())
      out.push_back({key, path.string(), fs::absolute(path.parent_path() / std::get<std::string>(value)).lexically_normal().string()});
    else if (key != "base") out.push_back({key, path.string(), value});
}

const std::vector<std::pair<std::string, bool>> kPaperGroup = {{"network.shared_output", false},
                                                               {"agent.subset_with_replacement", false},
                                                               {"agent.idle_adam_steps", false},
                                                               {"warm_up.reference_count", false}};

// Whoever lowers N without a word on M means M = min(2, N); who names both, or M later than N, is taken at their word.
void lower_subset(Recipe& recipe, const std::vector<Assignment>& assignments, const std::vector<Override>& overrides) {
  std::ptrdiff_t at = 0, members = -1, subset = -1;
  const auto see = [&](const std::string& key) {
    if (key == "network.num_qs") members = at;
    if (key == "agent.num_min_qs") subset = at;
  };
  std::string where;
  for (const auto& a : assignments) {
    if (a.where != where) ++at, where = a.where;  // one file, one moment
    see(a.key);
  }
  ++at;
  for (const auto& [key, text] : overrides) see(key);
  if (recipe.agent.num_min_qs > recipe.network.num_qs && subset < members) recipe.agent.num_min_qs = std::min(2, recipe.network.num_qs);
}

Recipe assemble(Recipe recipe, std::vector<Assignment> assignments, std::vector<Override> overrides, bool with_task = true) {
  Fields fields = recipe.fields();
  // a plug-in names its task itself, whatever id a base or an earlier run wrote down
  for (const auto& a : assignments)
    if (a.key == "env.plugin") fields.at(a.key, a.where).set(a.value, a.where);
  for (const auto& [key, text] : overrides)
    if (key == "env.plugin") recipe.env.plugin = text;
  if (!recipe.env.plugin.empty()) {
    recipe.env.plugin = fs::absolute(recipe.env.plugin).lexically_normal().string();
    std::erase_if(assignments, [](const Assignment& a) { return a.key == "env.id" || a.key == "env.plugin"; });
    std::erase_if(overrides, [](const Override& o) { return o.first == "env.id" || o.first == "env.plugin"; });
  }
  const auto apply = [&]() {
    for (const auto& a : assignments) fields.at(a.key, a.where).set(a.value, a.where);
    for (const auto& [key, text] : overrides) fields.at(key, "command line").set_text(text, "command line, --" + key);
  };
  apply();
  if (recipe.run.fidelity == "paper") {
    for (const auto& [key, value] : kPaperGroup) fields.at(key, "run.fidelity").set(value, "run.fidelity");
    apply();
  }
  lower_subset(recipe, assignments, overrides);
  if (recipe.label.empty()) recipe.label = recipe.name;
  if (with_task && !recipe.env.plugin.empty()) recipe.env.id = env_spec(recipe.env).id;
  recipe.validate(with_task);
  return recipe;
}

}  // namespace

Recipe load_recipe(const fs::path& path, const std::vector<Override>& overrides) {
  std::vector<Assignment> assignments;
  gather(path, {}, assignments);
  Recipe recipe;
  const std::string folder = fs::absolute(path).parent_path().filename().string();
  recipe.name = folder + "-" + path.stem().string();
  // a base's name is its own
  std::erase_if(assignments, [&](const Assignment& a) {
    return (a.key == "name" || a.key == "label" || a.key == "summary") && a.where != path.string();
  });
  return assemble(recipe, assignments, overrides);
}

Recipe parse_recipe(const std::string& text, const std::string& where, const std::vector<Override>& overrides) {
  std::vector<Assignment> assignments;
  for (const auto& [key, value] : parse_toml(text, where)) assignments.push_back({key, where, value});
  return assemble({}, assignments, overrides);
}

Recipe parse_header_recipe(const std::string& text, const std::string& where) {
  std::vector<Assignment> assignments;
  std::string id;
  for (const auto& [key, value] : parse_toml(text, where)) {
    if (key == "env.id" && std::holds_alternative<std::string>(value)) id = std::get<std::string>(value);
    else assignments.push_back({key, where, value});
  }
  Recipe recipe = assemble({}, assignments, {}, false);
  if (!id.empty()) recipe.env.id = id;
  return recipe;
}

}  // namespace warmstart
