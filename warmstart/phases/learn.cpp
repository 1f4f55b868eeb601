// What every phase does with its data: statistics of the observations, batches as the networks see them, learning from them, and a word
// when the numbers have sizes that nobody learns from.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/agents/divergence.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

constexpr std::size_t kLookedAt = 8192;  // rows whose observations are looked at

/// Sizes of what a learner is given.
struct Scale {
  double reward = 0;                   ///< largest magnitude
  std::vector<double> obs, deviation;  ///< [O] largest magnitude and std, as the networks see them
};

template <class Source>
Scale scale_of(const Source& from, std::size_t size, const ObsNormalizer& normalizer) {
  Scale out;
  for (std::size_t i = 0; i < size; ++i) out.reward = std::max(out.reward, std::abs(static_cast<double>(from.at(i).reward)));
  const auto width = static_cast<std::size_t>(from.obs_size());
  const std::size_t rows = std::min(size, kLookedAt);
  std::vector<float> seen(width);
  ObsStatistics statistics;
  statistics.resize(from.obs_size());
  out.obs.assign(width, 0.0), out.deviation.assign(width, 0.0);
  for (std::size_t k = 0; k < rows; ++k) {
    const auto obs = from.at(k * size / rows).obs;
    if (normalizer.on()) normalizer.apply(obs, seen);
    else std::copy(obs.begin(), obs.end(), seen.begin());
    for (std::size_t j = 0; j < width; ++j) out.obs[j] = std::max(out.obs[j], std::abs(static_cast<double>(seen[j])));
    statistics.add(seen);
  }
  for (std::size_t j = 0; j < width; ++j) out.deviation[j] = statistics.std(j);
  return out;
}

std::vector<std::string> words_on(const Scale& s, bool normalized) {
  std::vector<std::string> out;
  if (s.reward > kLargestScale || (s.reward > 0 && s.reward < kLeastReward))
    out.push_back(
        fmt::format("rewards {} {:.3g}, after env.reward_scale and env.reward_bias; learners expect them of order 1: multiply "
                    "env.reward_scale by {:g}",
                    s.reward > 1 ? "reach" : "are at most", s.reward, to_order_one(s.reward)));
  const auto largest = std::max_element(s.obs.begin(), s.obs.end());
  if (*largest > kLargestScale)
    out.push_back(fmt::format("observations reach {:.3g}{} (coordinate {}), and drown whatever is of order 1: {}", *largest,
                              normalized ? " after normalization" : "", largest - s.obs.begin(),
                              normalized ? "look for outliers in that coordinate" : "set data.normalize = \"dataset\", or \"running\""));
  // a constant coordinate is no news; one that varies unseen is
  std::size_t unseen = 0, least = 0;
  for (std::size_t j = 0; j < s.obs.size(); ++j)
    if (s.deviation[j] > 0 && s.obs[j] < kLeastObservation) ++unseen, least = j;
  if (unseen > 0)
    out.push_back(
        fmt::format("{} of {} coordinates of the observations stay below {:g}{} (coordinate {}: {:.3g}), which networks cannot "
                    "tell from 0: {}",
                    unseen, s.obs.size(), kLeastObservation, normalized ? " after normalization" : "", least, s.obs[least],
                    normalized ? "lower data.normalize_epsilon, e.g. to 0"
                               : "scale them, or set data.normalize = \"dataset\" with data.normalize_epsilon = 0"));
  return out;
}

}  // namespace

void Run::fit_normalizer() {
  if (!recipe.data.normalizes()) return;
  const bool has_data = recipe.pretrain.steps > 0 || recipe.needs_dataset_online();
  if (!has_data && !recipe.data.normalizes_online())
    throw usage_error("no dataset to take the observations' statistics from", "data.normalize and pretrain.steps",
                      "set data.normalize = \"running\" or \"none\", or pre-train");
  if (!has_data) return;
  const Dataset& data = dataset();
  ObsStatistics statistics;
  statistics.resize(data.obs_size());
  for (std::size_t row = 0; row < data.size(); ++row)
    if (!data.is_held_out(row)) statistics.add(data.at(row).obs);
  agent->state().actor.normalizer.set(statistics);
}

void Run::renew_normalizer() {
  if (recipe.data.normalizes_online()) agent->state().actor.normalizer.set(state.seen);
}

void Run::draw(const DataSource& from, BatchStorage& batch, int first, int count) {
  from.sample(state.data_rng, batch, first, count);
  for (Matrix* rows : {&batch.obs, &batch.next_obs}) agent->state().actor.normalizer.apply(rows->view().slice(first, count));
}

UpdateStats Run::learn(const Batch& batch, int utd, Noise& noise) {
  try {
    return agent->update(batch, utd, noise);
  } catch (const Diverged& error) {
    throw error.at(moment());
  }
}

void Run::fit_critic(const Batch& batch, Noise& noise) {
  try {
    agent->fit_critic(batch, noise);
  } catch (const Diverged& error) {
    throw error.at(moment());
  }
}

// The step that is being made.
std::string Run::moment() const {
  return fmt::format("{}, step {}", phase_name(state.phase),
                     state.phase == Phase::kPretrain ? state.pretrain_steps + 1 : state.online_steps);
}

void Run::check_parameters() {
  for (const auto& array : agent->state().arrays()) {
    const auto bad = std::find_if(array.values.begin(), array.values.end(), [](float x) { return !std::isfinite(x); });
    if (bad == array.values.end()) continue;
    constexpr int kRows = 256;
    Probe rows;
    if (buffer && buffer->stored() > 0) rows = newest_probe(*buffer, kRows);
    else if (dataset_) rows = probe_of(*dataset_, kRows);
    for (Matrix* m : {&rows.rows.obs, &rows.rows.next_obs}) agent->state().actor.normalizer.apply(*m);
    throw divergence({agent->name(), "parameter " + array.name, *bad, {}}, rows.batch(), recipe.agent, agent->state()).at(moment());
  }
}

void Run::judge_scale() {
  const ObsNormalizer& normalizer = agent->state().actor.normalizer;
  const bool offline = state.phase == Phase::kPretrain && dataset_;
  const Scale scale = offline ? scale_of(*dataset_, dataset_->size(), normalizer) : scale_of(*buffer, buffer->stored(), normalizer);
  if (!std::isfinite(scale.reward))
    throw data_error("a reward that is infinite after env.reward_scale and env.reward_bias", offline ? recipe.data.path : "replay buffer",
                     "lower env.reward_scale, so that rewards are of order 1");
  for (const std::string& words : words_on(scale, normalizer.on())) note("warning: " + words);
}

}  // namespace warmstart
