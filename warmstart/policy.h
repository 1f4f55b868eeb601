// Everything that a program needs which only acts with a saved policy: no task, no simulator, no learner, no file formats of datasets.
// find_package(warmstart COMPONENTS policy) gives warmstart::policy for it; docs/own-program.md.
#pragma once
#include "warmstart/agents/policy.h"         // IWYU pragma: export
#include "warmstart/core/error.h"            // IWYU pragma: export
#include "warmstart/core/version.h"          // IWYU pragma: export; first, for it says which C++ is needed
#include "warmstart/phases/action_filter.h"  // IWYU pragma: export
#include "warmstart/phases/saved_policy.h"   // IWYU pragma: export
