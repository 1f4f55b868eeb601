#include "warmstart/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/data/checked_steps.h"
#include "warmstart/data/mc_return.h"

namespace warmstart {
namespace {

StepsLayout layout_of(const D4rlFile& file, const std::string& source) {
  return {.path = source,
          .steps = static_cast<std::size_t>(file.observations.rows()),
          .obs_size = file.observations.cols(),
          .action_size = file.actions.cols(),
          .has_next = file.next_observations.rows() > 0,
          .metadata = file.metadata,
          .action_low = file.action_low,
          .action_high = file.action_high};
}

// A pack was checked and its actions were mapped when it was made; what is left is whether it is this task's.
Findings check_pack(const PackMap& pack, const std::string& source, const DatasetOptions& options) {
  const PackSizes& s = pack.sizes();
  const StepsLayout layout = {.format = StepsFormat::kPack,
                              .path = source,
                              .steps = s.steps,
                              .obs_size = static_cast<int>(s.obs_size),
                              .action_size = static_cast<int>(s.action_size),
                              .has_next = s.has_next,
                              .metadata = pack.metadata(),
                              .action_low = pack.action_low(),
                              .action_high = pack.action_high()};
  const auto count = [&](const ActionRange& range) {
    ActionCount all;
    Matrix slab;
    for (std::size_t done = 0; done < s.steps; done += static_cast<std::size_t>(slab.rows())) {
      slab.resize(static_cast<int>(std::min<std::size_t>(kSlabSteps, s.steps - done)), static_cast<int>(s.action_size));
      std::copy_n(pack.actions().data() + done * s.action_size, slab.size(), slab.data());
      all.add(slab, range);
    }
    return all;
  };
  Findings found;
  const bool fits = options.action_size == 0 || layout.action_size == options.action_size;
  ActionUnits units;
  if (fits && layout.action_size > 0) units = action_units(layout, options, count, found);
  if (!units.file.unit())
    add_problem(found, fmt::format("the actions of this pack are {}, not -1 .. 1", units.file.text()),
                "make the pack again with `warmstart data pack` and --env, --env-plugin, or --action-low and --action-high");
  StepsCheck check(layout, options, std::move(units), std::move(found));
  D4rlFile rewards;
  rewards.rewards.assign(pack.rewards().begin(), pack.rewards().end());
  check.add_rewards(rewards.rewards);
  return check.finish();
}

}  // namespace

McReturnOptions DatasetOptions::mc_returns() const {
  McReturnOptions mc{.discount = discount, .infinite_horizon = infinite_horizon};
  // through the same rounding as the rewards, which it is compared with
  if (sparse_reward) mc.negative_reward = static_cast<float>(reward_scale * static_cast<float>(negative_reward) + reward_bias);
  return mc;
}

Dataset Dataset::load(const std::filesystem::path& path, DatasetOptions options) {
  const std::filesystem::path file = steps_file(path);
  options.source = file.string();
  if (!is_pack(file)) {
    Findings findings;
    D4rlFile steps = read_checked(*open_checked(file, options), findings);
    return from(std::move(steps), options, std::move(findings));
  }

  Dataset d;
  d.pack_ = std::make_shared<const PackMap>(file);
  const PackSizes& s = d.pack_->sizes();
  d.obs_size_ = static_cast<int>(s.obs_size), d.action_size_ = static_cast<int>(s.action_size), d.steps_ = s.steps;
  d.findings_ = check_pack(*d.pack_, options.source, options);
  throw_problems(d.findings_, options.source);
  if (s.action_clip != static_cast<float>(options.action_clip))
    throw data_error(fmt::format("actions are clipped to +-{}, not +-{}", s.action_clip, options.action_clip), options.source,
                     "make the pack again with `warmstart data pack`");
  if (const auto env = d.pack_->metadata().find("env"); env != d.pack_->metadata().end()) d.recorded_in_ = env->second;
  d.obs_ = d.pack_->rows().data(), d.action_ = d.obs_ + s.obs_size, d.ends_ = d.pack_->ends().data();
  d.obs_stride_ = d.action_stride_ = s.obs_size + s.action_size;
  d.next_ = s.has_next ? d.pack_->next().data() : nullptr;
  d.clipped_actions_ = s.clipped;
  d.make_rows(d.pack_->rewards(), d.pack_->terminals(), d.pack_->timeouts(), options);
  return d;
}

Dataset Dataset::from_d4rl(D4rlFile file, const DatasetOptions& options) {
  const StepsLayout layout = layout_of(file, options.source);
  const auto count = [&](const ActionRange& range) {
    ActionCount all;
    all.add(file.actions, range);
    return all;
  };
  Findings found;
  ActionUnits units;
  const bool fits = options.action_size == 0 || layout.action_size == options.action_size;
  if (layout.steps > 0 && layout.action_size > 0 && fits) units = action_units(layout, options, count, found);
  StepsCheck check(layout, options, std::move(units), std::move(found));
  if (layout.steps > 0) check.add(file, nullptr);
  Findings findings = check.finish();
  throw_problems(findings, options.source);
  return from(std::move(file), options, std::move(findings));
}

Dataset Dataset::from(D4rlFile&& file, const DatasetOptions& options, Findings findings) {
  Dataset d;
  d.findings_ = std::move(findings);
  d.obs_size_ = file.observations.cols(), d.action_size_ = file.actions.cols();
  d.steps_ = static_cast<std::size_t>(file.observations.rows());
  if (const auto env = file.metadata.find("env"); env != file.metadata.end()) d.recorded_in_ = env->second;
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
  std::vector<std::uint8_t> ended;
  if (options.final_reward > 0) {
    ended.assign(terminals.begin(), terminals.end());
    for (std::size_t i = 0; i < steps_; ++i) ended[i] |= rewards[i] >= options.final_reward;
    terminals = ended;
  }
  std::vector<std::uint8_t> goes_on(steps_, 0);
  for (std::size_t i = 0; next_ && i < steps_; ++i) goes_on[i] = next_[i] == kFollowing;
  Episode current;
  add_episodes(rewards, terminals, timeouts, episodes_, current, goes_on);
  if (current.length) episodes_.push_back(current);

  // returns end at every flag
  std::vector<Episode> cut;
  current = {};
  add_episodes(rewards, terminals, timeouts, cut, current);
  if (current.length) cut.push_back(current);
  const McReturnOptions mc = options.mc_returns();
  const auto last_known = [&](const Episode& e) { return next_ || e.end == EpisodeEnd::kTerminal; };
  for (const Episode& e : cut) dropped_steps_ += !last_known(e);
  const std::size_t rows = steps_ - dropped_steps_;
  if (rows == 0)
    throw data_error(fmt::format("no transition is left: all {} steps end an episode by a time limit", steps_), options.source,
                     "add next_observations to the file, or record longer episodes");
  reward_.reserve(rows), mask_.reserve(rows), mc_return_.resize(rows), last_.resize(rows);
  if (dropped_steps_) step_.reserve(rows);
  for (const Episode& e : cut) {
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
  std::vector<const Episode*> usable;
  std::size_t useful = size();  // without the ends that a record went on behind
  for (const Episode& e : episodes_) {
    const bool learns = e.terminals < e.length;
    if (learns) usable.push_back(&e);
    useful -= e.terminals - (learns && e.terminals > 0);
  }
  const std::size_t all = usable.size();
  for (std::size_t n = all ? std::min(all, std::max(kLeast, rows * all / useful + 1)) : 0; n > 0; --n) {
    held_.clear();
    for (std::size_t k = 0; k < n; ++k)
      if (const Stretch s = rows_of(*usable[(2 * k + 1) * all / (2 * n)]); s.count > 0) held_.push_back(s);
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
