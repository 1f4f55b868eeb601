// Where episodes end in a flat file, under the names that other programs use. Internal to io/. Rules: docs/formats/dataset.md.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "warmstart/io/array_file.h"

namespace warmstart {

/// The arrays of a flat file: ours, and the key of the file that holds it ("" when there is none).
struct FlatKeys {
  std::string observations, actions, rewards, next_observations;
  std::string terminals, timeouts, dones, masks;
  std::vector<std::string> unused;   ///< at the root, neither of these nor infos/ and metadata/
  std::vector<std::string> renamed;  ///< "'obs' is read as observations"
};

/// Finds them by name, in any case. Throws Error(kData) when two keys mean the same, naming both.
FlatKeys find_flat_keys(const ArrayFile& file);

/// The names that are understood for one of our arrays ("timeouts"), as a message lists them.
std::string names_of(const std::string& array);

/// Reads what ends a step: `terminals` are true ends, `timeouts` ends of a recording that goes on in truth.
class EndFlags {
 public:
  /// `keys` of `file`, whose arrays have `steps` rows. What keys such as dones and masks mean beside the others is settled here, from all
  /// rows. `max_episode_steps` ends episodes of a file that has true ends alone; 0 refuses such files. Throws Error(kData) when the keys
  /// say nothing about ends, or contradict each other.
  EndFlags(const ArrayFile& file, const FlatKeys& keys, std::size_t steps, int max_episode_steps);

  /// Rows [first, first + count), in order; `first` continues where the last call ended.
  void read(std::size_t first, std::size_t count, std::vector<std::uint8_t>& terminals, std::vector<std::uint8_t>& timeouts);

  /// What was settled, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  enum class Rule {
    kPlain,            ///< terminals, timeouts
    kLimit,            ///< terminals; the time limit makes timeouts
    kDoneAndTerminal,  ///< timeouts = dones without terminals
    kDoneAndTimeout,   ///< terminals = dones without timeouts
    kDoneIsTerminal,   ///< terminals = dones, timeouts
    kMasks,            ///< terminals = masks of 0; timeouts = every other flag without them
  };
  void settle();
  void settle_masks();
  void settle_dones();
  void flags(const std::string& key, std::size_t first, std::size_t count, std::vector<std::uint8_t>& out);

  const ArrayFile& file_;
  FlatKeys keys_;
  std::size_t steps_ = 0;
  int max_episode_steps_ = 0, in_episode_ = 0;
  Rule rule_ = Rule::kPlain;
  std::vector<std::string> notes_;
  std::vector<float> values_;
  std::vector<std::uint8_t> a_, b_;
};

}  // namespace warmstart
