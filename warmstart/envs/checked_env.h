// The wall between a task that a program registered and the run: what is thrown or returned there becomes an Error with step and call.
#pragma once
#include <functional>
#include <memory>

#include "warmstart/envs/env.h"

namespace warmstart {

/// Wraps what `make` builds for `spec`. Whatever the task throws (an Error, any std::exception, anything else), and any number that is
/// missing, not finite or beyond single precision, becomes an Error that names the call, the step of the episode and the task:
/// Error(kDiverged) for numbers, the thrown Error's code, else Error(kMachine). After a failure nothing of the task's state is worth
/// saving: can_save is false until the next reset. The time limit of `spec` holds whether the task counts or not.
std::unique_ptr<Env> make_checked_env(EnvSpec spec, const std::function<std::unique_ptr<Env>(const EnvSpec&)>& make);

}  // namespace warmstart
