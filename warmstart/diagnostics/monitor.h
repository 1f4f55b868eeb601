// The collapse monitor: reads evaluations and measurements of the online phase as they come, and says when, and why, a run goes
// wrong. The rules are ours; docs/diagnostics.md has them with what they found.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "warmstart/core/state.h"
#include "warmstart/diagnostics/diagnostics.h"

namespace warmstart {

struct MonitorConfig {
  bool on = true;
  bool roll_back = false;  ///< a lasting collapse restores the best evaluated agent
  int max_roll_backs = 3;
  std::int64_t warm_up_steps = 1000;  ///< of the agent that is back, frozen, before learning goes on

  Fields fields();
};

enum class Trouble : int {
  kQDiverging,     ///< the downward spiral: Q falls and falls, and the targets with it
  kDrop,           ///< an evaluation far below the pre-trained level: unlearning
  kPlateau,        ///< evaluations stay below the pre-trained level and do not rise
  kEarlyVariance,  ///< evaluations jump up and down soon after the switch
  kChatter,        ///< actions jerk far more than the pre-trained policy's
  kNoReward,       ///< the warm-up saw one reward only: no success to learn from
  kNoUpdates,      ///< fine-tuning goes on, or is over, without one update (Run::warn_without_updates)
};
inline constexpr int kTroubles = 7;
const char* trouble_name(Trouble trouble);  ///< "q_diverging", "drop", "plateau", "early_variance", "chatter", "no_reward",
                                            ///< "no_updates"

struct Warning {
  Trouble trouble;
  std::string text;       ///< one line for people, with the numbers that decided
  Measurements evidence;  ///< the same numbers by name
};

class CollapseMonitor {
 public:
  CollapseMonitor() = default;
  /// `steps`: environment steps of fine-tuning; "early" is their first quarter.
  CollapseMonitor(const MonitorConfig& config, std::int64_t steps) : config_(config), steps_(steps) {}

  /// The level before online learning: success where the task reports it, else return.
  void start(double before) { before_ = before, evaluations_.clear(); }
  /// An evaluation `step` steps after the warm-up, after `updates` updates since the switch. `measure` gives the measurements of this
  /// moment; it is asked when a drop begins that no measurement of this step can explain, and may return nothing.
  std::vector<Warning> evaluation(std::int64_t step, double value, std::int64_t updates, const std::function<Measurements()>& measure = {});
  /// A measurement, also before and at the end of the warm-up (step <= 0); the first one is what the later are compared with.
  std::vector<Warning> measurement(std::int64_t step, const Measurements& now);

  /// The rewards of a warm-up that ends, when fine-tuning will learn from them alone.
  std::vector<Warning> warm_up(std::span<const float> rewards);

  /// True when roll-back is asked for, the trouble lasts, and some are left.
  bool wants_roll_back() const;
  /// The best agent is in place again: what was seen since counts no more.
  void rolled_back();
  int roll_backs() const { return roll_backs_; }

  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  /// Keeps what `now` says of the states that were pre-trained for.
  void keep_offline(std::int64_t step, const Measurements& now);
  /// Why the level fell, in words; adds the numbers to `evidence`.
  std::string cause_of_drop(std::int64_t step, std::int64_t updates, Measurements& evidence) const;
  /// Adds `warning` once per bout: when `bad` begins.
  void report(bool bad, Trouble trouble, std::string text, Measurements evidence, std::vector<Warning>& out);

  MonitorConfig config_;
  std::int64_t steps_ = 0;
  double before_ = 0;
  std::vector<double> evaluations_;  // since the switch or the last roll-back
  std::vector<double> q_;            // on the offline rows, or the warm-up's where there are none
  struct {
    double td_first = 0, td_now = 0, kl_now = 0;
    std::int64_t step = 0;  // of the newest one, after the warm-up; 0 = none since the switch
  } offline_;               // on the same rows; 0 = not measured
  double q_spread_ = 0;     // of them, at the first measurement
  bool active_[kTroubles] = {};
  int roll_backs_ = 0;
};

}  // namespace warmstart
