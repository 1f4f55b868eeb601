#include "warmstart/nn/backend.h"

#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {

std::unique_ptr<Backend> make_backend(const std::string& name, int threads, Precision precision) {
  if (name == "cpu") return make_cpu_backend(threads, precision);
  if (name == "reference") return make_reference_backend();
  throw usage_error("unknown backend \"" + name + "\"", "run.backend",
                    "did you mean \"" + nearest_name(name, {"cpu", "reference"}) + "\"?");
}

void check_shape(const char* what, ConstMatrixView given, int rows, int cols) {
  if (given.rows != rows || given.cols != cols)
    throw usage_error(fmt::format("{} is [{},{}]", what, given.rows, given.cols), "networks", fmt::format("give [{},{}]", rows, cols));
}

void check_actor_call(const Actor& actor, ConstMatrixView obs, ConstMatrixView mean, ConstMatrixView log_std) {
  check_shape("obs", obs, obs.rows, actor.spec.obs);
  check_shape("mean", mean, obs.rows, actor.spec.action);
  check_shape("log_std", log_std, obs.rows, actor.spec.action);
}

void check_critic_call(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                       ConstMatrixView action, int n) {
  check_shape("obs", obs, obs.rows, critic.spec.obs);
  check_shape("action", action, obs.rows * n, critic.spec.action);
  if (params.size() != critic.params.size())
    throw usage_error(fmt::format("{} parameters", params.size()), "critic", fmt::format("give {}", critic.params.size()));
  if (members.empty()) throw usage_error("no member of the ensemble is asked", "critic", "name at least one");
  for (const int member : members)
    if (member < 0 || member >= critic.spec.members)
      throw usage_error(fmt::format("no member {} in the ensemble", member), "critic",
                        fmt::format("give 0 to {}", critic.spec.members - 1));
}

void check_critic_loss(const Critic& critic, const CriticLoss& loss, const FloatVector* target) {
  const int rows = loss.obs.rows;
  check_shape("obs", loss.obs, rows, critic.spec.obs);
  check_shape("action", loss.action, rows, critic.spec.action);
  const auto column = [&](const char* what, std::span<const float> c, int count) {
    if (!c.empty()) check_shape(what, {c.data(), static_cast<int>(c.size()), 1}, count, 1);
  };
  column("target", loss.target, rows);
  if (target) column("target network", *target, static_cast<int>(critic.params.size()));
  if (!loss.cql) return;
  const int actions = rows * loss.cql->actions_per_state;
  check_shape("the CQL term's action", loss.cql->action, actions, critic.spec.action);
  column("the CQL term's log_density", loss.cql->log_density, actions);
  column("the CQL term's floor", loss.cql->floor, rows);
}

}  // namespace warmstart
