// What a task asks of its data, and recordings of another task with the same body as data of this one.
#pragma once
#include <string>

#include "warmstart/data/dataset.h"
#include "warmstart/envs/env.h"
#include "warmstart/io/d4rl.h"

namespace warmstart {

/// How a file is read for a task: `keys` of Dict observations (the task's own when ""), and the time limit.
StepsOptions steps_options(const EnvSpec& spec, const std::string& keys = "");

/// What data of a task must be: sizes, rewards, ends, units of actions, and how its file is read. Rewards are not scaled.
DatasetOptions dataset_options(const EnvSpec& spec, const std::string& keys = "");

/// Marks a file of ours: its actions are -1 .. 1 and stand for the task's bounds.
void describe_actions(const EnvSpec& spec, D4rlFile& file);

/// Whether data recorded in `recorded_in` ("" when nobody knows) belong to the task, in the words of check_body.
void check_body(const std::string& recorded_in, const EnvSpec& spec, Findings& findings);

/// `file` with the task's own observations, rewards and ends, made from what its observations show:
///
/// - a task that counts parts (D4RL's Kitchen): the reward is how many parts were seen done since the episode began; the step in which the
///   last one is done is terminal, and what follows it is left out;
/// - any other (the Adroit tasks of binary reward): the reward is success - 1 and every step with success is terminal; an episode is cut
///   after its last success, and left out without one.
///
/// What the last step of an episode did is seen only when its next observation is in the file; else all is done where it is terminal, and
/// nothing where not. Throws Error(kUsage) when the task's observations do not show what is done, Error(kData) for sizes that fit neither
/// the task nor the one it is translated from, or when nothing is left.
D4rlFile data_for_task(const D4rlFile& file, const EnvSpec& spec, const std::string& source);

/// `recorded_in` is a registered task of another body than `spec`'s: HalfCheetah's rows would fit Walker2d.
bool is_other_body(const std::string& recorded_in, const EnvSpec& spec);

/// Throws Error(kData) naming `source` when it is. Returns a note when it is another task of the same body, "" when there is nothing to
/// say.
std::string check_body(const std::string& recorded_in, const EnvSpec& spec, const std::string& source);

}  // namespace warmstart
