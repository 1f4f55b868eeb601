// Does a plug-in keep what envs/plugin_api.h asks for? The checks behind `warmstart doctor --env-plugin`.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "warmstart/envs/env.h"
#include "warmstart/envs/plugin_env.h"

namespace warmstart {

/// How a plug-in is tried. Actions are drawn at random in the policy's units, -1 to 1.
struct PluginTrial {
  enum class Mode { kChoose, kGentle, kThorough };
  PluginTimeouts timeouts = {10, 10};
  /// Gentle is for a machine: one environment, few steps, nothing is compared. kChoose takes it for a plug-in without save and load.
  Mode mode = Mode::kChoose;
  int gentle_steps = 50;
  int max_episode_steps = 0;  ///< time limit, 0 = the plug-in's own
  /// Gentle: what an action passes before it is executed, and what begins an episode.
  std::function<void()> begin_episode = {};
  std::function<void(std::span<double>)> limit = {};
};

struct PluginCheck {
  std::string name;  ///< "determinism", ...
  bool passed = true;
  std::string finding;  ///< numbers when it passed, what is wrong when not
};

struct PluginReport {
  EnvSpec spec;  ///< empty id when the plug-in could not be loaded
  bool can_save = false;
  bool gentle = false;
  int episodes_ended = 0;                    ///< in the trial
  std::vector<PluginCheck> checks;           ///< in order; those that cannot tell more are left out
  double step_mean_us = 0, step_max_us = 0;  ///< of one step with the way to the plug-in's process and back
  bool passed() const;
};

/// Plays some episodes, thorough in several processes, gentle with one environment of one. Does not throw for a bad plug-in.
PluginReport check_plugin(const std::string& path, const PluginTrial& trial);

}  // namespace warmstart
