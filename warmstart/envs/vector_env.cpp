#include "warmstart/envs/vector_env.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"

namespace warmstart {

VectorEnv::VectorEnv(const EnvConfig& config, int count, std::uint64_t seed, int threads) : team_(threads) {
  if (count < 1) throw usage_error("no environments", config.id, "give a count of at least 1");
  for (int i = 0; i < count; ++i) envs_.push_back(make_env(config)), rngs_.emplace_back(seed, fmt::format("environment {}", i));
  steps_.resize(envs_.size());
  obs_.resize(envs_.size() * static_cast<std::size_t>(spec().obs_size));
}

Env& VectorEnv::env(int i) {
  if (i < 0 || i >= count())
    throw usage_error(fmt::format("no environment {}", i), "VectorEnv::env", fmt::format("give 0 to {}", count() - 1));
  return *envs_[static_cast<std::size_t>(i)];
}

void VectorEnv::take_obs(std::size_t i) {
  const auto from = envs_[i]->obs();
  std::copy(from.begin(), from.end(), obs_.begin() + static_cast<std::ptrdiff_t>(i * from.size()));
}

void VectorEnv::reset() {
  team_.for_each(count(), [&](int index, int) {
    const auto i = static_cast<std::size_t>(index);
    envs_[i]->reset(rngs_[i]);
    steps_[i] = {};
    take_obs(i);
  });
}

void VectorEnv::step(std::span<const double> actions) {
  const auto size = static_cast<std::size_t>(spec().action_size);
  if (actions.size() != envs_.size() * size)
    throw usage_error(fmt::format("{} numbers of actions", actions.size()), spec().id, fmt::format("give {} x {}", count(), size));
  team_.for_each(count(), [&](int index, int) {
    const auto i = static_cast<std::size_t>(index);
    if (steps_[i].terminated || steps_[i].truncated) envs_[i]->reset(rngs_[i]), steps_[i] = {};
    else steps_[i] = envs_[i]->step(actions.subspan(i * size, size));
    take_obs(i);
  });
}

}  // namespace warmstart
