// An environment from a shared object (plugin_api.h), as any other Env.
#pragma once
#include <memory>
#include <string>

#include "warmstart/envs/env.h"

namespace warmstart {

class PluginProcess;

/// The longest that calls of a plug-in may take, s.
struct PluginTimeouts {
  double step = 30;   ///< step, save, load
  double reset = 30;  ///< loading the file, create, reset, destroy
};
PluginTimeouts plugin_timeouts(const EnvConfig& config);

/// What the plug-in at `path` says of its task; valid as long as the program runs. Throws Error as PluginProcess does.
const EnvSpec& plugin_spec(const std::string& path, const PluginTimeouts& timeouts);

/// What it said when it was asked last, without a process; null when it was not asked yet.
const EnvSpec* known_plugin_spec(const std::string& path);

/// The plug-in has no save and load: it may be a machine, of which there is only one. Throws Error as PluginProcess does.
bool is_machine(const EnvConfig& config);

/// The environment, with the time limit of `spec`. Its process is shared by all environments of one path; after a crash the next
/// one begins a new process. Throws Error as PluginProcess does, and Error(kUsage) for a second environment of a plug-in without save
/// and load while the first lives.
std::unique_ptr<Env> make_plugin_env(EnvSpec spec, const std::string& path, const PluginTimeouts& timeouts);
/// The same in a given process (for checks), as many as asked for.
std::unique_ptr<Env> make_plugin_env(EnvSpec spec, std::shared_ptr<PluginProcess> process, const PluginTimeouts& timeouts);

}  // namespace warmstart
