// What crosses a phase boundary: networks, target, temperature, each with its optimiser's moments and counts.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "warmstart/core/fields.h"
#include "warmstart/nn/network.h"

namespace warmstart {

/// Shapes of actor and critics; the `network` section of a recipe.
struct NetworkConfig {
  std::vector<std::int64_t> critic_hidden = {256, 256}, actor_hidden = {256, 256};
  int num_qs = 10;  ///< N
  bool critic_layer_norm = true, actor_layer_norm = true;
  bool shared_output = true;               ///< reference implementation: one output layer for all members
  std::string std_head = "exp";            ///< "exp" | "uniform"
  double final_scale = 0.01;               ///< gain of the last hidden layer's init; 0 keeps the others'
  std::string hidden_init = "orthogonal";  ///< "orthogonal" | "fan_avg"
  bool squash = true;                      ///< actions are tanh of the Gaussian

  Fields fields();
};

/// The actor that a recipe asks for. Throws Error(kUsage) for settings or sizes that are none.
ActorSpec actor_spec(const NetworkConfig& config, int obs_size, int action_size);

/// Networks that some learners have beside actor and critics.
struct ExtraNetworks {
  bool value = false;         ///< V(s), of the critics' hidden widths: IQL
  bool target_actor = false;  ///< TD3
};

struct ActorCritic {
  Actor actor;
  Critic critic;
  Critic value;               ///< a critic without action and with one member; no parameters when there is none
  FloatVector target_actor;   ///< same layout as actor.params; empty when there is none
  FloatVector target_critic;  ///< same layout as critic.params
  Adam actor_adam, critic_adam, value_adam;
  PositiveScalar temperature, cql_alpha;
  std::int64_t critic_steps = 0;  ///< gradient steps of the critics; delayed actors count by it

  ActorCritic() = default;
  /// Fresh networks drawn from `rng`; targets equal what they follow.
  ActorCritic(const NetworkConfig& config, int obs_size, int action_size, double temperature, double cql_alpha, Rng& rng,
              ExtraNetworks extra = {});

  bool has_value() const { return !value.params.empty(); }
  /// Adds a fresh V(s) / a target actor equal to the actor where it is missing, for a learner that starts from another's networks.
  void add_networks(const NetworkConfig& config, ExtraNetworks extra, Rng& rng);

  /// Every array that makes up the state, by name, for checkpoints: parameters, target, moments, scalars.
  struct Named {
    std::string name;
    std::vector<std::int64_t> shape;
    std::span<float> values;
  };
  std::vector<Named> arrays();
  /// Optimiser step counts in a fixed order: actor, critic, temperature, cql_alpha, value; then critic_steps.
  std::vector<std::int64_t*> counts();
};

}  // namespace warmstart
