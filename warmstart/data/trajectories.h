// Episodes of a record: cut at every flag, as returns are made, and as they were recorded, in one piece.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "warmstart/io/d4rl.h"

namespace warmstart {

/// How a recorded episode ended.
enum class EpisodeEnd : std::uint8_t { kTerminal, kTimeout, kUnfinished };

/// One recorded episode, before dropping anything.
struct Episode {
  std::size_t start = 0;   ///< first row in the file
  std::size_t length = 0;  ///< steps in the file
  double reward_sum = 0;   ///< undiscounted, as recorded (not scaled), to the first true end: what the task would have paid
  EpisodeEnd end = EpisodeEnd::kUnfinished;
  std::size_t terminals = 0;  ///< steps that are true ends: several where a record goes on behind one, as the binary Adroit data do
};

/// Cuts flags into episodes; an episode ends at a terminal or a timeout. Several calls for consecutive slabs: `episodes`
/// and `current`, the one that goes on, carry over. `goes_on[i]`, where given, keeps the record in one piece behind a terminal step i
/// that is no timeout.
void add_episodes(std::span<const float> rewards, std::span<const std::uint8_t> terminals, std::span<const std::uint8_t> timeouts,
                  std::vector<Episode>& episodes, Episode& current, std::span<const std::uint8_t> goes_on = {});
std::vector<Episode> episodes_of(const D4rlFile& file);

}  // namespace warmstart
