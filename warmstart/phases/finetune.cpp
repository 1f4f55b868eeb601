#include <algorithm>

#include "warmstart/phases/online.h"
#include "warmstart/phases/train.h"

namespace warmstart {
namespace {

// Mean Q of all critics on the most recent online states: the curve that shows a collapse first.
double q_on_recent(Run& run) {
  constexpr std::size_t kRecent = 256;
  const ActorCritic& ac = run.agent->state();
  const ReplayBuffer& buffer = *run.buffer;
  const int rows = static_cast<int>(std::min(kRecent, buffer.stored()));
  BatchStorage batch;
  batch.resize(rows, ac.actor.spec.obs, ac.actor.spec.action);
  for (int i = 0; i < rows; ++i) copy_row(buffer.at(buffer.stored() - rows + i), batch, i);
  std::vector<int> members(ac.critic.spec.members);
  for (std::size_t i = 0; i < members.size(); ++i) members[i] = static_cast<int>(i);
  Matrix q(ac.critic.spec.members, rows);
  run.backend->q_values(ac.critic, ac.critic.params, members, batch.obs, batch.action, 1, q);
  double sum = 0;
  for (std::size_t i = 0; i < q.size(); ++i) sum += q.data()[i];
  return sum / static_cast<double>(q.size());
}

// One slice after another, so that each has its share of offline rows; or all at once, as the reference does.
void draw(const DataSource& from, Rng& rng, const Recipe& recipe, BatchStorage& batch) {
  const int rows = recipe.finetune.batch, slices = recipe.finetune.utd;
  if (!recipe.retention.interleave) return from.sample(rng, batch, 0, rows * slices);
  for (int slice = 0; slice < slices; ++slice) from.sample(rng, batch, slice * rows, rows);
}

// Share of offline rows after `step` steps of fine-tuning.
double offline_share(const RetentionConfig& r, std::int64_t step) {
  if (r.mode != "annealed") return r.ratio;
  const double done = std::min(1.0, static_cast<double>(step) / static_cast<double>(r.anneal_steps));
  return r.ratio + (r.final_ratio - r.ratio) * done;
}

std::uint64_t rows_before_first_update(const Recipe& recipe) {
  if (recipe.finetune.min_buffer > 0) return static_cast<std::uint64_t>(recipe.finetune.min_buffer);
  std::int64_t rows = recipe.finetune.batch * recipe.finetune.utd;
  if (agent_info(recipe.finetune.agent).needs_mc_return)  // an episode must have ended
    rows = std::max<std::int64_t>(rows, time_limit(recipe.env));
  return static_cast<std::uint64_t>(rows);
}

}  // namespace

void finetune(Run& run) {
  if (run.state.phase != Phase::kFinetune) return;
  const Recipe& recipe = run.recipe;
  const ActorCritic& ac = run.agent->state();
  const std::int64_t steps = recipe.online_steps(), began = recipe.warm_up_steps();
  const std::uint64_t min_buffer = rows_before_first_update(recipe);

  std::unique_ptr<Mixture> mixture;
  if (recipe.retention.mode == "mixed" || recipe.retention.mode == "annealed")
    mixture = std::make_unique<Mixture>(*run.buffer, run.dataset(), recipe.retention.ratio);
  const DataSource& data = mixture ? static_cast<const DataSource&>(*mixture) : *run.buffer;
  BatchStorage batch;
  RandomNoise noise(run.state.noise_rng);

  // a critic learned from the warm-up, before the policy moves
  while (run.state.critic_fits < recipe.finetune.critic_fit_steps) {
    batch.resize(recipe.finetune.batch, ac.actor.spec.obs, ac.actor.spec.action);
    data.sample(run.state.data_rng, batch, 0, recipe.finetune.batch);
    run.agent->fit_critic(batch.view(data.has_mc_return()), noise);
    run.tick(++run.state.critic_fits, recipe.finetune.critic_fit_steps + 1);
  }

  batch.resize(recipe.finetune.batch * recipe.finetune.utd, ac.actor.spec.obs, ac.actor.spec.action);
  if (run.state.evaluating && run.state.online_steps < steps) run.evaluate_and_log(*run.policy, "eval", run.state.online_steps);
  while (run.state.online_steps < steps) {
    collect_step(run);
    if (mixture) mixture->set_offline_share(offline_share(recipe.retention, run.state.online_steps - began));
    if (run.buffer->added() >= min_buffer && data.size() > 0) {
      draw(data, run.state.data_rng, recipe, batch);
      run.meter.add(run.agent->update(batch.view(data.has_mc_return()), recipe.finetune.utd, noise));
      run.policy->set_actor(std::make_shared<Actor>(ac.actor));
      ++run.state.updates;
    }
    const std::int64_t step = run.state.online_steps;
    if (step % recipe.run.log_every == 0 && run.meter.count() > 0) {
      auto values = run.meter.take();
      values.emplace_back("q_online", q_on_recent(run));
      run.log("train", step, std::move(values));
    }
    if (recipe.eval.every > 0 && step % recipe.eval.every == 0 && step < steps) run.evaluate_and_log(*run.policy, "eval", step);
    run.tick(step - began, steps - began);
  }
  run.evaluate_and_log(*run.policy, "eval", steps);
  run.enter(Phase::kDone);
}

}  // namespace warmstart
