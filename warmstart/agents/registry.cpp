#include "warmstart/agents/registry.h"

#include "warmstart/agents/bc.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {

const std::vector<AgentInfo>& agent_infos() {
  static const std::vector<AgentInfo> infos = {
      {"sac", "soft actor-critic with a critic ensemble: WSRL's online half, REDQ by recipe"},
      {"cql", "conservative Q-learning: offline RL with a pessimism term"},
      {"calql", "Cal-QL: CQL floored at Monte-Carlo returns", true},
      {"bc", "behaviour cloning: maximise log pi of the data", false, false},
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

std::unique_ptr<Agent> make_agent(const std::string& name, const AgentConfig& agent, const CqlConfig& cql, ActorCritic start,
                                  Backend& backend) {
  agent_info(name);
  CqlConfig c = cql;
  if (name == "cql") c.calibrated = false;
  if (name == "bc") return std::make_unique<Bc>(agent, std::move(start), backend);
  if (name == "sac") return std::make_unique<Sac>(agent, std::move(start), backend);
  return std::make_unique<Cql>(agent, c, std::move(start), backend);
}

}  // namespace warmstart
