// Why a learner stopped: which number is no longer finite, what was seen before, and a remedy that fits the cause.
#pragma once
#include <string>

#include "warmstart/agents/agent.h"
#include "warmstart/core/error.h"

namespace warmstart {

/// Learners expect numbers of order 1. Beyond this, rewards and observations as they see them are called hostile.
inline constexpr double kLargestScale = 1e6;
/// Rewards that are all smaller than this are, too.
inline constexpr double kLeastReward = 1e-6;
/// A coordinate this small is lost in the rounding of float beside one of size 1.
inline constexpr double kLeastObservation = 1e-7;

/// The power of ten that brings `size` > 0 to order 1.
double to_order_one(double size);

/// Thrown when a loss or a parameter is not finite; keeps its parts, so that whoever knows the step can add it.
class Diverged : public Error {
 public:
  Diverged(const std::string& what, const std::string& where, const std::string& remedy)
      : Error(Exit::kDiverged, what, where, remedy), what_(what), where_(where), remedy_(remedy) {}
  /// The same with a word ahead of where it happened.
  Diverged at(const std::string& moment) const { return {what_, moment + ", " + where_, remedy_}; }

 private:
  std::string what_, where_, remedy_;
};

/// What is known when `quantity` of agent `name` has come to `value`.
struct LastSeen {
  std::string name, quantity;
  double value = 0;
  UpdateStats before;  ///< of the last finite update, NaN where there was none
};

/// Looks for causes: rewards or observations of hostile size in `batch`, a discount of 1 without an end, learning rates that are high;
/// where there is none of these, Q-values beyond what the rewards allow, actions at the bounds, or the learning rates as they are.
Diverged divergence(const LastSeen& seen, const Batch& batch, const AgentConfig& config, const ActorCritic& networks);

}  // namespace warmstart
