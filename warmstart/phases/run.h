// A run: recipe, agent, data, buffer, experience, random streams, counters, metrics. What a checkpoint holds is exactly
// what is listed in `RunState` and the agent's arrays, so resuming is exact by construction.
#pragma once
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>

#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/data/dataset.h"
#include "warmstart/data/mixture.h"
#include "warmstart/data/replay_buffer.h"
#include "warmstart/diagnostics/diagnostics.h"
#include "warmstart/diagnostics/monitor.h"
#include "warmstart/io/metrics.h"
#include "warmstart/io/safetensors.h"
#include "warmstart/phases/control_rate.h"
#include "warmstart/phases/experience.h"
#include "warmstart/phases/recipe.h"
#include "warmstart/phases/stats.h"

namespace warmstart {

enum class Phase : int { kPretrain, kWarmup, kFinetune, kDone };
const char* phase_name(Phase phase);  ///< "pretrain", "warmup", "finetune", "done"

/// What the progress line shows; sent a few times a second at most.
struct Progress {
  Phase phase = Phase::kPretrain;
  std::int64_t step = 0, steps = 0;  ///< within the phase
  double steps_per_second = 0, seconds_left = 0;
  std::optional<double> last_return, last_success;  ///< last evaluation, or last episodes online
  std::optional<double> late_fraction, worst_gap;   ///< of control steps that came late, and the longest gap, s; when there are any
  std::string note = {};                            ///< something worth a line of its own: an evaluation, a saved file
  std::string activity = {};                        ///< in place of the step: what goes on between two steps, an evaluation
};

/// A file of this name in a run's folder asks it to save and stop, as stop_requested() (core/stop.h) does; it is removed when the run has
/// stopped.
inline constexpr const char* kStopFile = "STOP";

/// Thrown inside a phase when a budget (run.max_steps, run.max_seconds) is used up and the run is saved; Run::during catches it. No
/// failure: there is nothing to repair.
struct BudgetUsed : std::runtime_error {
  using std::runtime_error::runtime_error;  // which budget, where the run stands and how to go on
};

struct RunOptions {
  std::filesystem::path folder = {};
  int threads = 2;
  bool resume = false, overwrite = false;
  std::filesystem::path from = {};                     ///< pretrained.safetensors to start from; "" = pre-train here
  PhasesToRun phases = {};                             ///< what is needed for the others is not asked for
  std::function<void(const Progress&)> progress = {};  ///< may be empty
  std::string command = {};                            ///< as typed, for the report
  /// Called with every row of metrics as it is written; may be empty.
  std::function<void(const MetricsRow&)> on_metrics = {};
};

/// Of a run folder: everything that resuming needs.
inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";
/// Number of what a checkpoint holds beside the agent: RunState and what follows it. Whoever changes that raises it.
inline constexpr int kCheckpointFormat = 2;

/// A key that was changed when a run was resumed.
struct ResumedKey {
  std::string where;  ///< phase and step
  KeyChange change;
};

/// Counters and streams; everything but arrays that decides what comes next.
struct RunState {
  Phase phase = Phase::kPretrain;
  std::int64_t pretrain_steps = 0;     ///< gradient steps done
  std::int64_t online_steps = 0;       ///< environment steps since the switch, warm-up counted
  std::int64_t episodes = 0;           ///< finished online
  std::int64_t updates = 0;            ///< online updates done, each of finetune.utd critic steps
  std::int64_t first_update = -1;      ///< online step of the first; -1: none yet
  std::int64_t critic_fits = 0;        ///< of finetune.critic_fit_steps
  std::uint64_t buffer_rows = 0;       ///< committed to the buffer's segment files
  std::uint64_t finished_rows = 0;     ///< of them, those of finished episodes
  bool lost_success = false;           ///< ReplayBuffer::lost_success
  std::int64_t warm_up_steps = -1;     ///< of warm_up.steps = "auto", once it has ended
  std::int64_t frozen_until = 0;       ///< no update before this online step: a roll-back's warm-up
  std::vector<double> warm_up_errors;  ///< of "auto": TD error of each window so far
  ObsStatistics seen;                  ///< of data.normalize = "running": all observations so far; networks use them from their next update
  MetricsLog::Offsets metrics;
  Rng data_rng, noise_rng, policy_rng;
  std::string evaluated_policy;     ///< fingerprint of the policy last evaluated offline
  double start_noise = 0;           ///< with which the start explores; 0: by its own spread
  bool switched = false;            ///< the switch has been evaluated
  bool evaluating = false;          ///< stopped in the middle of an evaluation: it begins anew
  bool evaluation_due = false;      ///< a machine's evaluation waits for the end of the episode
  ControlRate control;              ///< of the online phases
  double seconds[3] = {0, 0, 0};    ///< wall-clock per phase, for the report; decides nothing
  std::vector<ResumedKey> changes;  ///< for run.json; decides nothing
};

/// Status in a folder's run.json: running, stopped, interrupted, failed or done; "" when there is none that can be read.
std::string run_status(const std::filesystem::path& folder);
/// The file it began from, as said there; "" for none.
std::string run_start(const std::filesystem::path& folder);

/// What a run's checkpoint says of its progress; `where` names it in errors. Throws Error(kData) for a damaged or foreign file, or one of
/// another kCheckpointFormat.
RunState run_state_of(const SafeTensors& checkpoint, const std::string& where);

class Run {
 public:
  /// Prepares the folder (refused when it exists, unless resume or overwrite), loads the checkpoint or starts fresh.
  /// Throws Error; nothing that was saved is touched when it does.
  Run(const Recipe& recipe, RunOptions options);
  ~Run();

  Recipe recipe;
  RunOptions options;
  RunState state;
  Precision precision;  ///< what run.precision comes to on this machine
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<Policy> policy;  ///< who acts online
  std::unique_ptr<ExperienceSource> source;
  std::unique_ptr<ReplayBuffer> buffer;
  StatsMeter meter;  ///< means since the last row of training metrics
  Diagnostics diagnostics;
  CollapseMonitor monitor;

  /// The dataset, loaded when first asked for; throws Error when it is missing or does not fit the task.
  const Dataset& dataset();
  /// K, or, while an automatic warm-up goes on, the most it can be.
  std::int64_t warm_up_steps() const {
    return recipe.warm_up.automatic() && state.warm_up_steps >= 0 ? state.warm_up_steps : recipe.warm_up_steps();
  }
  bool resumed() const { return resumed_; }
  bool finished() const { return state.phase == Phase::kDone; }
  /// Which budget ended this run before its end, where it stands and how to go on; "" when none did. A resumed run begins without.
  const std::string& stopped() const { return stopped_; }

  /// Runs `body` when this is the phase and no budget is used up; a budget that is used up within ends it, and `stopped` tells.
  void during(Phase phase, const std::function<void(Run&)>& body);

  /// Draws rows [first, first + count) of `batch`, observations as the networks see them.
  void draw(const DataSource& from, BatchStorage& batch, int first, int count);
  /// agent->update and agent->fit_critic; a divergence names the step as well.
  UpdateStats learn(const Batch& batch, int utd, Noise& noise);
  void fit_critic(const Batch& batch, Noise& noise);
  /// With data.normalize = "running", the networks see by what was seen until now.
  void renew_normalizer();
  /// Says so when rewards or observations, of the dataset or else of the buffer, have sizes that learners do not learn from.
  void judge_scale();

  /// Ends a phase: writes what it leaves behind and makes the next phase current.
  void enter(Phase next);
  /// Housekeeping of one step, after it: progress line, checkpoint when due, stop when asked for (as stop_if_asked).
  void tick(std::int64_t step, std::int64_t steps);
  /// Saves and throws when somebody asks for it (Error(kInterrupted)) or when this process has used its time (BudgetUsed).
  void stop_if_asked(std::int64_t step);
  /// Saves and throws BudgetUsed when no step of the world is left.
  void stop_without_steps();
  /// Writes the training row when due (`step` is the phase's).
  void log_training(std::int64_t step);
  void log(const std::string& kind, std::int64_t step, std::vector<std::pair<std::string, double>> values);
  /// Measures and logs the diagnostics of now, and lets the monitor look at them; nothing when they are off.
  void observe(std::int64_t step);
  /// Lets the monitor look at what the warm-up brought, when no data are kept beside it.
  void judge_warm_up();
  /// Says and logs that fine-tuning has made no update until `step`, and why.
  void warn_without_updates(std::int64_t step, bool at_end);
  /// Puts the best evaluated agent back when the monitor wants it.
  void roll_back_if_wanted(std::int64_t step);
  /// Evaluates `who` and logs it; asked to stop, it stops between two steps, and resuming evaluates anew. An environment that cannot be
  /// saved is the training's own: an episode under way is cut there.
  Evaluation evaluate_and_log(Policy& who, const std::string& kind, std::int64_t step);
  /// True when an evaluation is to be made now: when `due`, or, for an environment that cannot be saved, once the episode under way has
  /// ended, and at the latest when the next is due.
  bool evaluation_begins(bool due);
  /// Training and evaluation share one environment, which cannot be saved.
  bool one_environment() const { return one_env_; }
  /// Takes the time between two commands into state.control, and says so once when many come late.
  void note_interval(double gap);
  double control_period() const;        ///< s between two commands as the plug-in wants it; 0 for simulated tasks and where it is not said
  std::string control_warning() const;  ///< of a machine that many commands reach late; "" for none
  void note(const std::string& text);

  /// Saves everything as it is now. The file is written in the background; finish_save waits for it and rethrows its error.
  void save_checkpoint();
  void finish_save();
  /// After the task failed with `error`: saves all that was learned and collected before, and throws `error` with a word on that.
  [[noreturn]] void save_and_rethrow(const Error& error);
  Error saved_before_failing(const Error& error) const;  ///< `error` with the step that was saved and how to go on
  /// Writes the agent with recipe and counters as one self-contained file.
  void save_agent(const std::string& file_name);
  /// run.json: versions, hardware, command, timing, status.
  void write_info(const std::string& status);

 private:
  void prepare_folder();
  bool load_checkpoint();  ///< false when there is none
  void load_pretrained();
  void fit_normalizer();    ///< to the dataset, before anything is learned
  void check_parameters();  ///< throws Diverged when one is not finite
  std::string moment() const;
  void confirm_start();
  void take_changes(const Recipe& was, const std::string& where);  ///< of a resumed run's keys; refuses those that decide what was computed
  void need_rows();                                                ///< refuses a run that cannot make one update
  void collect_dataset_if_missing();
  std::shared_ptr<Env> training_env();
  void cut_episode();  ///< the one under way, as a time limit does
  void seed_online_streams();
  void watch_evaluation(const std::string& kind, std::int64_t step, const Evaluation& e);
  void save_watch(StateWriter& out, SafeTensors& file);
  void load_watch(StateReader& in, const SafeTensors& file, const std::string& where);
  void warn(std::int64_t step, const std::vector<Warning>& warnings);
  Measurements measure_now();                   ///< of the agent as it is; empty when diagnostics are off
  void prepare_online(ActorCritic pretrained);  ///< learner, policy, experience and empty buffer of the online phases
  std::size_t phase_index() const { return static_cast<std::size_t>(std::min(state.phase, Phase::kFinetune)); }  ///< into state.seconds
  double seconds_since_saved() const;                                                                            ///< in this phase
  void save_and_say(const std::string& status);

  std::string stopped_;
  std::optional<Dataset> dataset_;
  std::shared_ptr<Env> eval_env_;
  bool one_env_ = false;        ///< it cannot be saved, maybe a machine: training has it too
  bool between_steps_ = false;  ///< the time since the last step went elsewhere, into an evaluation
  bool told_late_ = false;
  std::unique_ptr<MetricsLog> metrics_;
  bool resumed_ = false, keys_changed_ = false;
  bool goes_on_ = false;  ///< it was finished, and trains longer
  /// What roll-back returns to; kept when it is asked for.
  struct Best {
    ActorCritic agent;
    double value;
    std::int64_t step;
  };
  std::optional<Best> best_;
  std::future<void> saving_;
  std::chrono::steady_clock::time_point began_, phase_began_, last_save_, last_progress_, rate_began_;
  std::int64_t rate_began_at_ = -1, ticked_ = 0;  ///< steps of the phase, unlike those of metrics
  std::optional<double> last_return_, last_success_;
  /// Keeps a second process out of the folder.
  ExclusiveLock lock_;
};

}  // namespace warmstart
