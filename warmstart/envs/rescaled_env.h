// An environment whose actions have units of their own, as one of -1 to 1.
#pragma once
#include <memory>

#include "warmstart/envs/env.h"

namespace warmstart {

/// `env` behind actions of -1 to 1, mapped to its spec's bounds; `env` itself when its units are -1 to 1 already. Throws Error(kUsage)
/// when the bounds do not fit its action size.
std::unique_ptr<Env> with_unit_actions(std::unique_ptr<Env> env);

}  // namespace warmstart
