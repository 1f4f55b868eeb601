// Options of the verbs that play in a world of their own making.
#pragma once
#include <CLI/CLI.hpp>

#include "warmstart/envs/env.h"

namespace warmstart {

/// --friction-scale, --mass-scale and --clearance, into `env`, which must live until the callback.
void add_world_options(CLI::App& verb, EnvConfig& env);

/// What the options of `asked` say differently from their defaults replaces it in `world`, a checkpoint's.
void change_world(const EnvConfig& asked, EnvConfig& world);

}  // namespace warmstart
