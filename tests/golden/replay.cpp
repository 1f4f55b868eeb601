#include "tests/golden/replay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>

#include "tests/golden/infos.h"
#include "warmstart/nn/flax_names.h"

namespace warmstart::golden {

void Report::see(const std::string& name, double ours, double recorded, double tolerance) {
  ++compared;
  seen.insert(name);
  const double error = std::abs(ours - recorded);
  const double share = std::isfinite(error) ? error / tolerance : std::numeric_limits<double>::infinity();
  if (share > worst || worst_name.empty()) worst = std::max(worst, share), worst_name = name;
  if (share <= 1) return;
  std::ostringstream line;
  line.precision(9);
  line << name << ": " << ours << ", recorded " << recorded << ", " << share << " x tolerance";
  failures.push_back(line.str());
}

std::string Report::text(std::size_t most) const {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, failures.size()); ++i) out += "\n  " + failures[i];
  if (failures.size() > most) out += "\n  and " + std::to_string(failures.size() - most) + " more";
  return out;
}

namespace {

/// Every recorded tensor below `prefix` must be covered once, whole, or something was recorded that we do not have.
void require_covered(const Case& c, const std::string& prefix, const std::vector<FlaxPiece>& all) {
  std::map<std::string, std::size_t> covered;
  for (const FlaxPiece& p : all) covered[p.path] += p.size;
  for (const auto& path : c.under(prefix))
    if (covered[path] != c.at(prefix + path).count()) throw std::runtime_error("recorded tensor without an equal here: " + prefix + path);
}

void load(const Case& c, const std::string& prefix, const std::vector<FlaxPiece>& all, FloatVector& values) {
  require_covered(c, prefix, all);
  for (const FlaxPiece& p : all) {
    const auto recorded = c.at(prefix + p.path).f32();
    std::copy_n(recorded.data() + p.from, p.size, values.data() + p.to);
  }
}

void compare(const Case& c, const std::string& prefix, const std::vector<FlaxPiece>& all, const FloatVector& values, Report& report) {
  require_covered(c, prefix, all);
  for (const FlaxPiece& p : all) {
    const auto recorded = c.at(prefix + p.path).f32();
    for (std::size_t i = 0; i < p.size; ++i) report.see(prefix + p.path, values[p.to + i], recorded[p.from + i], kParameterTolerance);
  }
}

void compare_scalar(const Case& c, const std::string& key, double ours, Report& report, double tolerance = kParameterTolerance) {
  report.see(key, ours, c.at(key).f32()[0], tolerance);
}

const std::set<std::string> kModules = {"modules_actor", "modules_critic", "modules_value", "modules_temperature",
                                        "modules_cql_alpha_lagrange"};

void compare_parameters(const Case& c, const std::string& prefix, const ActorCritic& ac, Report& report) {
  for (const auto& path : c.under(prefix))
    if (const std::string module = path.substr(0, path.find('/'));
        !kModules.contains(module) || (module == "modules_value" && !ac.has_value()))
      throw std::runtime_error("recorded module without an equal here: " + prefix + path);
  compare(c, prefix + "modules_actor/", flax_pieces(ac.actor), ac.actor.params, report);
  compare(c, prefix + "modules_critic/", flax_pieces(ac.critic), ac.critic.params, report);
  if (ac.has_value()) compare(c, prefix + "modules_value/", flax_pieces(ac.value), ac.value.params, report);
  if (c.has(prefix + "modules_temperature/lagrange") || !ac.has_value())
    compare_scalar(c, prefix + "modules_temperature/lagrange", ac.temperature.raw, report);
  if (c.has(prefix + "modules_cql_alpha_lagrange/lagrange"))
    compare_scalar(c, prefix + "modules_cql_alpha_lagrange/lagrange", ac.cql_alpha.raw, report);
}

void compare_optimizers(const Case& c, int update, const ActorCritic& ac, Report& report) {
  const std::string prefix = std::to_string(update) + "/adam/";
  const auto mu = [&](const std::string& net) { return prefix + net + "/mu/"; };
  if (!c.under(mu("actor")).empty()) compare(c, mu("actor"), flax_pieces(ac.actor), ac.actor_adam.m, report);
  if (!c.under(mu("critic")).empty()) compare(c, mu("critic"), flax_pieces(ac.critic), ac.critic_adam.m, report);
  if (!c.under(mu("value")).empty()) compare(c, mu("value"), flax_pieces(ac.value), ac.value_adam.m, report);
  if (c.has(mu("temperature") + "lagrange")) compare_scalar(c, mu("temperature") + "lagrange", ac.temperature.m, report);
  if (c.has(mu("cql_alpha_lagrange") + "lagrange")) compare_scalar(c, mu("cql_alpha_lagrange") + "lagrange", ac.cql_alpha.m, report);

  const std::string counts = "opt_count_after_" + std::to_string(update);
  const std::map<std::string, std::int64_t> ours = {{"actor", ac.actor_adam.steps},
                                                    {"critic", ac.critic_adam.steps},
                                                    {"value", ac.value_adam.steps},
                                                    {"temperature", ac.temperature.steps},
                                                    {"cql_alpha_lagrange", ac.cql_alpha.steps}};
  constexpr double kExact = 0.5;
  for (const auto& [net, steps] : ours) {
    const auto as_number = static_cast<double>(steps);
    if (c.has(prefix + net + "/count")) report.see(prefix + net + "/count", as_number, c.at(prefix + net + "/count").i32()[0], kExact);
    if (c.sidecar.contains(counts) && c.sidecar[counts].contains(net))
      report.see(counts + "." + net, as_number, c.sidecar[counts][net].get<double>(), kExact);
  }
}

Batch read_batch(const Case& c, int update) {
  const std::string prefix = std::to_string(update) + "/batch/";
  const auto matrix = [&](const std::string& key) {
    const Tensor& t = c.at(prefix + key);
    return ConstMatrixView{t.f32().data(), static_cast<int>(t.shape.at(0)), static_cast<int>(t.shape.at(1))};
  };
  Batch b;
  b.obs = matrix("observations"), b.action = matrix("actions"), b.next_obs = matrix("next_observations");
  b.reward = c.at(prefix + "rewards").f32(), b.mask = c.at(prefix + "masks").f32();
  if (c.has(prefix + "mc_returns")) b.mc_return = c.at(prefix + "mc_returns").f32();
  return b;
}

void replay_update(const Case& c, const Setup& setup, int update, Agent& agent, Backend& backend, Report& report) {
  const std::string step = std::to_string(update) + "/";
  Infos infos(c, setup, update, agent.state());
  RecordedNoise noise(c, update, [&](int j) {
    const std::string prefix = step + "uparams/u" + std::to_string(j) + "/";
    if (!c.under(prefix).empty()) compare_parameters(c, prefix, agent.state(), report);
    infos.step_done(j, agent.state(), report);
  });
  const Batch batch = read_batch(c, update);
  const UpdateStats stats = agent.update(batch, setup.utd, noise);
  for (const auto& key : noise.unused()) report.failures.push_back("a recorded draw that was not used: " + key);

  const ActorCritic& ac = agent.state();
  compare_parameters(c, step + "params/", ac, report);
  const std::string target = step + "target_params/modules_critic/";
  if (!c.under(target).empty()) compare(c, target, flax_pieces(ac.critic), ac.target_critic, report);
  else if (update == setup.updates) report.failures.push_back("no target critic was recorded after the last update");
  compare_optimizers(c, update, ac, report);
  infos.done(ac, stats, batch, backend, report);
}

}  // namespace

std::unique_ptr<Agent> build_agent(const Case& c, const Setup& setup, Backend& backend) {
  ActorCritic start;
  start.actor = Actor(setup.actor);
  start.critic = Critic(setup.critic);
  start.actor_adam.resize(start.actor.params.size());
  start.critic_adam.resize(start.critic.params.size());
  start.target_critic = start.critic.params;
  load(c, "0/params/modules_actor/", flax_pieces(start.actor), start.actor.params);
  load(c, "0/params/modules_critic/", flax_pieces(start.critic), start.critic.params);
  load(c, "0/target_params/modules_critic/", flax_pieces(start.critic), start.target_critic);
  if (agent_info(setup.agent).networks.value) {
    CriticSpec value{setup.critic.obs, 0, 1, setup.critic.trunk, true};
    value.trunk.input = value.obs;
    start.value = Critic(value);
    start.value_adam.resize(start.value.params.size());
    load(c, "0/params/modules_value/", flax_pieces(start.value), start.value.params);
  } else {
    start.temperature.raw = c.at("0/params/modules_temperature/lagrange").f32()[0];
  }
  const std::string alpha = "0/params/modules_cql_alpha_lagrange/lagrange";
  if (c.has(alpha)) start.cql_alpha.raw = c.at(alpha).f32()[0];
  return make_agent(setup.agent, setup.settings, std::move(start), backend);
}

Report replay(const Case& c, Backend& backend) {
  Report report;
  try {
    const Setup setup = read_setup(c);
    const auto agent = build_agent(c, setup, backend);
    for (int update = 1; update <= setup.updates; ++update) replay_update(c, setup, update, *agent, backend, report);
  } catch (const std::exception& error) {
    report.failures.push_back(error.what());
  }
  return report;
}

}  // namespace warmstart::golden
