// The agent as one self-contained file (pretrained.safetensors, final.safetensors): networks, target, optimiser moments and
// counts, temperature, and the recipe that made them. docs/formats/checkpoint.md.
#pragma once
#include <filesystem>
#include <map>

#include "warmstart/io/safetensors.h"
#include "warmstart/phases/file_header.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {

struct AgentFile {
  Recipe recipe;
  ActorCritic agent;
  ActionBounds bounds;                          ///< of the task's actions in its own units; unset where they are -1 to 1, or not said
  std::map<std::string, std::string> metadata;  ///< "format", "version", "env", "phase", "evaluated_policy", ...
};

/// Puts every array of `agent` into `file` and its counts into the metadata; `prefix` comes before all their names.
void put_agent(ActorCritic& agent, SafeTensors& file, const std::string& prefix = "");
/// The reverse; `agent` has the right shapes already. Throws Error(kData) naming `where`, the tensor and both shapes.
void get_agent(const SafeTensors& file, const std::string& where, ActorCritic& agent, const std::string& prefix = "");
/// Puts what every file says about itself into the metadata: format, version, kind ("agent", "checkpoint"), task, phase, recipe.
void put_header(Recipe recipe, const std::string& kind, const std::string& phase, SafeTensors& file);
/// Throws Error(kData) naming `where` when the agent's observation or action sizes are not the task's.
void check_fits(const ActorSpec& agent, const EnvSpec& task, const std::string& where);
/// Throws Error(kData) naming `where` when the file says that the task's actions had other bounds than now: the policy would act otherwise.
void check_bounds(const SafeTensors& file, const EnvSpec& task, const std::string& where);
void check_bounds(const ActionBounds& was, const EnvSpec& task, const std::string& where);

/// The task need not be known here: networks and what they see are in the file. Throws Error(kData) for a missing, truncated, damaged or
/// foreign file.
AgentFile read_agent_file(const std::filesystem::path& path);
/// The same for a file that is read already; `where` names it in errors.
AgentFile agent_file_of(const SafeTensors& file, const std::string& where);

/// What a command line may say of the task of the agent in `where`: its id, to be sure, or the plug-in's file, where it lies now (each may
/// be ""). Throws Error(kData) when that is another task than the agent's.
void confirm_task(Recipe& recipe, const std::string& where, const std::string& env, const std::string& plugin = "");

/// Standard deviation of the noise with which the agent explored in the phase that wrote the file; 0 samples from the policy.
double exploration_noise(const AgentFile& file);
/// The same of an agent by name.
double exploration_noise(const Recipe& recipe, const std::string& agent);

/// Networks of the recipe's shapes for its task, freshly drawn, with those that its offline learner needs, or with `extra`.
ActorCritic fresh_agent(const Recipe& recipe);
ActorCritic fresh_agent(const Recipe& recipe, ExtraNetworks extra);
ActorCritic fresh_agent(const Recipe& recipe, ExtraNetworks extra, int obs_size, int action_size);

}  // namespace warmstart
