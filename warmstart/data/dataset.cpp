#include "warmstart/data/dataset.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/data/mc_return.h"

namespace warmstart {
namespace {

void check_finite(const std::string& source, const std::string& key, std::span<const float> values, std::size_t cols) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw data_error(fmt::format("{} in {}, row {}{}", std::isnan(values[i]) ? "NaN" : "infinity", key, i / cols,
                                   cols > 1 ? fmt::format(", column {}", i % cols) : ""),
                       source, "remove the episode that holds this row from the file; `warmstart data info` counts such values");
}

void check_sizes(const D4rlFile& file, const DatasetOptions& o) {
  const auto check = [&](const char* what, int found, int expected) {
    if (expected && found != expected)
      throw data_error(fmt::format("{} have size {}, but task {} has {}", what, found, o.task.empty() ? "(unnamed)" : o.task, expected),
                       o.source, "choose the task that the data were recorded in (--env), or another dataset");
  };
  check("observations", file.observations.cols(), o.obs_size);
  check("actions", file.actions.cols(), o.action_size);
}

}  // namespace

std::vector<Episode> episodes_of(const D4rlFile& file) {
  std::vector<Episode> episodes;
  Episode current;
  for (std::size_t i = 0; i < file.rewards.size(); ++i) {
    ++current.length;
    current.reward_sum += file.rewards[i];
    if (!file.terminals[i] && !file.timeouts[i]) continue;
    current.end = file.terminals[i] ? EpisodeEnd::kTerminal : EpisodeEnd::kTimeout;
    episodes.push_back(current);
    current = {.start = i + 1};
  }
  if (current.length) episodes.push_back(current);
  return episodes;
}

McReturnOptions DatasetOptions::mc_returns() const {
  McReturnOptions mc{.discount = discount, .infinite_horizon = infinite_horizon};
  // through the same rounding as the rewards, which it is compared with
  if (sparse_reward) mc.negative_reward = static_cast<float>(reward_scale * static_cast<float>(negative_reward) + reward_bias);
  return mc;
}

Dataset Dataset::load(const std::filesystem::path& path, DatasetOptions options) {
  options.source = path.string();
  return from_d4rl(read_d4rl(path), options);
}

Dataset Dataset::from_d4rl(const D4rlFile& file, const DatasetOptions& options) {
  const auto steps = static_cast<std::size_t>(file.observations.rows());
  const auto O = static_cast<std::size_t>(file.observations.cols()), A = static_cast<std::size_t>(file.actions.cols());
  if (steps == 0) throw data_error("the dataset is empty", options.source, "record at least one episode with `warmstart collect`");
  if (O == 0 || A == 0)
    throw data_error(fmt::format("{} have size 0", O == 0 ? "observations" : "actions"), options.source, "every step needs both");
  check_sizes(file, options);
  const bool has_next = file.next_observations.rows() > 0;
  check_finite(options.source, "observations", {file.observations.data(), file.observations.size()}, O);
  check_finite(options.source, "actions", {file.actions.data(), file.actions.size()}, A);
  check_finite(options.source, "rewards", file.rewards, 1);
  if (has_next) check_finite(options.source, "next_observations", {file.next_observations.data(), file.next_observations.size()}, O);

  Dataset d;
  d.obs_size_ = static_cast<int>(O), d.action_size_ = static_cast<int>(A);
  d.episodes_ = episodes_of(file);
  d.states_.assign(file.observations.data(), file.observations.data() + file.observations.size());

  const auto next_state = [&](std::size_t i) -> std::uint32_t {
    if (!has_next) return static_cast<std::uint32_t>(i + 1 < steps ? i + 1 : i);
    const float* next = file.next_observations.row(static_cast<int>(i));
    if (i + 1 < steps && std::memcmp(next, file.observations.row(static_cast<int>(i + 1)), O * sizeof(float)) == 0)
      return static_cast<std::uint32_t>(i + 1);
    d.states_.insert(d.states_.end(), next, next + O);
    return static_cast<std::uint32_t>(d.states_.size() / O - 1);
  };
  const auto keep = [&](std::size_t i) {
    const float* action = file.actions.row(static_cast<int>(i));
    const auto clip = static_cast<float>(options.action_clip);
    for (std::size_t j = 0; j < A; ++j) {
      d.clipped_actions_ += std::abs(action[j]) > clip;
      d.action_.push_back(std::clamp(action[j], -clip, clip));
    }
    d.state_.push_back(static_cast<std::uint32_t>(i));
    d.next_state_.push_back(next_state(i));
    d.reward_.push_back(static_cast<float>(options.reward_scale * file.rewards[i] + options.reward_bias));
    d.mask_.push_back(file.terminals[i] ? 0.0f : 1.0f);
  };

  const McReturnOptions mc = options.mc_returns();
  for (const Episode& e : d.episodes_) {
    const std::size_t first = d.size();
    const bool last_known = has_next || e.end == EpisodeEnd::kTerminal;
    for (std::size_t i = e.start; i < e.start + e.length - !last_known; ++i) keep(i);
    d.dropped_steps_ += !last_known;
    d.mc_return_.resize(d.size());
    mc_returns(std::span(d.reward_).subspan(first), std::span(d.mask_).subspan(first), mc, std::span(d.mc_return_).subspan(first));
  }
  if (d.size() == 0)
    throw data_error(fmt::format("no transition is left: all {} steps end an episode by a time limit", steps), options.source,
                     "add next_observations to the file, or record longer episodes");
  return d;
}

Transition Dataset::at(std::size_t row) const {
  const auto O = static_cast<std::size_t>(obs_size_), A = static_cast<std::size_t>(action_size_);
  return {{states_.data() + state_[row] * O, O},
          {action_.data() + row * A, A},
          reward_[row],
          mask_[row],
          {states_.data() + next_state_[row] * O, O},
          mc_return_[row]};
}

void Dataset::sample(Rng& rng, BatchStorage& out, int first, int count) const {
  const auto n = static_cast<std::uint32_t>(size());
  for (int i = first; i < first + count; ++i) copy_steps(*this, rng.below(n), n_step_, out, i);
}

}  // namespace warmstart
