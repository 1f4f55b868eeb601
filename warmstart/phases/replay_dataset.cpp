#include "warmstart/phases/replay_dataset.h"

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/data/replay_buffer.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/run.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {

bool is_run_folder(const std::filesystem::path& folder) { return std::filesystem::exists(folder / kCheckpointFile); }

D4rlFile replay_dataset(const std::filesystem::path& folder) {
  const std::string where = (folder / kCheckpointFile).string();
  const SafeTensors checkpoint = read_safetensors(where);
  const AgentFile saved = agent_file_of(checkpoint, where);
  const RunState state = run_state_of(checkpoint, where);
  if (state.buffer_rows == 0) throw data_error("the run has collected nothing yet", folder.string(), "let it reach its online phases");
  const ActorSpec& spec = saved.agent.actor.spec;
  ReplayBuffer buffer(static_cast<std::size_t>(saved.recipe.run.replay_capacity), spec.obs, spec.action);
  buffer.read(folder / "buffer", state.buffer_rows);

  const int n = static_cast<int>(buffer.stored());
  D4rlFile file;
  file.observations.resize(n, spec.obs), file.actions.resize(n, spec.action), file.next_observations.resize(n, spec.obs);
  file.rewards.resize(n), file.terminals.resize(n), file.timeouts.resize(n);
  for (int t = 0; t < n; ++t) {
    const auto at = static_cast<std::size_t>(t);
    const Transition row = buffer.at(at);
    std::copy(row.obs.begin(), row.obs.end(), file.observations.row(t));
    std::copy(row.action.begin(), row.action.end(), file.actions.row(t));
    std::copy(row.next_obs.begin(), row.next_obs.end(), file.next_observations.row(t));
    file.rewards[at] = static_cast<float>((row.reward - saved.recipe.reward_bias) / saved.recipe.reward_scale);
    file.terminals[at] = row.mask == 0;
    file.timeouts[at] = !file.terminals[at] && !buffer.follows(at);  // also the newest row, whose episode goes on
  }
  file.metadata = {{"env", saved.recipe.env.id},
                   {"policy", "replay buffer"},
                   {"recipe", Recipe(saved.recipe).toml()},
                   {"seed", std::to_string(saved.recipe.run.seed)},
                   {"env_steps", std::to_string(state.online_steps)},
                   {"simulator", simulator_version()}};
  describe_actions(env_spec(saved.recipe.env), file);
  return file;
}

}  // namespace warmstart
