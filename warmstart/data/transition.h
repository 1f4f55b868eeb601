// One row of a Batch, and the arithmetic that all sources share for copying rows.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "warmstart/core/error.h"
#include "warmstart/data/batch.h"

namespace warmstart {

/// How a row ended its episode. It is stored with the row and never inferred from observations: two episodes may well meet in one.
/// The numbers are those of segment files.
enum class RowEnd : std::uint8_t { kNone = 0, kTerminal = 1, kTimeout = 2 };

/// Views into the source that gave it; valid until that source changes.
struct Transition {
  std::span<const float> obs;     ///< [O]
  std::span<const float> action;  ///< [A]
  float reward = 0;
  float mask = 1;                   ///< 0 only at true terminals
  std::span<const float> next_obs;  ///< [O]
  float mc_return = 0;              ///< meaningful only where the source has_mc_return()
};

/// Row `row` of `out`; `next_action` [A], or empty when unknown.
inline void copy_row(const Transition& t, BatchStorage& out, int row, std::span<const float> next_action = {}) {
  std::copy(t.obs.begin(), t.obs.end(), out.obs.row(row));
  std::copy(t.action.begin(), t.action.end(), out.action.row(row));
  std::copy(t.next_obs.begin(), t.next_obs.end(), out.next_obs.row(row));
  if (next_action.empty()) std::fill_n(out.next_action.row(row), t.action.size(), std::numeric_limits<float>::quiet_NaN());
  else std::copy(next_action.begin(), next_action.end(), out.next_action.row(row));
  out.reward[row] = t.reward, out.mask[row] = t.mask, out.mc_return[row] = t.mc_return;
}

/// What every source asks of a call of sample, in constant time: something to draw, and rows [first, first + count) of the right sizes
/// in `out`. Throws Error(kUsage) otherwise.
inline void check_sample(const char* source, std::size_t rows, std::size_t obs_size, std::size_t action_size, const BatchStorage& out,
                         int first, int count) {
  if (rows == 0 && count > 0) throw usage_error("nothing to draw", source, "add transitions first; size() says how many can be drawn");
  const int has = out.obs.rows();
  const auto fits = [&](const Matrix& m, std::size_t columns) { return m.rows() == has && static_cast<std::size_t>(m.cols()) == columns; };
  const auto column = [&](const Column& c) { return c.size() == static_cast<std::size_t>(has); };
  if (first < 0 || count < 0 || count > has - first || !fits(out.obs, obs_size) || !fits(out.next_obs, obs_size) ||
      !fits(out.action, action_size) || !fits(out.next_action, action_size) || !column(out.reward) || !column(out.mask) ||
      !column(out.mc_return))
    throw usage_error(
        "rows " + std::to_string(first) + " to " + std::to_string(first + count) + " of a batch of " + std::to_string(has) + " rows, " +
            std::to_string(out.obs.cols()) + " observations and " + std::to_string(out.action.cols()) + " actions",
        std::string(source) + ", sample",
        "resize it to rows enough, " + std::to_string(obs_size) + " observations and " + std::to_string(action_size) + " actions");
}

/// Copies `from` row `i`, looking ahead as `n_step` says. `Source` has at(i), and follows(i): row i + 1 is the next step of the same
/// episode.
template <class Source>
void copy_steps(const Source& source, std::size_t i, const NStep& n_step, BatchStorage& out, int row) {
  Transition t = source.at(i);
  double reward = t.reward, factor = 1;
  for (int k = 1; k < n_step.steps && t.mask > 0 && source.follows(i); ++k) {
    const Transition next = source.at(++i);
    factor *= n_step.discount;
    reward += factor * next.reward;
    t.mask = next.mask, t.next_obs = next.next_obs;
  }
  t.reward = static_cast<float>(reward), t.mask *= static_cast<float>(factor);
  copy_row(t, out, row, source.follows(i) ? source.at(i + 1).action : std::span<const float>());
}

}  // namespace warmstart
