#include "warmstart/data/replay_buffer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/data/dataset.h"
#include "warmstart/data/segment_log.h"

namespace warmstart {
namespace {

bool same(std::span<const float> a, std::span<const float> b) { return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0; }

void check_finite(const char* what, std::span<const float> values, const char* remedy) {
  for (const float v : values)
    if (!std::isfinite(v))
      throw Error(Exit::kDiverged, fmt::format("{} {} of a new transition", std::isnan(v) ? "NaN in the" : "infinity in the", what),
                  "replay buffer", remedy);
}

}  // namespace

ReplayBuffer::ReplayBuffer(std::size_t capacity, int obs_size, int action_size)
    : capacity_(capacity), obs_size_(static_cast<std::size_t>(obs_size)), action_size_(static_cast<std::size_t>(action_size)) {
  if (capacity == 0 || capacity > UINT32_MAX || obs_size < 1 || action_size < 1)
    throw usage_error(fmt::format("a buffer of {} rows, observation size {}, action size {}", capacity, obs_size, action_size),
                      "replay buffer", "all must be at least 1, and rows below 4294967296");
}
ReplayBuffer::~ReplayBuffer() = default;
ReplayBuffer::ReplayBuffer(ReplayBuffer&&) noexcept = default;
ReplayBuffer& ReplayBuffer::operator=(ReplayBuffer&&) noexcept = default;

float* ReplayBuffer::row(std::uint64_t number) {
  const std::size_t s = slot(number);
  return blocks_[s / kBlockRows].get() + s % kBlockRows * row_floats();
}
const float* ReplayBuffer::row(std::uint64_t number) const { return const_cast<ReplayBuffer*>(this)->row(number); }

void ReplayBuffer::add(std::span<const float> obs, std::span<const float> action, float reward, float mask,
                       std::span<const float> next_obs) {
  if (obs.size() != obs_size_ || next_obs.size() != obs_size_ || action.size() != action_size_)
    throw usage_error(
        fmt::format("a transition of {} observations, {} actions and {} next observations", obs.size(), action.size(), next_obs.size()),
        "replay buffer", fmt::format("give {}, {} and {}", obs_size_, action_size_, obs_size_));
  constexpr const char* kTask = "the task gave it: its simulation has diverged; repair it, then go on with --resume";
  check_finite("observation", obs, kTask);
  check_finite("action", action,
               "the policy gave it: begin again with a lower agent.actor_lr, or with observations of order 1 (data.normalize)");
  check_finite("reward", {&reward, 1},
               "it is the task's, times env.reward_scale, plus env.reward_bias: lower env.reward_scale, or repair the task");
  check_finite("next observation", next_obs, kTask);

  // take the place of the oldest row
  if (stored() == capacity_) {
    if (mc_options_ && mc_options_->negative_reward) {
      const Transition t = numbered(oldest_);
      lost_success_ = end(0) == RowEnd::kNone && (lost_success_ || t.reward != *mc_options_->negative_reward);
    }
    if (own_next_[slot(oldest_)]) nexts_.erase(oldest_);
    ++oldest_;
  }
  // the row before keeps its own end unless this row starts there
  if (stored() > 0 && !same(obs, last_next_)) {
    nexts_[added_ - 1] = last_next_;
    own_next_[slot(added_ - 1)] = 1;
  }
  const std::size_t s = slot(added_);
  if (s >= own_next_.size()) own_next_.resize(s + 1), end_.resize(s + 1);
  own_next_[s] = 0, end_[s] = RowEnd::kNone;
  while (blocks_.size() <= s / kBlockRows) blocks_.push_back(nullptr);
  auto& block = blocks_[s / kBlockRows];
  if (!block) block = std::make_unique<float[]>(std::min(kBlockRows, capacity_) * row_floats());
  float* r = row(added_);
  std::copy(obs.begin(), obs.end(), r);
  std::copy(action.begin(), action.end(), r + obs_size_);
  r[obs_size_ + action_size_] = reward;
  r[obs_size_ + action_size_ + 1] = mask;
  last_next_.assign(next_obs.begin(), next_obs.end());
  if (mc_options_ && mc_return_.size() <= s) mc_return_.resize(s + 1);
  ++added_;
}

void ReplayBuffer::append_dataset(const Dataset& data) {
  if (data.obs_size() != obs_size() || data.action_size() != action_size())
    throw data_error(fmt::format("dataset rows have sizes {} and {}, buffer rows {} and {}", data.obs_size(), data.action_size(), obs_size_,
                                 action_size_),
                     "retention = append", "use a dataset of the same task");
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data.is_held_out(i)) continue;
    const Transition t = data.at(i);
    add(t.obs, t.action, t.reward, t.mask, t.next_obs);
    if (!data.follows(i)) end_episode();
  }
}

Transition ReplayBuffer::numbered(std::uint64_t number) const {
  const float* r = row(number);
  const float* next = number + 1 == added_ ? last_next_.data() : own_next_[slot(number)] ? nexts_.at(number).data() : row(number + 1);
  return {{r, obs_size_},
          {r + obs_size_, action_size_},
          r[obs_size_ + action_size_],
          r[obs_size_ + action_size_ + 1],
          {next, obs_size_},
          mc_options_ ? mc_return_[slot(number)] : 0.0f};
}

Transition ReplayBuffer::at(std::size_t i) const {
  if (i >= stored()) throw usage_error(fmt::format("no row {}", i), "replay buffer", fmt::format("give less than stored(), {}", stored()));
  return numbered(oldest_ + i);
}

void ReplayBuffer::sample(Rng& rng, BatchStorage& out, int first, int count) const {
  check_sample("replay buffer", size(), obs_size_, action_size_, out, first, count);
  const auto n = static_cast<std::uint32_t>(size());
  for (int i = first; i < first + count; ++i) copy_steps(*this, rng.below(n), n_step_, out, i);
}

RowEnd ReplayBuffer::end(std::size_t i) const {
  assert(i < stored());
  return end_[slot(oldest_ + i)];
}

bool ReplayBuffer::follows(std::size_t i) const {
  const std::uint64_t number = oldest_ + i;
  return number + 1 < added_ && end_[slot(number)] == RowEnd::kNone && !own_next_[slot(number)];
}

void ReplayBuffer::check_new(const char* call) const {
  if (added_ != 0) throw usage_error(std::string(call) + " of a buffer that holds transitions", "replay buffer", "call it on a new one");
}

void ReplayBuffer::keep_mc_returns(const McReturnOptions& options) {
  check_new("keep_mc_returns");
  mc_options_ = options;
}

void ReplayBuffer::end_episode() {
  if (stored() == 0) return;
  end_[slot(added_ - 1)] = numbered(added_ - 1).mask == 0 ? RowEnd::kTerminal : RowEnd::kTimeout;
  if (mc_options_) fill_mc_returns(std::max(finished_, oldest_), added_);
  finished_ = added_;
}

void ReplayBuffer::close_episode() {
  if (episode_open()) end_episode();
}

void ReplayBuffer::fill_mc_returns(std::uint64_t begin, std::uint64_t end) {
  std::vector<float> rewards, masks, returns(end - begin);
  for (std::uint64_t k = begin; k < end; ++k) {
    const Transition t = numbered(k);
    rewards.push_back(t.reward), masks.push_back(t.mask);
  }
  McReturnOptions options = *mc_options_;
  if (begin == oldest_ && lost_success_) options.negative_reward.reset();
  mc_returns(rewards, masks, options, returns);
  for (std::uint64_t k = begin; k < end; ++k) mc_return_[slot(k)] = returns[k - begin];
}

std::size_t ReplayBuffer::bytes() const {
  std::size_t blocks = 0;
  for (const auto& b : blocks_) blocks += b != nullptr;
  return (blocks * std::min(kBlockRows, capacity_) * row_floats() + nexts_.size() * obs_size_) * sizeof(float);
}

void ReplayBuffer::start_at(std::uint64_t number) {
  oldest_ = added_ = number;
  nexts_.clear();
  std::fill(own_next_.begin(), own_next_.end(), 0);
  std::fill(end_.begin(), end_.end(), RowEnd::kNone);
}

std::uint64_t ReplayBuffer::append_new_rows(const std::filesystem::path& folder) {
  if (!log_ || log_->folder() != folder) {
    log_ = nullptr;
    log_ = SegmentLog::create(folder, obs_size_, action_size_);
  }
  log_->append(*this);
  return added_;
}

void ReplayBuffer::read(const std::filesystem::path& folder, std::uint64_t committed) {
  check_new("read");
  SegmentLog::read(folder, obs_size_, action_size_, committed, *this);
}

void ReplayBuffer::restore(const std::filesystem::path& folder, std::uint64_t committed, std::uint64_t finished, bool lost_success) {
  check_new("restore");
  log_ = SegmentLog::open(folder, obs_size_, action_size_, committed, *this);
  finished_ = finished, lost_success_ = lost_success;
  // closed after its rows were written, and nothing has been added since
  if (finished == added_ && episode_open()) end_[slot(added_ - 1)] = RowEnd::kTimeout;
  if (finished > added_ || (finished > oldest_ && end_[slot(finished - 1)] == RowEnd::kNone))
    throw data_error(fmt::format("the rows of the replay buffer do not end an episode at row {}, as the checkpoint says", finished),
                     folder.string(), "restore the folder from a copy, or start again with --overwrite");
  if (!mc_options_) return;
  for (std::uint64_t k = oldest_, begin = oldest_; k < finished_; ++k)
    if (end_[slot(k)] != RowEnd::kNone) fill_mc_returns(begin, k + 1), begin = k + 1;
}

}  // namespace warmstart
