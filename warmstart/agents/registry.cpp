#include "warmstart/agents/registry.h"

#include "warmstart/agents/bc.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {

const std::vector<AgentInfo>& agent_infos() {
  static const std::vector<AgentInfo> infos = {
      {"sac", "soft actor-critic with a critic ensemble: WSRL's online half; REDQ, RLPD and SO2 by recipe"},
      {"td3", "deterministic policy, smoothed targets, delayed actor", false, true, {.target_actor = true}},
      {"cql", "conservative Q-learning: offline RL with a pessimism term"},
      {"calql", "Cal-QL: CQL floored at Monte-Carlo returns", true},
      {"iql", "implicit Q-learning: expectile values, the policy weighted by advantage", false, true, {.value = true}},
      {"bc", "behaviour cloning: maximise log pi of the data", false, false},
      {"td3bc", "TD3 + BC: TD3 with a cloning term, for offline data", false, true, {.target_actor = true}},
      {"rebrac", "ReBRAC: TD3 with cloning in actor and critic", false, true, {.target_actor = true}},
  };
  return infos;
}

const AgentInfo& agent_info(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& info : agent_infos()) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  throw usage_error("unknown agent \"" + name + "\"", "pretrain.agent or finetune.agent",
                    "did you mean \"" + nearest_name(name, names) + "\"? `warmstart list agents` shows all");
}

std::unique_ptr<Agent> make_agent(const std::string& name, const AgentSettings& s, ActorCritic start, Backend& backend) {
  agent_info(name);
  if (name == "sac") return std::make_unique<Sac>(s.agent, std::move(start), backend);
  if (name == "bc") return std::make_unique<Bc>(s.agent, std::move(start), backend);
  if (name == "iql") return std::make_unique<Iql>(s.agent, s.iql, std::move(start), backend);
  if (name == "td3") return std::make_unique<Td3>(Td3::Form::kPlain, s.agent, s.td3, std::move(start), backend);
  if (name == "td3bc") return std::make_unique<Td3>(Td3::Form::kBc, s.agent, s.td3, std::move(start), backend);
  if (name == "rebrac") return std::make_unique<Td3>(Td3::Form::kReBrac, s.agent, s.td3, std::move(start), backend);
  CqlConfig cql = s.cql;
  cql.calibrated = name == "calql" && cql.calibrated;
  return std::make_unique<Cql>(s.agent, cql, std::move(start), backend);
}

}  // namespace warmstart
