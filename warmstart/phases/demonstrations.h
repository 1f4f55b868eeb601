// Collecting by demonstration, as the data of the Adroit experiments were made: an expert's successes, then those of its clone.
#pragma once
#include <map>
#include <span>
#include <string>

#include "warmstart/phases/collect.h"

namespace warmstart {

/// `config.policy` plays until `config.demonstrations` episodes have succeeded; "recorded" replays the episodes of `config.expert`, each
/// from its recorded start to its recorded end, and takes those, at most so many, that succeed in our simulator. Behaviour cloning
/// learns from them for `config.clone_steps` steps; the clone, sampling its actions, plays `config.trajectories` episodes. Those of a
/// policy go on to the time limit; the file holds those with a success, each cut after its last one. Every step with success is
/// terminal, and reward is success - 1: an episode that succeeds, slips and succeeds again is several in the file, with one number in
/// infos/trajectory. Reproducible from the seed, on any number of threads. Throws Error(kUsage) when the task reports no success, and
/// Error(kData) when the policy hardly ever has one, or the recording none, or no states.
Collected collect_demonstrations(const EnvConfig& env, const CollectConfig& config, const CollectProgress& progress,
                                 const SafetyConfig& safety);

/// What a file says of how it was collected, for its metadata: every setting that mattered, simulator, versions.
std::map<std::string, std::string> describe_collection(const EnvConfig& world, const EnvSpec& spec, const CollectConfig& config);

/// One more row of infos; nothing for a task that has none.
void append(DoubleTable& table, std::span<const double> row);

}  // namespace warmstart
