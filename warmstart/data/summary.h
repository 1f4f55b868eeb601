// What a dataset file holds, in numbers: for `warmstart data info` and for judging a file before a long run.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "warmstart/data/checked_steps.h"

namespace warmstart {

/// Range and mean of the finite values of an array; `bad` counts NaN and infinity, `first_bad` is the row of the first.
struct ValueRange {
  double min = 0, mean = 0, max = 0;
  std::size_t bad = 0, first_bad = 0;
  double sum = 0;
  std::size_t good = 0;  ///< finite values
  /// More values of the array; row `first` is theirs first.
  void add(std::span<const float> values, std::size_t cols, std::size_t first = 0);
};
ValueRange range_of(std::span<const float> values, std::size_t cols);

struct DatasetSummary {
  std::size_t steps = 0, transitions = 0;  ///< rows in the file; rows that a learner gets from it
  int obs_size = 0, action_size = 0;
  bool has_next_observations = false;
  std::size_t episodes = 0;                                 ///< recorded in one piece
  std::size_t terminals = 0, timeouts = 0, unfinished = 0;  ///< steps that are one; 1 when the file ends mid-episode
  std::size_t length_min = 0, length_max = 0;
  double length_mean = 0;
  ValueRange observations, actions, rewards, returns;  ///< returns: undiscounted sum per episode, as recorded
  std::size_t clipped_actions = 0;                     ///< entries beyond +-0.99999
  std::vector<std::size_t> return_histogram;           ///< equal bins from returns.min to returns.max
  std::vector<std::string> observation_keys;           ///< parts of Dict observations with their sizes
  std::string format;
  std::map<std::string, int> infos;  ///< name -> columns
  std::map<std::string, std::string> metadata;
  Findings findings;  ///< problems first
};

/// Never fails on NaN, infinity or an empty file: it counts them. Actions are as learners see them, -1 .. 1.
DatasetSummary summarize(CheckedSteps& reader, int histogram_bins = 10);  ///< reads all, slab by slab

std::string summary_text(const DatasetSummary& summary, const std::string& path);  ///< for people, with bars
std::string summary_json(const DatasetSummary& summary, const std::string& path);  ///< one object, for scripts

}  // namespace warmstart
