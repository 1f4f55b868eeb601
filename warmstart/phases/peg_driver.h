// The scripted policy of peg insertion: `collect.policy` "script".
#pragma once
#include "warmstart/phases/driver.h"

namespace warmstart {

/// Moves the peg above the socket, aligns it, lowers it; where it does not go down, it searches on a spiral, and after a while lifts
/// the peg and starts again. It sees what the task shows. The first `config.demonstrations` episodes are as good as it can;
/// all others have noise of a deviation between 0 and `config.noise`, drawn once an episode, and stretches of held random actions.
/// Throws Error(kUsage) for another task.
std::unique_ptr<Driver> peg_driver(const Env& env, const CollectConfig& config);

}  // namespace warmstart
