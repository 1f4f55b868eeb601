#include "warmstart/data/continuity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace warmstart {
namespace {

constexpr std::size_t kNearValues = std::size_t{1} << 20;  // per offset: as many flags as say enough
constexpr std::size_t kLeastFar = 100, kLeastFlags = 5;    // rows and flags that jumps are judged by
constexpr double kMost = 0.8, kFew = 0.1, kShuffled = 0.5, kRepeats = 0.95;

// nothing but the rounding of a file
bool goes_on(const float* next, const float* following, std::size_t size) {
  for (std::size_t j = 0; j < size; ++j)
    if (!(std::abs(next[j] - following[j]) <= 1e-5f * std::max({1.0f, std::abs(next[j]), std::abs(following[j])}))) return false;
  return true;
}

std::string shift_remedy(int rows) {
  return fmt::format("move the flags {} row{} {}: numpy.roll(flags, {})", std::abs(rows), std::abs(rows) > 1 ? "s" : "",
                     rows > 0 ? "up" : "down", -rows);
}

}  // namespace

Continuity::Continuity(const StepsLayout& layout) : has_next_(layout.has_next), obs_size_(static_cast<std::size_t>(layout.obs_size)) {
  if (has_next_) return;
  far_.assign(obs_size_, 0);
  for (Move& m : ring_) m.size.assign(obs_size_, 0);
}

void Continuity::add(D4rlFile& slab, const float* following, std::vector<std::uint8_t>& follows) {
  const std::size_t n = slab.rewards.size();
  follows.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i, ++rows_) {
    const int row = static_cast<int>(i);
    const float* behind = i + 1 < n ? slab.observations.row(row + 1) : following;
    const bool flagged = slab.terminals[i] || slab.timeouts[i];
    if (!has_next_) {
      look_for_jump(slab.observations.row(row), behind, flagged);
      follows[i] = behind && !flagged;
      continue;
    }
    const bool goes = behind && goes_on(slab.next_observations.row(row), behind, obs_size_);
    follows[i] = goes;
    const bool hidden = behind && !goes && !flagged;
    pair_up(hidden, flagged && goes);
    if (!hidden) continue;
    if (hidden_++ == 0) first_hidden_ = rows_;
    repeats_ += goes_on(slab.next_observations.row(row), slab.observations.row(row), obs_size_);
    slab.timeouts[i] = 1;
  }
}

void Continuity::pair_up(bool hidden, bool flagged) {
  for (int d = 1; d <= kReach; ++d) {
    const auto ago = static_cast<std::size_t>(d - 1);
    shifted_[static_cast<std::size_t>(kReach + d)] += was_hidden_[ago] && flagged;
    shifted_[static_cast<std::size_t>(kReach - d)] += was_flagged_[ago] && hidden;
  }
  std::rotate(was_hidden_.rbegin(), was_hidden_.rbegin() + 1, was_hidden_.rend());
  std::rotate(was_flagged_.rbegin(), was_flagged_.rbegin() + 1, was_flagged_.rend());
  was_hidden_[0] = hidden, was_flagged_[0] = flagged;
}

void Continuity::look_for_jump(const float* now, const float* following, bool flagged) {
  Move& m = ring_[at_++ % kRing];
  m.flagged = flagged, m.known = now && following;
  for (std::size_t j = 0; m.known && j < obs_size_; ++j) m.size[j] = std::abs(following[j] - now[j]);
  if (at_ > kFar) center();
}

// the row that lies kFar behind the newest
void Continuity::center() {
  const std::size_t row = at_ - 1 - kFar;
  const auto move = [&](int offset) -> const Move* {
    const auto at = static_cast<std::ptrdiff_t>(row) + offset;
    return at < 0 ? nullptr : &ring_[static_cast<std::size_t>(at) % kRing];
  };
  bool alone = true;
  for (int d = -kFar; d <= kFar; ++d)
    if (const Move* m = move(d)) alone = alone && !m->flagged;
  if (alone && move(0)->known) {
    ++far_rows_;
    for (std::size_t j = 0; j < obs_size_; ++j)
      if (move(0)->size[j] > far_[j]) far_[j] = move(0)->size[j];
  }
  if (!move(0)->flagged) return;
  for (int d = -kReach; d <= kReach; ++d) {
    auto& near = near_[static_cast<std::size_t>(d + kReach)];
    if (const Move* m = move(d); m && m->known && near.size() < kNearValues) near.insert(near.end(), m->size.begin(), m->size.end());
  }
}

void Continuity::finish(Findings& findings) {
  if (has_next_) {
    if (hidden_ == 0) return;
    for (int d = -kReach; d <= kReach; ++d)
      if (d != 0 && shifted_[static_cast<std::size_t>(d + kReach)] == hidden_)
        return add_problem(findings,
                           fmt::format("the flags of ends stand {} row{} too {}: each of the {} rows whose next observation is not the "
                                       "following row stands there before or behind a flag, first row {}",
                                       std::abs(d), std::abs(d) > 1 ? "s" : "", d > 0 ? "late" : "early", hidden_, first_hidden_),
                           shift_remedy(d));
    const double part = static_cast<double>(hidden_) / static_cast<double>(rows_);
    // a state that stays is common, a record of nothing else is a wrong array
    if (part > kShuffled && static_cast<double>(repeats_) > kRepeats * static_cast<double>(hidden_))
      return add_problem(
          findings,
          fmt::format("next_observations repeat their own row's observations in {} rows, while the following row is another", repeats_),
          "write the observation behind each step there, or leave next_observations out");
    if (part > kShuffled)
      return add_warning(
          findings,
          fmt::format("{:.0f}% of the rows lead elsewhere than to the following row: these are single transitions, not episodes",
                      100 * part),
          "returns and n-step targets see one step; for methods that need more, write rows in order of time");
    return add_warning(
        findings,
        fmt::format("{} rows without a flag have a next observation that is not the following row, first row {}: each ends an "
                    "episode, as a timeout",
                    hidden_, first_hidden_),
        "flag them in timeouts, or in terminals where the episode truly ended");
  }
  for (int d = 0; d < kFar; ++d) look_for_jump(nullptr, nullptr, false);
  if (far_rows_ < kLeastFar || obs_size_ == 0) return;
  const auto jumps = [&](int d, std::size_t* flags) {
    const auto& near = near_[static_cast<std::size_t>(d + kReach)];
    *flags = near.size() / obs_size_;
    std::size_t count = 0;
    for (std::size_t k = 0; k < *flags; ++k) {
      bool jump = false;
      for (std::size_t j = 0; j < obs_size_; ++j) jump = jump || near[k * obs_size_ + j] > far_[j];
      count += jump;
    }
    return static_cast<double>(count);
  };
  std::size_t flags = 0;
  const double here = jumps(0, &flags);
  if (flags < kLeastFlags || here > kFew * static_cast<double>(flags)) return;
  for (const int d : {-1, 1, -2, 2}) {
    const double there = jumps(d, &flags);
    if (flags < kLeastFlags || there < kMost * static_cast<double>(flags)) continue;
    return add_problem(
        findings,
        fmt::format(
            "the flags of ends stand {} row{} too {}: observations jump, as nowhere else, {} row{} {} {:.0f} of {} flags and at {:.0f} "
            "flags themselves",
            std::abs(d), std::abs(d) > 1 ? "s" : "", d < 0 ? "late" : "early", std::abs(d), std::abs(d) > 1 ? "s" : "",
            d < 0 ? "before" : "behind", there, flags, here),
        fmt::format("move the flags {} row{} {}: numpy.roll(flags, {})", std::abs(d), std::abs(d) > 1 ? "s" : "", d < 0 ? "up" : "down",
                    d));
  }
}

}  // namespace warmstart
