// An environment from a shared object (plugin_api.h), as any other Env.
#pragma once
#include <memory>
#include <string>

#include "warmstart/envs/env.h"

namespace warmstart {

class PluginProcess;

/// What the plug-in at `path` says of its task; valid as long as the program runs. Throws Error as PluginProcess does.
const EnvSpec& plugin_spec(const std::string& path, double timeout);

/// The environment, with the time limit of `spec`. Its process is shared by all environments of one path; after a crash the next
/// one begins a new process. `timeout` in seconds holds for each call. Throws Error as PluginProcess does.
std::unique_ptr<Env> make_plugin_env(EnvSpec spec, const std::string& path, double timeout);
/// The same in a given process (for checks).
std::unique_ptr<Env> make_plugin_env(EnvSpec spec, std::shared_ptr<PluginProcess> process, double timeout);

}  // namespace warmstart
