// Every key of a recipe with what a user is told about it.
#include <limits>

#include "warmstart/phases/recipe.h"

namespace warmstart {
namespace {

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
  e.add("plugin", env.plugin, path_of("shared object with a task of your own in place of env.id", "docs/own-environment.md"));
  e.add("plugin_timeout", env.plugin_timeout,
        {"longest step, save or load of the plug-in; then the run is saved and stops", "s",
         "longer for slow simulators; a few control steps on a machine", 1e-3, 1e6});
  e.add("plugin_reset_timeout", env.plugin_reset_timeout,
        {"longest create, reset or destroy of the plug-in; 0 = as env.plugin_timeout", "s", "a machine that drives to its start", 0, 1e6});
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
        path_of("offline dataset: a D4RL HDF5 file, a Minari dataset, an NPZ file, a CSV file or a pack",
                "every run with an offline phase or retention"));
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
  d.add("normalize", data.normalize,
        choice("networks see (obs - mean) / (std + normalize_epsilon) of each coordinate, over the transitions that are learned from: "
               "dataset (frozen from the switch on) or running (what is seen online counts too); none leaves observations as they are",
               "coordinates of very different size; dataset to do as CORL and d3rlpy", {"none", "dataset", "running"}));
  d.add("normalize_epsilon", data.normalize_epsilon,
        {"added to the std of each coordinate", "as the observations", "0 or less than the stds, where coordinates vary by less than 1e-3",
         0, 1e6});
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
  v.add("max_steps", eval.max_steps,
        {"an evaluation episode is cut here, and a line says so; 0 = at the time limit, and after 10000 steps at the latest", "steps",
         "above 0 for longer episodes than 10000 steps, or to spare a machine", 0, kMany});
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

}  // namespace warmstart
