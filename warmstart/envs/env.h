// One interface for every task, with Gymnasium's meaning of reset, step, terminated and truncated.
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/core/random.h"
#include "warmstart/core/state.h"
#include "warmstart/core/version.h"
#include "warmstart/envs/action_bounds.h"

namespace warmstart {

/// How recordings of another task with the same body become this task's.
struct TaskData {
  /// Parts of the task that an observation shows as done, a bit each; one bit, success, where it counts none. Null: not visible.
  std::function<unsigned(std::span<const float> obs)> done = {};
  int parts = 1;
  /// The other task's observation, when it is not the same: its size, and what makes this one's of it.
  int other_obs_size = 0;
  std::string other_keys = {};  ///< its keys where it is a Dict, as in EnvSpec::observation_keys
  std::function<void(std::span<const float> other, std::span<float> obs)> translate = {};
};

/// What is known of a task before it is built.
struct EnvSpec {
  std::string id = {};       ///< Gymnasium's id, e.g. "PointMaze_Medium-v3"
  std::string summary = {};  ///< one line for `warmstart list envs`
  int obs_size = 0;          ///< flat observation length
  int action_size = 0;
  /// Units of the task itself; unset: -1 to 1. Policies and datasets speak of -1 to 1. An environment that make_env built takes -1 to 1;
  /// `step` of a class given to register_env receives these units.
  ActionBounds bounds = {};
  int max_episode_steps = 0;     ///< time limit in steps; truncated becomes true in this step
  double control_seconds = 0;    ///< simulated time per step, s
  bool sparse_reward = false;    ///< reward is 0/1 for reaching the goal
  bool reports_success = false;  ///< `Step::success` means something
  /// Where the original's observation is a Dict: the keys that make up the flat one here, in order, comma-separated.
  std::string observation_keys = {};
  /// Another registered task with the same dynamics, rewards and ends, of which this is a second name (D4RL's datasets are ids).
  std::string same_as = {};
  /// What D4RL's files of this task call goal(), below infos/: names whose numbers follow each other, comma-separated; "goal" is understood
  /// everywhere.
  std::string goal_info = "goal";
  /// Returns that the normalised score calls 0 and 100 (D4RL's random and expert policies); equal: returns have none.
  double score_low = 0, score_high = 0;
  /// The normalised score is 100 times the share of the task's parts solved (`Step::solved`), whatever the rewards are.
  bool counts_parts = false;
  bool takes_clearance = false;  ///< `EnvConfig::clearance` means something
  /// Least and greatest reward of a step; equal: not bounded.
  double reward_low = 0, reward_high = 0;
  /// A recorded step with this reward or more ended the task, whatever the file's flags say (D4RL's Kitchen); 0: none does.
  double final_reward = 0;
  TaskData data = {};
};

/// Least and greatest reward of a step, {0, 1} where the reward is sparse; equal: not bounded.
std::pair<double, double> reward_range(const EnvSpec& spec);

/// D4RL's score: 100 (return - low) / (high - low), or 100 times `solved` where the task counts parts. NaN when the task has none.
double normalized_score(const EnvSpec& spec, double episode_return, double solved);

struct Step {
  double reward = 0;
  bool terminated = false;  ///< true end: the value of the next state is 0
  bool truncated = false;   ///< time limit: the next state still has a value
  bool success = false;     ///< goal reached in this step
  double solved = 0;        ///< share of the task's parts solved so far in this episode, where it counts them
};

/// A simulated (or real) task. Not thread safe; one object per episode stream.
class Env {
 public:
  virtual ~Env() = default;
  virtual const EnvSpec& spec() const = 0;

  /// Starts an episode drawn from `rng`. The observation is then `obs()`.
  virtual void reset(Rng& rng) = 0;

  /// Advances one control step. `action` has action_size entries; values outside the range are clipped as the task's
  /// original does. Throws Error(kUsage) on a wrong size, on NaN, and when no episode is under way: before the first reset, or after an
  /// episode ended. A task of one's own may leave these checks out: make_env makes them for it (register_env).
  virtual Step step(std::span<const double> action) = 0;

  /// Current observation, [obs_size]; valid until the next reset or step.
  virtual std::span<const double> obs() const = 0;

  /// Writes or reads everything the next steps depend on; restoring is exact, also in the middle of an episode and in
  /// another process. What cannot be restored (a robot) leaves both out, and `can_save` is false then: a run that is resumed begins a new
  /// episode. Override all three where it depends.
  virtual bool can_save() const;
  virtual void save(StateWriter& out) const;
  virtual void load(StateReader& in);

  /// Fields that dataset files keep under infos/: simulator position [nq], velocity [nv] and goal (may be empty).
  virtual std::vector<double> qpos() const { return {}; }
  virtual std::vector<double> qvel() const { return {}; }
  virtual std::vector<double> goal() const { return {}; }
  /// Puts the simulator into a given state at the start of an episode (for parity checks and replays).
  /// Throws Error when sizes do not fit, or when the task has no such state, which is what the default does.
  virtual void set_state(std::span<const double> qpos, std::span<const double> qvel, std::span<const double> goal);

  /// Makes the world differ from the one that data came from: multiplies all friction coefficients, and masses with their inertias.
  /// Once, before the first reset. Throws Error(kUsage) when the task has no such numbers.
  virtual void scale_physics(double friction, double mass);
};

/// All registered tasks, in the order of `warmstart list envs`. References to a spec stay valid as long as the program runs.
const std::deque<EnvSpec>& env_specs();

/// Adds a task of one's own; from then on its id works wherever an id is asked for. `make` gets the spec with the time limit that a
/// recipe may have changed. Call it at the start of the program, before recipes are read and other threads run. Throws Error(kUsage)
/// when the id is taken, a size is not positive or there is no `make`.
/// What make_env builds of it stands behind a wall (envs/checked_env.h): whatever the task throws, and any number that is missing or not
/// finite, is an Error with call and step, after which a run saves itself; the time limit holds whether the task counts or not.
void register_env(EnvSpec spec, std::function<std::unique_ptr<Env>(const EnvSpec&)> make);

/// For Env::step: nothing is under way. And what every step asks of its action: the right size, finite; Error(kUsage) otherwise.
Error step_after_end(const std::string& id);
void check_action(std::span<const double> action, const EnvSpec& spec);

/// One task, or two names of it.
bool same_task(const std::string& a, const std::string& b);

/// "halfcheetah" of HalfCheetah-v4 and of halfcheetah-medium-v2: what ids of one body have in common.
std::string body_of(const std::string& id);

/// Settings of an environment that are not part of its id.
struct EnvConfig {
  std::string id = "PointMaze_Medium-v3";
  int max_episode_steps = 0;        ///< 0 = the task's own
  std::string plugin = {};          ///< shared object that takes the place of `id` (envs/plugin_api.h); "" = a registered task
  double plugin_timeout = 30;       ///< longest step, save or load of the plug-in, s
  double plugin_reset_timeout = 0;  ///< longest create, reset or destroy, s; 0 = as plugin_timeout
  double friction_scale = 1;        ///< of every friction coefficient
  double mass_scale = 1;            ///< of every mass and inertia
  double clearance = 0;             ///< of peg and socket, mm per side; 0 = the task's own
};

/// Builds a task. Throws Error naming the nearest ids when unknown, and the missing file and package when an asset is missing.
std::unique_ptr<Env> make_env(const EnvConfig& config);

/// The spec of `id`; throws Error naming the nearest ids when unknown.
const EnvSpec& env_spec(const std::string& id);

/// The spec of the task that `config` names: of its plug-in when it has one, else of its id. Throws Error as above, or as the plug-in
/// fails.
const EnvSpec& env_spec(const EnvConfig& config);

/// Steps of the longest episode of the task that `config` names.
int time_limit(const EnvConfig& config);

/// The folder below which task descriptions (MJCF) are looked for: WARMSTART_ASSETS, the installation's, or the build's.
std::filesystem::path asset_root();

/// Name and version of the simulator in use, e.g. "MuJoCo 3.3.0": other versions give other trajectories.
std::string simulator_version();

}  // namespace warmstart
