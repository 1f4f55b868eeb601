// Do the rows of a record follow each other where its flags say so?
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "warmstart/data/findings.h"
#include "warmstart/io/steps.h"

namespace warmstart {

/// Looks at a record slab by slab. With next observations, a row whose next observation is not the following row's ends an episode, flagged
/// or not. Without them, flags that stand beside the jumps of the observations are found.
class Continuity {
 public:
  explicit Continuity(const StepsLayout& layout);

  /// `following` [O] is the observation behind the slab, null at the end of the record. Marks unflagged ends as timeouts. `follows[i]`
  /// becomes 1 where row i + 1 goes on where row i leads; without next observations, where row i has no flag.
  void add(D4rlFile& slab, const float* following, std::vector<std::uint8_t>& follows);
  /// After all rows.
  void finish(Findings& findings);

 private:
  static constexpr int kReach = 2, kFar = 3;  ///< rows: shifts that are looked for; distance from which a row is no neighbor of a flag
  static constexpr int kRing = 2 * kFar + 1;

  void pair_up(bool hidden, bool flagged);
  void look_for_jump(const float* now, const float* following, bool flagged);
  void center();

  const bool has_next_;
  const std::size_t obs_size_;
  std::size_t rows_ = 0;
  // with next observations
  std::size_t hidden_ = 0, first_hidden_ = 0;
  std::size_t repeats_ = 0;  ///< hidden ends whose next observation is their own one
  std::array<bool, kReach> was_hidden_ = {}, was_flagged_ = {};
  std::array<std::size_t, 2 * kReach + 1> shifted_ = {};  ///< hidden ends with an idle flag so many rows later, from -kReach on
  // without
  struct Move {
    std::vector<float> size;  // [O] absolute change to the following row
    bool flagged = false, known = false;
  };
  std::array<Move, kRing> ring_;
  std::size_t at_ = 0, far_rows_ = 0;
  std::vector<float> far_;                               ///< [O] largest change far from any flag
  std::array<std::vector<float>, 2 * kReach + 1> near_;  ///< [*,O] changes at so many rows from a flag
};

}  // namespace warmstart
