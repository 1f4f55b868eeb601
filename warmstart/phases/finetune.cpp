#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/phases/online.h"
#include "warmstart/phases/train.h"

namespace warmstart {
namespace {

// One slice after another, so that each has its share of offline rows; or all at once, as the reference does.
void draw(Run& run, const DataSource& from, BatchStorage& batch) {
  const int rows = run.recipe.finetune.batch, slices = run.recipe.finetune.utd;
  if (!run.recipe.retention.interleave) return run.draw(from, batch, 0, rows * slices);
  for (int slice = 0; slice < slices; ++slice) run.draw(from, batch, slice * rows, rows);
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

void learn_online(Run& run) {
  const Recipe& recipe = run.recipe;
  const ActorCritic& ac = run.agent->state();
  const std::int64_t began = run.warm_up_steps(), steps = began + recipe.finetune.steps;
  const std::int64_t every = recipe.observe_every();
  const std::uint64_t min_buffer = rows_before_first_update(recipe);

  std::unique_ptr<Mixture> mixture;
  if (recipe.retention.mode == "mixed" || recipe.retention.mode == "annealed")
    mixture = std::make_unique<Mixture>(*run.buffer, run.dataset(), recipe.retention.ratio);
  const DataSource& data = mixture ? static_cast<const DataSource&>(*mixture) : *run.buffer;
  BatchStorage batch;
  RandomNoise noise(run.state.noise_rng);
  run.policy->set_exploration_noise(run.agent->exploration_noise());

  // a critic learned from the warm-up, before the policy moves
  if (run.state.critic_fits < recipe.finetune.critic_fit_steps && data.size() == 0)
    throw usage_error("no finished episode to fit the critic on", "finetune.critic_fit_steps and warm_up.steps",
                      "make the warm-up at least one episode long");
  if (run.state.critic_fits < recipe.finetune.critic_fit_steps) {
    run.renew_normalizer();
    run.policy->set_actor(std::make_shared<Actor>(ac.actor));
  }
  while (run.state.critic_fits < recipe.finetune.critic_fit_steps) {
    batch.resize(recipe.finetune.batch, ac.actor.spec.obs, ac.actor.spec.action);
    run.draw(data, batch, 0, recipe.finetune.batch);
    run.fit_critic(batch.view(data.has_mc_return()), noise);
    run.tick(++run.state.critic_fits, recipe.finetune.critic_fit_steps + 1);
  }

  batch.resize(recipe.finetune.batch * recipe.finetune.utd, ac.actor.spec.obs, ac.actor.spec.action);
  const auto evaluate_now = [&] {
    run.evaluate_and_log(*run.policy, "eval", run.state.online_steps);
    run.roll_back_if_wanted(run.state.online_steps);
  };
  if ((run.state.evaluating || run.evaluation_begins(false)) && run.state.online_steps < steps) evaluate_now();
  while (run.state.online_steps < steps) {
    collect_step(run);
    if (mixture) mixture->set_offline_share(offline_share(recipe.retention, run.state.online_steps - began));
    if (run.buffer->added() >= min_buffer && data.size() > 0 && run.state.online_steps > run.state.frozen_until) {
      run.renew_normalizer();
      if (run.state.updates == 0) run.judge_scale();
      draw(run, data, batch);
      run.meter.add(run.learn(batch.view(data.has_mc_return()), recipe.finetune.utd, noise));
      run.policy->set_actor(std::make_shared<Actor>(ac.actor));
      ++run.state.updates;
    }
    const std::int64_t step = run.state.online_steps;
    run.log_training(step);
    if (run.state.updates > 0 && step % every == 0) run.observe(step);
    if (run.evaluation_begins(recipe.eval.every > 0 && step % recipe.eval.every == 0) && step < steps) evaluate_now();
    run.tick(step - began, steps - began);
  }
  run.evaluate_and_log(*run.policy, "eval", steps);
  run.enter(Phase::kDone);
}

}  // namespace

void finetune(Run& run) { run.during(Phase::kFinetune, learn_online); }

}  // namespace warmstart
