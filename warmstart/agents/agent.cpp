#include "warmstart/agents/agent.h"

#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {

Fields AgentConfig::fields() {
  Fields f("agent");
  f.add("discount", discount, {"discount factor gamma per step", "", "longer horizons", 0, 1});
  f.add("tau", tau, {"Polyak step: target = tau * critic + (1 - tau) * target", "", "", 0, 1});
  f.add("actor_lr", actor_lr, {"Adam's learning rate of the actor", "per optimiser step", "", 0, 1});
  f.add("critic_lr", critic_lr, {"Adam's learning rate of the critics", "per optimiser step", "", 0, 1});
  f.add("temperature_lr", temperature_lr, {"Adam's learning rate of the temperature", "per optimiser step", "", 0, 1});
  f.add("num_min_qs", num_min_qs,
        {"M: target critics drawn for the minimum in the target; 0 = all", "", "1 on AntMaze for RLPD, 2 otherwise", 0, 1000});
  f.add("subset_with_replacement", subset_with_replacement,
        {"draw the M members with replacement, as the reference implementation does", "", "off for RLPD and as the paper reads"});
  f.add("actor_reduce", actor_reduce,
        {"the actor climbs the min or the mean of all N critics", "", "mean for RLPD and REDQ", -1e300, 1e300, {"min", "mean"}});
  f.add("backup_entropy", backup_entropy, {"subtract temperature * log pi in the target", "", "textbook SAC"});
  f.add("max_target_backup", max_target_backup, {"online target = best of `backup_actions` sampled actions", "", "on for AntMaze"});
  f.add("backup_actions", backup_actions, {"actions sampled for max_target_backup", "actions", "", 1, 1000});
  f.add("initial_temperature", initial_temperature, {"temperature before the first update", "", "", 1e-6, 1e6});
  f.add("target_entropy", target_entropy,
        {"entropy the temperature steers to; nan = minus the action size", "nats", "", -1e9, 1e9, {}, true});
  f.add("temperature_at", temperature_at,
        {"states at which the temperature's loss samples actions", "", "obs for RLPD", -1e300, 1e300, {"next_obs", "obs"}});
  f.add("idle_adam_steps", idle_adam_steps,
        {"networks not updated in a gradient step still make an Adam step with zero gradient, as in the reference implementation", "",
         "off for the paper's reading"});
  f.add("bc_weight", bc_weight, {"share of a behaviour-cloning term in the actor loss", "", "", 0, 1});
  return f;
}

void Agent::check_finite(std::initializer_list<std::pair<const char*, double>> losses) const {
  for (const auto& [key, value] : losses)
    if (!std::isfinite(value))
      throw Error(Exit::kDiverged, std::string("the run diverged: ") + key + " is not finite", "agent " + name(),
                  "lower agent.critic_lr and agent.actor_lr, keep LayerNorm on, or resume from the last checkpoint");
}

}  // namespace warmstart
