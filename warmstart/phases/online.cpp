#include "warmstart/phases/online.h"

#include "warmstart/core/error.h"

namespace warmstart {

void collect_step(Run& run) {
  const Recipe& recipe = run.recipe;
  run.stop_without_steps();
  const Experience e = [&] {
    try {
      return run.source->next(*run.policy);
    } catch (const Error& error) {
      run.save_and_rethrow(error);
    }
  }();
  const bool terminal = e.step.terminated && !(e.step.truncated && recipe.finetune.timeout_hides_terminal);
  run.buffer->add(e.obs, e.action, static_cast<float>(recipe.reward_scale * e.step.reward + recipe.reward_bias), terminal ? 0.0f : 1.0f,
                  e.next_obs);
  if (recipe.data.normalizes_online()) run.state.seen.add(e.obs);
  ++run.state.online_steps;
  run.note_interval(e.gap);
  if (!e.episode_over) return;
  run.buffer->end_episode();
  ++run.state.episodes;
  run.log("episode", run.state.online_steps,
          {{"return", e.episode_return}, {"success", e.episode_success ? 1.0 : 0.0}, {"length", static_cast<double>(e.episode_length)}});
}

}  // namespace warmstart
