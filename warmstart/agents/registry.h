// All update rules by name. Adding one: a file in this room and a line in registry.cpp.
#pragma once
#include "warmstart/agents/cql.h"
#include "warmstart/agents/iql.h"
#include "warmstart/agents/td3.h"

namespace warmstart {

/// What all learners are set by; each reads its own part.
struct AgentSettings {
  AgentConfig agent;
  CqlConfig cql;
  IqlConfig iql;
  Td3Config td3;
};

struct AgentInfo {
  std::string name, summary;
  bool needs_mc_return = false;  ///< wants Monte-Carlo returns in its batches
  bool trains_critic = true;
  ExtraNetworks networks = {};  ///< what it needs beside actor and critics
};

const std::vector<AgentInfo>& agent_infos();
/// Throws Error(kUsage) with the nearest name when unknown.
const AgentInfo& agent_info(const std::string& name);

/// Builds a learner over `start`. "calql" and "cql" set CqlConfig::calibrated themselves. `backend` must outlive it.
std::unique_ptr<Agent> make_agent(const std::string& name, const AgentSettings& settings, ActorCritic start, Backend& backend);

}  // namespace warmstart
