// What Minari says of a dataset: its spaces, and where it comes from. Internal to io/.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "warmstart/io/array_file.h"

namespace warmstart {

inline constexpr const char* kOnlyBoxes = "only Box spaces of numbers, and Dict spaces of them, can become state vectors";

/// metadata.json beside the file, or the file's attributes where older versions of Minari kept the same texts.
struct MinariDescription {
  bool observations_described = false, actions_described = false;  ///< their spaces are known, and are such as can be read
  std::vector<double> action_low, action_high;                     ///< [A] of the action space, in C order; may be infinite
  long long total_episodes = -1, total_steps = -1;                 ///< as the dataset was when it was whole; -1: not said
  std::map<std::string, std::string> metadata;
};

/// Throws Error(kData): metadata.json is damaged, a space is of a kind that cannot become vectors.
MinariDescription describe_minari(const ArrayFile& file);

}  // namespace warmstart
