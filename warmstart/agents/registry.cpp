#include "warmstart/agents/registry.h"

#include "warmstart/agents/bc.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

using Maker = std::unique_ptr<Agent> (*)(const AgentSettings&, ActorCritic, Backend&);

std::unique_ptr<Agent> make_sac(const AgentSettings& s, ActorCritic start, Backend& backend) {
  return std::make_unique<Sac>(s.agent, std::move(start), backend);
}
template <Td3::Form form>
std::unique_ptr<Agent> make_td3(const AgentSettings& s, ActorCritic start, Backend& backend) {
  return std::make_unique<Td3>(form, s.agent, s.td3, std::move(start), backend);
}
template <bool calibrated>
std::unique_ptr<Agent> make_cql(const AgentSettings& s, ActorCritic start, Backend& backend) {
  CqlConfig cql = s.cql;
  cql.calibrated = calibrated && cql.calibrated;
  return std::make_unique<Cql>(s.agent, cql, std::move(start), backend);
}
std::unique_ptr<Agent> make_iql(const AgentSettings& s, ActorCritic start, Backend& backend) {
  return std::make_unique<Iql>(s.agent, s.iql, std::move(start), backend);
}
std::unique_ptr<Agent> make_bc(const AgentSettings& s, ActorCritic start, Backend& backend) {
  return std::make_unique<Bc>(s.agent, std::move(start), backend);
}

/// What is known of an agent and what makes it stand in one place: neither can be forgotten.
struct Entry {
  AgentInfo info;
  Maker make;
};
const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {{"sac", "soft actor-critic with a critic ensemble: WSRL's online half; REDQ, RLPD and SO2 by recipe"}, make_sac},
      {{"td3", "deterministic policy, smoothed targets, delayed actor", false, true, {.target_actor = true}}, make_td3<Td3::Form::kPlain>},
      {{"cql", "conservative Q-learning: offline RL with a pessimism term"}, make_cql<false>},
      {{"calql", "Cal-QL: CQL floored at Monte-Carlo returns", true}, make_cql<true>},
      {{"iql", "implicit Q-learning: expectile values, the policy weighted by advantage", false, true, {.value = true}}, make_iql},
      {{"bc", "behaviour cloning: maximise log pi of the data", false, false}, make_bc},
      {{"td3bc", "TD3 + BC: TD3 with a cloning term, for offline data", false, true, {.target_actor = true}}, make_td3<Td3::Form::kBc>},
      {{"rebrac", "ReBRAC: TD3 with cloning in actor and critic", false, true, {.target_actor = true}}, make_td3<Td3::Form::kReBrac>},
  };
  return all;
}

const Entry& entry(const std::string& name) {
  std::vector<std::string> names;
  for (const Entry& e : entries()) {
    if (e.info.name == name) return e;
    names.push_back(e.info.name);
  }
  throw usage_error("unknown agent \"" + name + "\"", "pretrain.agent or finetune.agent",
                    "did you mean \"" + nearest_name(name, names) + "\"? `warmstart list agents` shows all");
}

}  // namespace

const std::vector<AgentInfo>& agent_infos() {
  static const std::vector<AgentInfo> infos = [] {
    std::vector<AgentInfo> out;
    for (const Entry& e : entries()) out.push_back(e.info);
    return out;
  }();
  return infos;
}

const AgentInfo& agent_info(const std::string& name) { return entry(name).info; }

std::unique_ptr<Agent> make_agent(const std::string& name, const AgentSettings& s, ActorCritic start, Backend& backend) {
  return entry(name).make(s, std::move(start), backend);
}

}  // namespace warmstart
