#include "warmstart/agents/actor_critic.h"

#include "warmstart/core/error.h"

namespace warmstart {

Fields NetworkConfig::fields() {
  Fields f("network");
  f.add("critic_hidden", critic_hidden, {"widths of the critics' hidden layers", "units", "smaller for quick tests", 1, 65536});
  f.add("actor_hidden", actor_hidden, {"widths of the actor's hidden layers", "units", "smaller for quick tests", 1, 65536});
  f.add("num_qs", num_qs, {"number of critics N in the ensemble", "", "2 for the plain baselines; 10 is what WSRL starts from", 1, 1000});
  f.add("critic_layer_norm", critic_layer_norm, {"LayerNorm after every hidden layer of the critics", "", "off for the paper's baselines"});
  f.add("actor_layer_norm", actor_layer_norm, {"LayerNorm after every hidden layer of the actor", "", "off for the paper's baselines"});
  f.add("shared_output", shared_output,
        {"one output layer shared by all critics, as the reference implementation has it", "",
         "off for fully independent critics, as the paper reads"});
  f.add(
      "std_head", std_head,
      choice("log std as a linear function of the state (exp) or one learned vector (uniform)", "uniform on AntMaze", {"exp", "uniform"}));
  f.add("final_scale", final_scale,
        {"init gain of the last hidden layer; 0 keeps the other layers'", "", "the reference uses 0.01 except on Kitchen", 0, 100});
  f.add("hidden_init", hidden_init,
        choice("hidden kernels start orthogonal with gain sqrt(2), or uniform with variance 1 / mean of fan-in and fan-out (fan_avg)",
               "fan_avg for IQL", {"orthogonal", "fan_avg"}));
  f.add("squash", squash,
        {"actions are tanh of the Gaussian; off: the Gaussian itself, clipped to the box when acting", "", "off for IQL"});
  return f;
}

namespace {

// before a network is made of them
const NetworkConfig& checked(const NetworkConfig& c, int obs_size, int action_size) {
  NetworkConfig(c).fields().check("NetworkConfig");
  if (c.critic_hidden.empty() || c.actor_hidden.empty() || obs_size < 1 || action_size < 1)
    throw usage_error("networks without layers, observations or actions", "NetworkConfig", "give at least one width and sizes above 0");
  return c;
}

KernelInit init_of(const NetworkConfig& c) { return c.hidden_init == "fan_avg" ? KernelInit::kFanAvg : KernelInit::kOrthogonal; }

TrunkSpec trunk(int input, const std::vector<std::int64_t>& hidden, bool layer_norm, double final_scale) {
  return {input, {hidden.begin(), hidden.end()}, layer_norm, final_scale};
}

}  // namespace

ActorSpec actor_spec(const NetworkConfig& config, int obs_size, int action_size) {
  const NetworkConfig& c = checked(config, obs_size, action_size);
  return {obs_size, action_size, trunk(obs_size, c.actor_hidden, c.actor_layer_norm, c.final_scale),
          c.std_head == "uniform" ? StdHead::kUniform : StdHead::kExp, c.squash};
}

ActorCritic::ActorCritic(const NetworkConfig& c, int obs_size, int action_size, double initial_temperature, double initial_alpha, Rng& rng,
                         ExtraNetworks extra)
    : actor(actor_spec(c, obs_size, action_size)),
      critic({obs_size, action_size, c.num_qs, trunk(obs_size + action_size, c.critic_hidden, c.critic_layer_norm, c.final_scale),
              c.shared_output}),
      temperature(initial_temperature),
      cql_alpha(initial_alpha) {
  initialise(actor, rng, init_of(c));
  initialise(critic, rng, init_of(c));
  target_critic = critic.params;
  actor_adam.resize(actor.params.size());
  critic_adam.resize(critic.params.size());
  add_networks(c, extra, rng);
}

void ActorCritic::add_networks(const NetworkConfig& c, ExtraNetworks extra, Rng& rng) {
  if (extra.value && !has_value()) {
    value = Critic({critic.spec.obs, 0, 1, trunk(critic.spec.obs, c.critic_hidden, c.critic_layer_norm, c.final_scale), true});
    initialise(value, rng, init_of(c));
    value_adam.resize(value.params.size());
  }
  if (extra.target_actor && target_actor.empty()) target_actor = actor.params;
}

std::vector<ActorCritic::Named> ActorCritic::arrays() {
  std::vector<Named> out;
  const auto add = [&](const std::string& prefix, const std::vector<TensorInfo>& tensors, FloatVector& values) {
    for (const auto& t : tensors) out.push_back({prefix + t.name, t.shape, std::span(values).subspan(t.offset, t.size)});
  };
  add("params/", actor.tensors(), actor.params);
  add("params/", critic.tensors(), critic.params);
  add("target/", critic.tensors(), target_critic);
  add("adam_m/", actor.tensors(), actor_adam.m);
  add("adam_v/", actor.tensors(), actor_adam.v);
  add("adam_m/", critic.tensors(), critic_adam.m);
  add("adam_v/", critic.tensors(), critic_adam.v);
  if (!target_actor.empty()) add("target/", actor.tensors(), target_actor);
  if (has_value()) {
    add("params/", value.tensors("value"), value.params);
    add("adam_m/", value.tensors("value"), value_adam.m);
    add("adam_v/", value.tensors("value"), value_adam.v);
  }
  const auto add_scalar = [&](const std::string& name, PositiveScalar& s) {
    out.push_back({"params/" + name, {}, {&s.raw, 1}});
    out.push_back({"adam_m/" + name, {}, {&s.m, 1}});
    out.push_back({"adam_v/" + name, {}, {&s.v, 1}});
  };
  add_scalar("temperature", temperature);
  add_scalar("cql_alpha", cql_alpha);
  return out;
}

std::vector<std::int64_t*> ActorCritic::counts() {
  return {&actor_adam.steps, &critic_adam.steps, &temperature.steps, &cql_alpha.steps, &value_adam.steps, &critic_steps};
}

}  // namespace warmstart
