// Everything that a program of one's own needs: recipes, the three phases, environments, and policies that act.
// docs/own-program.md begins here.
#pragma once
#include "warmstart/agents/policy.h"        // IWYU pragma: export
#include "warmstart/core/error.h"           // IWYU pragma: export
#include "warmstart/core/threads.h"         // IWYU pragma: export
#include "warmstart/core/version.h"         // IWYU pragma: export; first, for it says which C++ is needed
#include "warmstart/envs/env.h"             // IWYU pragma: export
#include "warmstart/envs/vector_env.h"      // IWYU pragma: export
#include "warmstart/phases/agent_file.h"    // IWYU pragma: export
#include "warmstart/phases/saved_policy.h"  // IWYU pragma: export
#include "warmstart/phases/train.h"         // IWYU pragma: export
