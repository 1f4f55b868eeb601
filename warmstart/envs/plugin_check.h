// Does a plug-in keep what envs/plugin_api.h asks for? The checks behind `warmstart doctor --env-plugin`.
#pragma once
#include <string>
#include <vector>

#include "warmstart/envs/env.h"

namespace warmstart {

struct PluginCheck {
  std::string name;  ///< "determinism", ...
  bool passed = true;
  std::string finding;  ///< numbers when it passed, what is wrong when not
};

struct PluginReport {
  EnvSpec spec;  ///< empty id when the plug-in could not be loaded
  bool can_save = false;
  std::vector<PluginCheck> checks;           ///< in order; those that cannot tell more are left out
  double step_mean_us = 0, step_max_us = 0;  ///< of one step with the way to the plug-in's process and back
  bool passed() const;
};

/// Plays some episodes in processes of their own; no call may take longer than `timeout` seconds. Does not throw for a bad plug-in.
PluginReport check_plugin(const std::string& path, double timeout);

}  // namespace warmstart
