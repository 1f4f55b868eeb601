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
  bool shared_output = true;     ///< reference implementation: one output layer for all members
  std::string std_head = "exp";  ///< "exp" | "uniform"
  double final_scale = 0.01;     ///< gain of the last hidden layer's init; 0 = sqrt(2)

  Fields fields();
};

struct ActorCritic {
  Actor actor;
  Critic critic;
  FloatVector target_critic;  ///< same layout as critic.params
  Adam actor_adam, critic_adam;
  PositiveScalar temperature, cql_alpha;

  ActorCritic() = default;
  /// Fresh networks drawn from `rng`; target = critic.
  ActorCritic(const NetworkConfig& config, int obs_size, int action_size, double temperature, double cql_alpha, Rng& rng);

  /// Every array that makes up the state, by name, for checkpoints: parameters, target, moments, scalars.
  struct Named {
    std::string name;
    std::vector<std::int64_t> shape;
    std::span<float> values;
  };
  std::vector<Named> arrays();
  /// Optimiser step counts in a fixed order: actor, critic, temperature, cql_alpha.
  std::vector<std::int64_t*> counts();
};

}  // namespace warmstart
