#include "warmstart/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/data/mc_return.h"

namespace warmstart {
namespace {

void check_finite(const std::string& source, const std::string& key, std::span<const float> values, std::size_t cols, std::size_t first) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw data_error(fmt::format("{} in {}, row {}{}", std::isnan(values[i]) ? "NaN" : "infinity", key, first + i / cols,
                                   cols > 1 ? fmt::format(", column {}", i % cols) : ""),
                       source, "remove the episode that holds this row from the file; `warmstart data info` counts such values");
}

void check_sizes(std::size_t steps, int obs_size, int action_size, const DatasetOptions& o) {
  if (steps == 0) throw data_error("the dataset is empty", o.source, "record at least one episode with `warmstart collect`");
  if (obs_size == 0 || action_size == 0)
    throw data_error(fmt::format("{} have size 0", obs_size == 0 ? "observations" : "actions"), o.source, "every step needs both");
  const auto check = [&](const char* what, int found, int expected) {
    if (expected && found != expected)
      throw data_error(fmt::format("{} have size {}, but task {} has {}", what, found, o.task.empty() ? "(unnamed)" : o.task, expected),
                       o.source, "choose the task that the data were recorded in (--env), or another dataset");
  };
  check("observations", obs_size, o.obs_size);
  check("actions", action_size, o.action_size);
}

// The rewards of another task, or of another rule, with the observations of this one look right and teach something else.
void check_rewards(std::span<const float> rewards, const DatasetOptions& o) {
  if (!(o.reward_low < o.reward_high)) return;
  constexpr double kRounding = 1e-3;
  for (std::size_t i = 0; i < rewards.size(); ++i)
    if (rewards[i] < o.reward_low - kRounding || rewards[i] > o.reward_high + kRounding)
      throw data_error(
          fmt::format("reward {:g} in row {}, but task {} pays {:g} to {:g}", rewards[i], i, o.task, o.reward_low, o.reward_high), o.source,
          "choose the task that the data were recorded in, or see `warmstart data convert --for`");
}

}  // namespace

void add_episodes(std::span<const float> rewards, std::span<const std::uint8_t> terminals, std::span<const std::uint8_t> timeouts,
                  std::vector<Episode>& episodes, Episode& current) {
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    ++current.length;
    current.reward_sum += rewards[i];
    if (!terminals[i] && !timeouts[i]) continue;
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

void check_finite_steps(const D4rlFile& slab, const std::string& source, std::size_t first) {
  const auto check = [&](const char* key, const Matrix& table) {
    check_finite(source, key, {table.data(), table.size()}, static_cast<std::size_t>(std::max(table.cols(), 1)), first);
  };
  check("observations", slab.observations);
  check("actions", slab.actions);
  check_finite(source, "rewards", slab.rewards, 1, first);
  check("next_observations", slab.next_observations);
}

McReturnOptions DatasetOptions::mc_returns() const {
  McReturnOptions mc{.discount = discount, .infinite_horizon = infinite_horizon};
  // through the same rounding as the rewards, which it is compared with
  if (sparse_reward) mc.negative_reward = static_cast<float>(reward_scale * static_cast<float>(negative_reward) + reward_bias);
  return mc;
}

Dataset Dataset::load(const std::filesystem::path& path, DatasetOptions options) {
  const std::filesystem::path file = steps_file(path);
  options.source = file.string();
  if (!is_pack(file))
    return from_d4rl(
        read_all(*open_steps(file, {.observation_keys = options.observation_keys, .max_episode_steps = options.max_episode_steps})),
        options);

  Dataset d;
  d.pack_ = std::make_shared<const PackMap>(file);
  const PackSizes& s = d.pack_->sizes();
  d.obs_size_ = static_cast<int>(s.obs_size), d.action_size_ = static_cast<int>(s.action_size), d.steps_ = s.steps;
  check_sizes(d.steps_, d.obs_size_, d.action_size_, options);
  if (s.action_clip != static_cast<float>(options.action_clip))
    throw data_error(fmt::format("actions are clipped to +-{}, not +-{}", s.action_clip, options.action_clip), options.source,
                     "make the pack again with `warmstart data pack`");
  d.obs_ = d.pack_->rows().data(), d.action_ = d.obs_ + s.obs_size, d.ends_ = d.pack_->ends().data();
  d.obs_stride_ = d.action_stride_ = s.obs_size + s.action_size;
  d.next_ = s.has_next ? d.pack_->next().data() : nullptr;
  d.clipped_actions_ = s.clipped;
  d.make_rows(d.pack_->rewards(), d.pack_->terminals(), d.pack_->timeouts(), options);
  return d;
}

Dataset Dataset::from_d4rl(const D4rlFile& file, const DatasetOptions& options) {
  Dataset d;
  d.obs_size_ = file.observations.cols(), d.action_size_ = file.actions.cols();
  d.steps_ = static_cast<std::size_t>(file.observations.rows());
  if (const auto env = file.metadata.find("env"); env != file.metadata.end()) d.recorded_in_ = env->second;
  check_sizes(d.steps_, d.obs_size_, d.action_size_, options);
  check_finite_steps(file, options.source);
  const auto O = static_cast<std::size_t>(d.obs_size_);
  d.own_.obs.assign(file.observations.data(), file.observations.data() + file.observations.size());
  const auto clip = static_cast<float>(options.action_clip);
  d.own_.action.reserve(file.actions.size());
  for (const float a : std::span(file.actions.data(), file.actions.size())) {
    d.clipped_actions_ += std::abs(a) > clip;
    d.own_.action.push_back(std::clamp(a, -clip, clip));
  }
  if (file.next_observations.rows() > 0) {
    for (std::size_t i = 0; i < d.steps_; ++i) {
      const float* next = file.next_observations.row(static_cast<int>(i));
      const bool following = i + 1 < d.steps_ && std::memcmp(next, file.observations.row(static_cast<int>(i + 1)), O * sizeof(float)) == 0;
      d.own_.next.push_back(following ? kFollowing : static_cast<std::uint32_t>(d.own_.ends.size() / O));
      if (!following) d.own_.ends.insert(d.own_.ends.end(), next, next + O);
    }
    d.next_ = d.own_.next.data();
  }
  d.obs_ = d.own_.obs.data(), d.obs_stride_ = O;
  d.action_ = d.own_.action.data(), d.action_stride_ = static_cast<std::size_t>(d.action_size_);
  d.ends_ = d.own_.ends.data();
  d.make_rows(file.rewards, file.terminals, file.timeouts, options);
  return d;
}

void Dataset::make_rows(std::span<const float> rewards, std::span<const std::uint8_t> terminals, std::span<const std::uint8_t> timeouts,
                        const DatasetOptions& options) {
  check_rewards(rewards, options);
  std::vector<std::uint8_t> ended;
  if (options.final_reward > 0) {
    ended.assign(terminals.begin(), terminals.end());
    for (std::size_t i = 0; i < steps_; ++i) ended[i] |= rewards[i] >= options.final_reward;
    terminals = ended;
  }
  Episode current;
  add_episodes(rewards, terminals, timeouts, episodes_, current);
  if (current.length) episodes_.push_back(current);

  const McReturnOptions mc = options.mc_returns();
  const auto last_known = [&](const Episode& e) { return next_ || e.end == EpisodeEnd::kTerminal; };
  for (const Episode& e : episodes_) dropped_steps_ += !last_known(e);
  const std::size_t rows = steps_ - dropped_steps_;
  if (rows == 0)
    throw data_error(fmt::format("no transition is left: all {} steps end an episode by a time limit", steps_), options.source,
                     "add next_observations to the file, or record longer episodes");
  reward_.reserve(rows), mask_.reserve(rows), mc_return_.resize(rows), last_.resize(rows);
  if (dropped_steps_) step_.reserve(rows);
  for (const Episode& e : episodes_) {
    const std::size_t first = size();
    for (std::size_t i = e.start; i < e.start + e.length - !last_known(e); ++i) {
      if (dropped_steps_) step_.push_back(static_cast<std::uint32_t>(i));
      reward_.push_back(static_cast<float>(options.reward_scale * rewards[i] + options.reward_bias));
      mask_.push_back(terminals[i] ? 0.0f : 1.0f);
    }
    if (size() > first) last_[size() - 1] = true;
    mc_returns(std::span(reward_).subspan(first), std::span(mask_).subspan(first), mc,
               std::span(mc_return_).subspan(first, size() - first));
  }
}

Transition Dataset::at(std::size_t row) const {
  if (row >= size()) throw usage_error("no row " + std::to_string(row), "dataset", "give less than size(), " + std::to_string(size()));
  const auto O = static_cast<std::size_t>(obs_size_), A = static_cast<std::size_t>(action_size_);
  const std::size_t step = step_of(row);
  const bool following = !next_ || next_[step] == kFollowing;
  // behind the last step lies nothing; there it is a terminal, whose next observation carries no value
  const float* next = following ? observation(std::min(step + 1, steps_ - 1)) : ends_ + next_[step] * O;
  return {{observation(step), O}, {action_ + step * action_stride_, A}, reward_[row], mask_[row], {next, O}, mc_return_[row]};
}

void Dataset::sample(Rng& rng, BatchStorage& out, int first, int count) const {
  const auto n = static_cast<std::uint32_t>(size() - held_out());
  check_sample("dataset", n, static_cast<std::size_t>(obs_size_), static_cast<std::size_t>(action_size_), out, first, count);
  for (int i = first; i < first + count; ++i) {
    std::size_t row = rng.below(n);
    for (const Stretch& held : held_)
      if (row >= held.first) row += held.count;
    copy_steps(*this, row, n_step_, out, i);
  }
}

Dataset::Stretch Dataset::rows_of(const Episode& e) const {
  if (step_.empty()) return {e.start, e.length};
  const auto at = [&](std::size_t step) {
    return static_cast<std::size_t>(std::lower_bound(step_.begin(), step_.end(), static_cast<std::uint32_t>(step)) - step_.begin());
  };
  return {at(e.start), at(e.start + e.length) - at(e.start)};
}

void Dataset::hold_out(std::size_t rows) {
  constexpr std::size_t kLeast = 8, kPart = 20;
  held_.clear();
  if (rows == 0) return;
  const std::size_t all = episodes_.size();
  for (std::size_t n = std::min(all, std::max(kLeast, rows * all / size() + 1)); n > 0; --n) {
    held_.clear();
    for (std::size_t k = 0; k < n; ++k)
      if (const Stretch s = rows_of(episodes_[(2 * k + 1) * all / (2 * n)]); s.count > 0) held_.push_back(s);
    if (held_out() * kPart <= size()) return;
  }
  held_.clear();
}

std::size_t Dataset::held_out() const {
  std::size_t rows = 0;
  for (const Stretch& s : held_) rows += s.count;
  return rows;
}

bool Dataset::is_held_out(std::size_t row) const {
  return std::any_of(held_.begin(), held_.end(), [&](const Stretch& s) { return row - s.first < s.count; });
}

}  // namespace warmstart
