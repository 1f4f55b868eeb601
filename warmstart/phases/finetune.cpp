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

void learn_online(Run& run) {
  const Recipe& recipe = run.recipe;
  const ActorCritic& ac = run.agent->state();
  const std::int64_t began = run.warm_up_steps(), steps = began + recipe.finetune.steps;
  const std::int64_t every = recipe.observe_every();
  // a good part of the run: whoever has not learned by then hears of it while there is time
  const std::int64_t look = began + std::max<std::int64_t>(1, recipe.finetune.steps / 4);
  // as the reference counts the warm-up, a run ends a step after a round number: its final evaluation stands for both
  const std::int64_t last_between = steps - (recipe.eval.every > 1 && recipe.warm_up.reference_count ? 2 : 1);

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
  // stopped in the middle of one; that of a shorter run's end may fall between ours
  const bool on_time = recipe.eval.every > 0 && run.state.online_steps % recipe.eval.every == 0;
  const bool interrupted = run.state.evaluating && (on_time || run.one_environment());
  if ((interrupted || run.evaluation_begins(false)) && run.state.online_steps < steps) evaluate_now();
  while (run.state.online_steps < steps) {
    collect_step(run);
    if (mixture) mixture->set_offline_share(offline_share(recipe.retention, run.state.online_steps - began));
    // rows that can be drawn: where Monte-Carlo returns are needed, an episode must have ended
    const bool enough = run.buffer->added() >= static_cast<std::uint64_t>(recipe.rows_before_update()) && run.buffer->size() > 0;
    if (enough && run.state.online_steps > run.state.frozen_until) {
      run.renew_normalizer();
      if (run.state.updates == 0) run.judge_scale();
      draw(run, data, batch);
      run.meter.add(run.learn(batch.view(data.has_mc_return()), recipe.finetune.utd, noise));
      run.policy->set_actor(std::make_shared<Actor>(ac.actor));
      if (run.state.updates++ == 0) run.state.first_update = run.state.online_steps;
    }
    const std::int64_t step = run.state.online_steps;
    if (step == look && run.state.updates == 0) run.warn_without_updates(step, false);
    run.log_training(step);
    if (run.state.updates > 0 && step % every == 0) run.observe(step);
    const bool due = recipe.eval.every > 0 && step % recipe.eval.every == 0 && step <= last_between;
    if (run.evaluation_begins(due) && step < steps) evaluate_now();
    run.tick(step - began, steps - began);
  }
  run.evaluate_and_log(*run.policy, "eval", steps);
  if (recipe.finetune.steps > 0 && run.state.updates == 0) run.warn_without_updates(steps, true);
  run.enter(Phase::kDone);
}

}  // namespace

void finetune(Run& run) { run.during(Phase::kFinetune, learn_online); }

}  // namespace warmstart
