#include "warmstart/data/trajectories.h"

namespace warmstart {

void add_episodes(std::span<const float> rewards, std::span<const std::uint8_t> terminals, std::span<const std::uint8_t> timeouts,
                  std::vector<Episode>& episodes, Episode& current, std::span<const std::uint8_t> goes_on) {
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    ++current.length;
    if (current.terminals == 0) current.reward_sum += rewards[i];
    current.terminals += terminals[i];
    if (!terminals[i] && !timeouts[i]) continue;
    if (!timeouts[i] && !goes_on.empty() && goes_on[i]) continue;
    current.end = terminals[i] ? EpisodeEnd::kTerminal : EpisodeEnd::kTimeout;
    episodes.push_back(current);
    current = {.start = current.start + current.length};
  }
}

std::vector<Episode> episodes_of(const D4rlFile& file) {
  std::vector<Episode> episodes;
  Episode current;
  add_episodes(file.rewards, file.terminals, file.timeouts, episodes, current);
  if (current.length) episodes.push_back(current);
  return episodes;
}

}  // namespace warmstart
