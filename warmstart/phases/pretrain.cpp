#include "warmstart/phases/online.h"
#include "warmstart/phases/train.h"

namespace warmstart {

namespace {

void learn_offline(Run& run) {
  const Recipe& recipe = run.recipe;
  const std::int64_t steps = recipe.pretrain.steps;
  BatchStorage batch;
  RandomNoise noise(run.state.noise_rng);

  const auto evaluate_now = [&] {
    Policy now(std::make_shared<Actor>(run.agent->state().actor), Rng(0, ""));
    run.evaluate_and_log(now, "eval", run.state.pretrain_steps);
  };
  if (run.state.evaluating && run.state.pretrain_steps < steps) evaluate_now();
  while (run.state.pretrain_steps < steps) {
    const Dataset& data = run.dataset();
    batch.resize(recipe.pretrain.batch, data.obs_size(), data.action_size());
    run.draw(data, batch, 0, recipe.pretrain.batch);
    run.meter.add(run.learn(batch.view(data.has_mc_return()), 1, noise));

    const std::int64_t step = ++run.state.pretrain_steps;
    run.log_training(step);
    if (step % recipe.observe_every() == 0) run.observe(step);
    const std::int64_t every = recipe.eval.pretrain_every;
    if (every > 0 && step % every == 0 && step < steps) evaluate_now();
    run.tick(step, steps);
  }

  Policy trained(std::make_shared<Actor>(run.agent->state().actor), Rng(0, ""));
  run.evaluate_and_log(trained, "eval", steps);
  run.state.evaluated_policy = trained.fingerprint();
  run.enter(Phase::kWarmup);
}

}  // namespace

void pretrain(Run& run) { run.during(Phase::kPretrain, learn_offline); }

}  // namespace warmstart
