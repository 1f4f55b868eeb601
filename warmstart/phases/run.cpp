#include "warmstart/phases/run.h"

#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/dataset_file.h"
#include "warmstart/phases/jsrl.h"
#include "warmstart/phases/task_data.h"
#include "warmstart/phases/train.h"

namespace warmstart {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

// What a run writes; --overwrite removes these and nothing else.
const std::vector<std::string> kOwnFiles = {"recipe.toml",
                                            "checkpoint.safetensors",
                                            "pretrained.safetensors",
                                            "final.safetensors",
                                            "metrics.csv",
                                            "metrics.jsonl",
                                            kTensorBoardFile,
                                            "timing.jsonl",
                                            "run.json",
                                            "report.html",
                                            "buffer",
                                            kStopFile};

DatasetOptions recipe_dataset_options(const Recipe& r) {
  DatasetOptions o = dataset_options(env_spec(r.env), r.observation_keys());
  o.reward_scale = r.reward_scale, o.reward_bias = r.reward_bias;
  o.discount = r.agent.discount;
  o.sparse_reward = r.data.sparse_reward, o.negative_reward = r.data.negative_reward;
  o.infinite_horizon = r.data.infinite_horizon;
  o.action_low = r.data.action_low, o.action_high = r.data.action_high;
  o.task = r.env.id, o.source = r.data.path;
  o.warn_of_sizes = false;  // judged as the networks see them
  return o;
}

}  // namespace

const char* phase_name(Phase phase) {
  constexpr const char* names[] = {"pretrain", "warmup", "finetune", "done"};
  return names[static_cast<int>(phase)];
}

Run::Run(const Recipe& r, RunOptions o)
    : recipe(r),
      options(std::move(o)),
      precision(choose_precision(recipe.run.precision).precision),
      diagnostics(recipe.diagnostics, recipe.agent, static_cast<std::uint64_t>(recipe.run.seed)),
      monitor(recipe.monitor, recipe.finetune.steps) {
  // a program may have filled the recipe by itself
  recipe.fields().check("recipe", {"env.id"});
  recipe.validate(true, options.phases);
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  state.data_rng = Rng(seed, "data"), state.noise_rng = Rng(seed, "noise"), state.policy_rng = Rng(seed, "policy");
  backend = make_backend(recipe.run.backend, options.threads, precision);
  eval_env_ = make_env(recipe.env);
  one_env_ = !eval_env_->can_save();
  began_ = phase_began_ = last_save_ = last_progress_ = rate_began_ = Clock::now();

  const bool pretrains = options.phases.pretrain && recipe.pretrain.steps > 0 && options.from.empty();
  const bool retains = options.phases.online && recipe.needs_dataset_online();
  if (options.phases.online && recipe.jsrl.guide != "none" && options.from.empty() && recipe.pretrain.steps == 0)
    throw usage_error("no guide: nothing was pre-trained", "jsrl.guide and pretrain.steps",
                      "pre-train, or give a pretrained.safetensors with `finetune --from`");
  if (options.phases.online && recipe.warm_up.automatic() && options.from.empty() && recipe.pretrain.steps == 0)
    throw usage_error("an automatic warm-up watches the pre-trained critic: nothing was pre-trained", "warm_up.steps and pretrain.steps",
                      "give warm_up.steps a number, or pre-train");
  const bool has_checkpoint = options.resume && fs::exists(options.folder / "checkpoint.safetensors");
  if (!has_checkpoint) {
    // whatever can be wrong with the input shows before the folder is touched
    if (!options.from.empty()) load_pretrained();
    else agent = make_agent(recipe.pretrain.agent, recipe, fresh_agent(recipe), *backend);
    if (retains || pretrains) dataset();
    if (options.from.empty()) fit_normalizer();
    if (dataset_ && options.from.empty()) judge_scale();
    if (options.phases.online) need_rows();
  } else {
    agent = make_agent(recipe.pretrain.agent, recipe, fresh_agent(recipe), *backend);
  }
  prepare_folder();
  resumed_ = has_checkpoint && load_checkpoint();
  metrics_ = std::make_unique<MetricsLog>(options.folder, state.metrics, recipe.log, recipe.toml(), state.pretrain_steps);
  if (resumed_) {
    confirm_start();
    // what was its last evaluation is now one on its way
    if (goes_on_ && recipe.eval.every > 0 && state.online_steps % recipe.eval.every == 0) roll_back_if_wanted(state.online_steps);
    if (keys_changed_) {  // at once, so that another resume does not find them anew
      write_atomically(options.folder / "recipe.toml", recipe.toml());
      save_and_say(finished() ? "done" : "running");
    }
    // a kill may have come between the last checkpoint and run.json
    if (!finished() || run_status(options.folder) != "done") write_info(finished() ? "done" : "running");
    return;
  }
  write_atomically(options.folder / "recipe.toml", recipe.toml());
  if (recipe.retention.mode == "append" && buffer) buffer->append_dataset(dataset());
  write_info("running");
}

void Run::need_rows() {
  if (recipe.finetune.steps == 0 || recipe.retention.mode != "append") return;  // Recipe::validate has looked at the others
  const std::int64_t online = recipe.warm_up_steps() + recipe.finetune.steps, needed = recipe.rows_before_update();
  const auto offline = static_cast<std::int64_t>(dataset().size() - dataset().held_out());
  if (online + offline < needed)
    throw usage_error(
        fmt::format("not one update: {} environment steps in all and {} transitions of the dataset, and learning starts with {}", online,
                    offline, needed),
        "finetune.steps, finetune.batch, finetune.utd and finetune.min_buffer",
        "raise finetune.steps, or set finetune.min_buffer to start with fewer");
}

Run::~Run() {
  if (saving_.valid()) saving_.wait();
}

void Run::prepare_folder() {
  const fs::path& folder = options.folder;
  if (folder.empty()) throw usage_error("a run without a folder", "RunOptions::folder", "name the folder that the run is written to");
  bool used = false;
  for (const auto& name : kOwnFiles) used = used || (name != kStopFile && fs::exists(folder / name));
  if (used && !options.resume && !options.overwrite)
    throw usage_error("the output folder holds a run", folder.string(),
                      "continue it with --resume, replace it with --overwrite, or choose another --out");
  make_folder(folder);
  lock_ = ExclusiveLock(folder / ".lock", "choose a folder you may write to with --out");
  if (!lock_.try_lock()) throw usage_error("another process works on this run", folder.string(), "wait for it, or choose another --out");
  std::error_code none;
  if (options.overwrite && !options.resume && !options.from.empty())
    for (const auto& name : kOwnFiles)
      if (fs::equivalent(options.from, folder / name, none))
        throw usage_error("--overwrite would remove the file to start from", options.from.string(),
                          "choose another --out, or move that file first");
  for (const auto& name : kOwnFiles) {
    remove_unfinished(folder / name);
    if (options.overwrite && !options.resume) fs::remove_all(folder / name);
  }
}

void Run::load_pretrained() {
  const std::string where = options.from.string();
  const SafeTensors tensors = read_safetensors(options.from);
  AgentFile file = agent_file_of(tensors, where);
  if (file.metadata["env"] != recipe.env.id)
    throw data_error("checkpoint of another task, " + file.metadata["env"], where,
                     "the recipe's env.id is " + recipe.env.id + "; use a recipe of that task or another checkpoint");
  const DataConfig &was = file.recipe.data, &now = recipe.data;
  if (was.normalizes() != now.normalizes() || (now.normalizes() && was.normalize_epsilon != now.normalize_epsilon))
    throw usage_error(fmt::format("the agent was trained with data.normalize = \"{}\" (data.normalize_epsilon = {:g}), the recipe says "
                                  "\"{}\" ({:g})",
                                  was.normalize, was.normalize_epsilon, now.normalize, now.normalize_epsilon),
                      where + " and data.normalize", "give the recipe the file's values");
  check_bounds(file.bounds, env_spec(recipe.env), where);
  ActorCritic start = fresh_agent(recipe);
  if (start.actor.spec != file.agent.actor.spec || start.critic.spec != file.agent.critic.spec)
    throw data_error("checkpoint of other network sizes", where + " and the recipe's network section",
                     "use the network section it was trained with (see its header)");
  state.phase = Phase::kWarmup;
  seed_online_streams();
  // a later file carries the print of the start that its run began with
  if (file.metadata["phase"] == phase_name(Phase::kWarmup)) state.evaluated_policy = file.metadata["evaluated_policy"];
  state.start_noise = exploration_noise(file);
  if (diagnostics.on()) {
    diagnostics.get_offline(tensors, where);
    diagnostics.remember(file.agent.actor, file.agent.critic, agent_info(file.recipe.pretrain.agent).trains_critic);
  }
  if (now.normalizes_online()) state.seen = file.agent.actor.normalizer.statistics();
  prepare_online(std::move(file.agent));
}

// A resumed run goes on from its checkpoint: another start would be ignored, and then told as this run's.
void Run::confirm_start() {
  if (options.from.empty()) {
    options.from = run_start(options.folder);
    return;
  }
  if (state.phase == Phase::kPretrain)
    throw usage_error("this run pre-trains by itself and is not there yet", options.folder.string(),
                      "resume it without --from, or choose another --out");
  if (!fs::exists(options.from) || state.evaluated_policy.empty()) return;
  const SafeTensors file = read_safetensors(options.from);
  const auto print = file.metadata.find("evaluated_policy");
  if (print != file.metadata.end() && !print->second.empty() && print->second != state.evaluated_policy)
    throw usage_error("this run began from another file than " + options.from.string(), options.folder.string(),
                      "resume it with the file it began from, or choose another --out");
}

// Streams of their own, so that `train` and `pretrain` followed by `finetune --from` give the same bits.
void Run::seed_online_streams() {
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  state.data_rng = Rng(seed, "online data"), state.noise_rng = Rng(seed, "online noise");
}

void Run::prepare_online(ActorCritic pretrained) {
  const EnvSpec& spec = env_spec(recipe.env);
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  source = std::make_unique<LocalExperience>(training_env(), Rng(seed, "environment"), recipe.safety);
  if (recipe.jsrl.guide != "none")
    source = guided_experience(recipe, std::move(source),
                               Policy(std::make_shared<Actor>(pretrained.actor), Rng(seed, "guide"), state.start_noise));
  agent = make_agent(recipe.finetune.agent, recipe.online_settings(), start_online(recipe, std::move(pretrained)), *backend);
  policy = std::make_unique<Policy>(std::make_shared<Actor>(agent->state().actor), state.policy_rng,
                                    std::max(state.start_noise, agent->exploration_noise()));
  buffer = std::make_unique<ReplayBuffer>(recipe.run.replay_capacity, spec.obs_size, spec.action_size);
  buffer->set_n_step({recipe.agent.n_step, recipe.agent.discount});
  if (agent_info(recipe.finetune.agent).needs_mc_return) buffer->keep_mc_returns(recipe_dataset_options(recipe).mc_returns());
}

void Run::collect_dataset_if_missing() {
  if (one_env_ && !source && recipe.data.collect && !fs::exists(recipe.data.path))
    eval_env_.reset();  // a machine is one object, and collecting needs it
  collect_if_missing(recipe, [this](const std::string& text) { note(text); });
  if (!eval_env_) eval_env_ = make_env(recipe.env);
}

const Dataset& Run::dataset() {
  if (dataset_) return *dataset_;
  collect_dataset_if_missing();
  const DatasetOptions o = recipe_dataset_options(recipe);
  dataset_ = Dataset::load(recipe.data.path, o);
  const EnvSpec& spec = env_spec(recipe.env);
  if (const std::string other = check_body(dataset_->recorded_in(), spec, o.source); !other.empty()) note(other);
  for (const Finding& f : dataset_->findings()) note(f.severity == Severity::kWarning ? labeled(f) : f.line());
  dataset_->set_n_step({recipe.agent.n_step, recipe.agent.discount});
  std::string text =
      fmt::format("dataset {}: {} transitions, {} episodes", recipe.data.path, dataset_->size(), dataset_->episodes().size());
  if (dataset_->clipped_actions()) text += fmt::format(", {} action entries clipped to +-{}", dataset_->clipped_actions(), o.action_clip);
  if (diagnostics.on()) {
    if (recipe.diagnostics.hold_out) dataset_->hold_out(static_cast<std::size_t>(recipe.diagnostics.rows));
    diagnostics.take_offline(*dataset_);
    if (dataset_->held_out() > 0) text += fmt::format(", {} transitions held out for diagnostics", dataset_->held_out());
    const Probe& probe = diagnostics.offline();
    if (!probe.empty()) text += fmt::format("; diagnostics look at {} rows, {} of them not terminal", probe.count, probe.not_terminal());
  }
  note(text);
  return *dataset_;
}

void Run::enter(Phase next) {
  state.seconds[phase_index()] += seconds_since_saved();
  phase_began_ = Clock::now();
  rate_began_at_ = -1;
  const Phase was = std::exchange(state.phase, next);
  if (was == Phase::kPretrain) {
    save_agent("pretrained.safetensors");
    note("saved " + (options.folder / "pretrained.safetensors").string());
    seed_online_streams();
    if (diagnostics.on() && recipe.pretrain.steps > 0)
      diagnostics.remember(agent->state().actor, agent->state().critic, agent_info(recipe.pretrain.agent).trains_critic);
    state.start_noise = recipe.pretrain.steps > 0 ? exploration_noise(recipe, recipe.pretrain.agent) : 0;
    if (recipe.data.normalizes_online()) state.seen = agent->state().actor.normalizer.statistics();
    prepare_online(agent->release());
    if (recipe.retention.mode == "append") buffer->append_dataset(dataset());
    if (!recipe.needs_dataset_online()) dataset_.reset();  // from here on no offline transition is touched
    meter = {};
  }
  if (next == Phase::kDone) {
    save_agent("final.safetensors");
    note("saved " + (options.folder / "final.safetensors").string());
  }
  save_checkpoint();
  finish_save();
  write_info(next == Phase::kDone ? "done" : "running");
}

void Run::during(Phase phase, const std::function<void(Run&)>& body) {
  if (state.phase != phase || !stopped_.empty()) return;
  try {
    body(*this);
  } catch (const BudgetUsed& used) {
    stopped_ = used.what();
  }
}

void Run::save_and_say(const std::string& status) {
  save_checkpoint();
  finish_save();
  write_info(status);
}

void Run::stop_if_asked(std::int64_t step) {
  const fs::path stop_file = options.folder / kStopFile;
  std::error_code none;
  const bool by_file = fs::exists(stop_file, none);
  if (stop_requested() || by_file) {
    save_and_say("interrupted");
    if (by_file) fs::remove(stop_file, none);
    throw Error(Exit::kInterrupted, by_file ? "stopped by the file STOP and saved" : "interrupted and saved",
                fmt::format("{}, step {}", phase_name(state.phase), step), "go on with the same command and --resume");
  }
  if (recipe.run.max_seconds > 0 && seconds_since(began_) >= recipe.run.max_seconds && !finished()) {
    save_and_say("stopped");
    throw BudgetUsed(fmt::format("stopped and saved after {} s (run.max_seconds) in {}, step {}: go on with the same command and --resume",
                                 recipe.run.max_seconds, phase_name(state.phase), step));
  }
}

void Run::stop_without_steps() {
  if (recipe.run.max_steps == 0 || state.online_steps < recipe.run.max_steps) return;
  save_and_say("stopped");
  throw BudgetUsed(
      fmt::format("stopped and saved after {} environment steps (run.max_steps) in {}: go on with --resume and a larger run.max_steps",
                  state.online_steps, phase_name(state.phase)));
}

void Run::tick(std::int64_t step, std::int64_t steps) {
  stop_if_asked(step);
  // bits do not depend on when a save happens, so the clock may decide
  const bool by_steps = recipe.run.checkpoint_every > 0 && step % recipe.run.checkpoint_every == 0;
  const bool by_time = recipe.run.checkpoint_seconds > 0 && seconds_since(last_save_) >= recipe.run.checkpoint_seconds;
  if ((by_steps || by_time) && step < steps) save_checkpoint();

  if (rate_began_at_ < 0) rate_began_at_ = step, rate_began_ = Clock::now();
  ticked_ = step;
  if (seconds_since(last_progress_) < 0.2) return;
  last_progress_ = Clock::now();
  const double elapsed = seconds_since(rate_began_);
  Progress p{.phase = state.phase, .step = step, .steps = steps, .last_return = last_return_, .last_success = last_success_};
  if (elapsed > 0) p.steps_per_second = static_cast<double>(step - rate_began_at_) / elapsed;
  if (p.steps_per_second > 0) p.seconds_left = static_cast<double>(steps - step) / p.steps_per_second;
  if (state.control.late > 0) p.late_fraction = state.control.late_fraction(), p.worst_gap = state.control.worst;
  if (options.progress) options.progress(p);
}

void Run::save_and_rethrow(const Error& error) {
  try {
    save_checkpoint();
    finish_save();
    write_info("failed");
  } catch (const std::exception&) {  // parameters that are not finite, a full disk: the last checkpoint stays
    throw error;
  }
  throw saved_before_failing(error);
}

Error Run::saved_before_failing(const Error& error) const {
  return Error(error.code(), error.what(),
               fmt::format("the run is saved: {}, step {}", phase_name(state.phase),
                           state.phase == Phase::kPretrain ? state.pretrain_steps : state.online_steps),
               "the same command with --resume goes on from there");
}

void Run::log_training(std::int64_t step) {
  if (step % recipe.run.log_every == 0 && meter.count() > 0) log("train", step, meter.take());
}

void Run::log(const std::string& kind, std::int64_t step, std::vector<std::pair<std::string, double>> values) {
  const MetricsRow row{phase_name(state.phase), step, kind, std::move(values)};
  metrics_->write(row, state.pretrain_steps);
  if (options.on_metrics) options.on_metrics(row);
  if (kind != "train" || !(rate_began_at_ >= 0)) return;
  const double elapsed = seconds_since(rate_began_);
  if (elapsed > 0)
    // a row of metrics comes before its step's tick
    metrics_->write_timing(phase_name(state.phase), step, state.seconds[phase_index()] + seconds_since_saved(),
                           static_cast<double>(ticked_ + 1 - rate_began_at_) / elapsed);
}

void Run::note(const std::string& text) {
  if (!options.progress) return;
  Progress p{.phase = state.phase, .note = text};
  options.progress(p);
}

double Run::seconds_since_saved() const { return seconds_since(phase_began_); }

}  // namespace warmstart
