// One row of a Batch, and the arithmetic that all sources share for copying rows.
#pragma once
#include <algorithm>
#include <span>

#include "warmstart/data/batch.h"

namespace warmstart {

/// Views into the source that gave it; valid until that source changes.
struct Transition {
  std::span<const float> obs;     ///< [O]
  std::span<const float> action;  ///< [A]
  float reward = 0;
  float mask = 1;                   ///< 0 only at true terminals
  std::span<const float> next_obs;  ///< [O]
  float mc_return = 0;              ///< meaningful only where the source has_mc_return()
};

inline void copy_row(const Transition& t, BatchStorage& out, int row) {
  std::copy(t.obs.begin(), t.obs.end(), out.obs.row(row));
  std::copy(t.action.begin(), t.action.end(), out.action.row(row));
  std::copy(t.next_obs.begin(), t.next_obs.end(), out.next_obs.row(row));
  out.reward[row] = t.reward, out.mask[row] = t.mask, out.mc_return[row] = t.mc_return;
}

}  // namespace warmstart
