#include "warmstart/data/checked_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "warmstart/core/text.h"

namespace warmstart {
namespace {

enum Key { kObservations, kActions, kRewards, kNext };
constexpr double kHostileObservation = 1e4, kHostileReward = 1e6;  // float networks lose their digits there
constexpr double kRounding = 1e-3;                                 // of rewards

template <class T>
void append_rows(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

Matrix joined(const Matrix& a, const Matrix& b) {
  Matrix out;
  out.resize(a.rows() + b.rows(), std::max(a.cols(), b.cols()));
  std::copy_n(a.data(), a.size(), out.data());
  std::copy_n(b.data(), b.size(), out.data() + a.size());
  return out;
}

void put_before(D4rlFile& first, D4rlFile&& rest) {
  first.observations = joined(first.observations, rest.observations);
  first.actions = joined(first.actions, rest.actions);
  first.next_observations = joined(first.next_observations, rest.next_observations);
  append_rows(first.rewards, rest.rewards), append_rows(first.terminals, rest.terminals), append_rows(first.timeouts, rest.timeouts);
}

}  // namespace

void StepsCheck::Extent::add(double v) {
  if (!std::isfinite(v)) return;
  low = any ? std::min(low, v) : v, high = any ? std::max(high, v) : v;
  any = true;
}

StepsCheck::StepsCheck(const StepsLayout& layout, DatasetOptions options, ActionUnits units, Findings findings)
    : layout_(layout), options_(std::move(options)), units_(std::move(units)), findings_(std::move(findings)), continuity_(layout) {
  note_layout();
}

void StepsCheck::note_layout() {
  for (const std::string& note : layout_.notes) add_note(findings_, note);
  if (layout_.steps == 0) return add_problem(findings_, "the dataset is empty", "record at least one episode with `warmstart collect`");
  if (layout_.obs_size == 0 || layout_.action_size == 0)
    return add_problem(findings_, fmt::format("{} have size 0", layout_.obs_size == 0 ? "observations" : "actions"),
                       "every step needs both");
  const auto check = [&](const std::string& what, int found, int expected) {
    if (expected && found != expected)
      add_problem(
          findings_,
          fmt::format("{} have size {}, but task {} has {}", what, found, options_.task.empty() ? "(unnamed)" : options_.task, expected),
          "choose the task that the data were recorded in (--env), or another dataset");
  };
  check("observations" + (layout_.observation_keys.empty() ? "" : " (" + join(layout_.observation_keys) + ")"), layout_.obs_size,
        options_.obs_size);
  check("actions", layout_.action_size, options_.action_size);
}

void StepsCheck::look_at(int key, std::span<const float> values, int columns, Extent* extent) {
  const auto cols = static_cast<std::size_t>(std::max(columns, 1));
  Bad& bad = bad_[static_cast<std::size_t>(key)];
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) {
      low = std::min(low, values[i]), high = std::max(high, values[i]);
      continue;
    }
    if (bad.count++ == 0) bad.row = rows_ + i / cols, bad.col = i % cols, bad.nan = std::isnan(values[i]);
  }
  if (extent && low <= high) extent->add(low), extent->add(high);
}

// behind a true end the next observation carries no value, whatever it is
void StepsCheck::mend_next(D4rlFile& slab) {
  for (std::size_t i = 0; i < slab.rewards.size(); ++i) {
    if (!slab.terminals[i]) continue;
    const int row = static_cast<int>(i);
    float* next = slab.next_observations.row(row);
    if (std::all_of(next, next + slab.next_observations.cols(), [](float v) { return std::isfinite(v); })) continue;
    std::copy_n(slab.observations.row(row), slab.next_observations.cols(), next);
    ++idle_next_;
  }
}

void StepsCheck::add(D4rlFile& slab, const float* following) {
  const std::size_t n = slab.rewards.size();
  if (layout_.has_next) mend_next(slab);
  const auto values = [](const Matrix& m) { return std::span<const float>(m.data(), m.size()); };
  look_at(kObservations, values(slab.observations), slab.observations.cols(), &observations_);
  look_at(kActions, values(slab.actions), slab.actions.cols(), &actions_);  // before they are mapped
  look_at(kRewards, slab.rewards, 1, nullptr);
  look_at(kNext, values(slab.next_observations), slab.next_observations.cols(), nullptr);
  units_.apply(slab.actions);
  for (const float a : values(slab.actions)) beyond_ += std::abs(a) > 1 + kRounding;
  entries_ += slab.actions.size();
  add_rewards(slab.rewards);
  continuity_.add(slab, following, follows_);
  for (std::size_t i = 0; i < n; ++i) {
    const bool last = i + 1 == n && !following;
    known_next_ += layout_.has_next || slab.terminals[i] || !(slab.timeouts[i] || last);
  }
  add_episodes(slab.rewards, slab.terminals, slab.timeouts, trajectories_, current_, follows_);
  rows_ += n;
}

void StepsCheck::add_rewards(std::span<const float> rewards) {
  for (const double r : rewards) {
    const std::size_t row = reward_rows_++;
    rewards_.add(r);
    if (!(options_.reward_low < options_.reward_high) || !std::isfinite(r)) continue;
    if (r >= options_.reward_low - kRounding && r <= options_.reward_high + kRounding) continue;
    if (foreign_rewards_++ == 0) first_reward_ = row, first_reward_value_ = r;
  }
}

void StepsCheck::say_bad(const char* key, const Bad& bad, const std::string& remedy) {
  if (bad.count == 0) return;
  const bool table = std::string(key) != "rewards";
  add_problem(
      findings_,
      fmt::format("{} in {}, row {}{}{}", bad.nan ? "NaN" : "infinity", key, bad.row, table ? fmt::format(", column {}", bad.col) : "",
                  bad.count > 1 ? fmt::format(" ({} such values)", bad.count) : ""),
      remedy);
}

void StepsCheck::say_rewards() {
  if (foreign_rewards_)
    add_problem(findings_,
                fmt::format("reward {:g} in row {}, but task {} pays {:g} to {:g}{}", first_reward_value_, first_reward_, options_.task,
                            options_.reward_low, options_.reward_high,
                            foreign_rewards_ > 1 ? fmt::format(" ({} such rows)", foreign_rewards_) : ""),
                options_.makes_rewards ? fmt::format("choose the task that the data were recorded in, or make rewards and ends anew with "
                                                     "`warmstart data convert --for {}`",
                                                     options_.task)
                                       : "choose the task that the data were recorded in (--env), or another dataset");
}

void StepsCheck::say_actions() {
  if (beyond_ == 0) return;
  const double part = static_cast<double>(beyond_) / static_cast<double>(std::max<std::size_t>(entries_, 1));
  const std::string text = fmt::format("{} action entries ({:.2g}%) lie beyond {}; {:.4g} .. {:.4g} were seen", beyond_, 100 * part,
                                       units_.file.text(), actions_.low, actions_.high);
  if (part > kMayClip)
    add_problem(findings_, text,
                "say what -1 and 1 are in the file with --action-low and --action-high (data.action_low and data.action_high), or clip the "
                "file's actions where the task did");
  else add_warning(findings_, text, "they are clipped");
}

void StepsCheck::say_ranges() {
  const auto say = [&](const char* key, const Extent& e, double limit, const char* remedy) {
    if (e.any && std::max(std::abs(e.low), std::abs(e.high)) > limit)
      add_warning(findings_, fmt::format("{} reach {:.4g} .. {:.4g}", key, e.low, e.high), remedy);
  };
  say("observations", observations_, kHostileObservation, "networks learn badly from such numbers: scale them in the file");
  say("rewards", rewards_, kHostileReward, "losses of their square overflow: lower reward_scale (env.reward_scale)");
}

const Findings& StepsCheck::finish() {
  if (std::exchange(finished_, true)) return findings_;
  if (current_.length) trajectories_.push_back(current_);
  say_rewards();
  if (rows_ > 0) {
    const std::string episode = "remove the episode that holds this row from the file";
    say_bad("observations", bad_[kObservations], episode);
    say_bad("actions", bad_[kActions], episode);
    say_bad("rewards", bad_[kRewards], episode);
    say_bad("next_observations", bad_[kNext],
            "write what was observed after that step; or remove next_observations from the file, and the last step of a cut episode is "
            "left out");
    if (idle_next_)
      add_note(findings_, fmt::format("next_observations are not finite behind {} true ends: they carry no value there", idle_next_));
    if (known_next_ == 0)
      add_problem(findings_, fmt::format("no transition is left: all {} steps end an episode by a time limit", rows_),
                  "add next_observations to the file, or record longer episodes");
    say_actions();
    continuity_.finish(findings_);
    if (options_.warn_of_sizes) say_ranges();
  }
  std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return findings_;
}

CheckedSteps::CheckedSteps(std::unique_ptr<StepsReader> file, const DatasetOptions& options, ActionUnits units, Findings findings)
    : file_(std::move(file)), check_(file_->layout(), options, std::move(units), std::move(findings)) {
  layout_ = file_->layout();
}

void CheckedSteps::read(std::size_t count, D4rlFile& slab) {
  const std::size_t n = std::min(count, layout_.steps - done_);
  if (has_ahead_ && n > 0) {
    file_->read(n - 1, part_);
    put_before(ahead_, std::move(part_));
    std::swap(slab, ahead_);
    part_ = {};
  } else {
    file_->read(n, slab);
  }
  done_ += n;
  has_ahead_ = done_ < layout_.steps;
  if (has_ahead_) ahead_ = {}, file_->read(1, ahead_);
  if (n > 0) check_.add(slab, has_ahead_ ? ahead_.observations.row(0) : nullptr);
}

StepsLayout CheckedSteps::layout_of_copy() const {
  StepsLayout copy = layout_;
  check_.units().describe(copy);
  return copy;
}

std::unique_ptr<CheckedSteps> open_checked(const std::filesystem::path& path, const DatasetOptions& options) {
  const StepsOptions how{.observation_keys = options.observation_keys, .max_episode_steps = options.max_episode_steps};
  auto file = open_steps(path, how);
  const auto count = [&](const ActionRange& range) {
    ActionCount all;
    D4rlFile slab;
    const auto again = open_steps(path, how);
    for (std::size_t done = 0; done < again->layout().steps; done += slab.rewards.size()) {
      again->read(kSlabSteps, slab);
      all.add(slab.actions, range);
    }
    return all;
  };
  Findings findings;
  ActionUnits units;
  const bool fits = options.action_size == 0 || file->layout().action_size == options.action_size;
  if (file->layout().steps > 0 && file->layout().action_size > 0 && fits) units = action_units(file->layout(), options, count, findings);
  return std::make_unique<CheckedSteps>(std::move(file), options, std::move(units), std::move(findings));
}

D4rlFile read_checked(CheckedSteps& steps, Findings& findings) {
  D4rlFile file = read_all(steps);
  const StepsLayout copy = steps.layout_of_copy();
  file.metadata = copy.metadata, file.action_low = copy.action_low, file.action_high = copy.action_high;
  findings = steps.findings();
  throw_problems(findings, steps.layout().path);
  return file;
}

}  // namespace warmstart
