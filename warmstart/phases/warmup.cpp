#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "warmstart/core/error.h"
#include "warmstart/phases/online.h"
#include "warmstart/phases/train.h"

namespace warmstart {

ActorCritic start_online(const Recipe& recipe, ActorCritic pretrained) {
  const std::string& keep = recipe.finetune.initialise;
  const ObsNormalizer normalizer = pretrained.actor.normalizer;  // belongs to the data, whatever networks are kept
  if (keep != "both") {
    Rng rng(static_cast<std::uint64_t>(recipe.run.seed), "fresh networks at the switch");
    const int obs = pretrained.actor.spec.obs, action = pretrained.actor.spec.action;
    ActorCritic fresh(recipe.network, obs, action, recipe.agent.initial_temperature, recipe.cql.initial_alpha, rng);
    if (keep != "policy") {
      pretrained.actor = fresh.actor, pretrained.actor_adam = fresh.actor_adam;
      pretrained.temperature = fresh.temperature;
      pretrained.target_actor.clear();
    }
    if (keep != "critic") {
      pretrained.critic = fresh.critic, pretrained.critic_adam = fresh.critic_adam;
      pretrained.target_critic = fresh.target_critic;
      pretrained.critic_steps = 0;
      pretrained.value = {}, pretrained.value_adam = {};
    }
  }
  pretrained.actor.normalizer = normalizer;
  // exactly the networks that the online learner has
  const ExtraNetworks needed = agent_info(recipe.finetune.agent).networks;
  if (!needed.value && pretrained.has_value()) pretrained.value = {}, pretrained.value_adam = {};
  if (!needed.target_actor) pretrained.target_actor.clear();
  Rng extra(static_cast<std::uint64_t>(recipe.run.seed), "networks added at the switch");
  pretrained.add_networks(recipe.network, needed, extra);
  if (recipe.finetune.reset_optimiser) {
    pretrained.actor_adam.resize(pretrained.actor.params.size());
    pretrained.critic_adam.resize(pretrained.critic.params.size());
    if (pretrained.has_value()) pretrained.value_adam.resize(pretrained.value.params.size());
    for (PositiveScalar* s : {&pretrained.temperature, &pretrained.cql_alpha}) s->m = s->v = 0, s->steps = 0;
  }
  return pretrained;
}

namespace {

// The policy that acts online must be the one that was evaluated offline: a silent change here is what ruins a comparison.
void check_policy(Run& run) {
  const bool kept = run.recipe.finetune.initialise == "both" || run.recipe.finetune.initialise == "policy";
  if (!kept || run.state.evaluated_policy.empty()) return;
  if (run.policy->fingerprint() != run.state.evaluated_policy)
    throw data_error("the policy acting online is not the one evaluated offline", "switch to online", "report this; do not trust the run");
}

// Our rule for warm_up.steps = "auto": E is the mean TD error of the pre-trained critic over all steps so far. The critic is frozen
// here, so E changes only as the policy shows new states; when it stands still, the buffer holds what the critic will first learn from.
void end_when_error_is_steady(Run& run) {
  const WarmupConfig& c = run.recipe.warm_up;
  const std::int64_t step = run.state.online_steps;
  if (step % c.window != 0) return;
  std::vector<double>& errors = run.state.warm_up_errors;
  const Probe window = newest_probe(*run.buffer, static_cast<int>(c.window));
  errors.push_back(run.diagnostics.td_error(run.agent->state(), window, *run.backend).absolute);
  const auto mean_of_first = [&](std::size_t n) {
    return std::accumulate(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(n), 0.0) / static_cast<double>(n);
  };
  const std::size_t n = errors.size();
  const double now = mean_of_first(n);
  run.log("warm_up", step, {{"td_error", errors.back()}, {"td_error_so_far", now}});
  if (n < 3 || run.state.episodes == 0) return;
  const double before = mean_of_first(n - 1), earlier = mean_of_first(n - 2);
  if (std::abs(now - before) > c.tolerance * before || std::abs(before - earlier) > c.tolerance * earlier) return;
  run.state.warm_up_steps = step;
  run.note(fmt::format("the warm-up ends after {} steps: the critic's error stands at {:.3g}", step, now));
}

void fill_buffer(Run& run) {
  if (!run.state.switched) {
    check_policy(run);
    run.evaluate_and_log(*run.policy, "switch", 0);
    run.observe(0);
    run.state.switched = true;
  }
  while (run.state.online_steps < run.warm_up_steps()) {
    collect_step(run);  // the policy is frozen: nothing learns here
    if (run.recipe.warm_up.automatic()) end_when_error_is_steady(run);
    run.tick(run.state.online_steps, run.warm_up_steps());
  }
  if (run.recipe.warm_up.automatic() && run.state.warm_up_steps < 0) {
    run.state.warm_up_steps = run.state.online_steps;
    run.note(
        fmt::format("the warm-up ends after {} steps, warm_up.max_steps: the critic's error has not stood still", run.state.online_steps));
  }
  const std::int64_t steps = run.warm_up_steps();
  if (steps > 0) {
    if (!run.state.evaluating) {  // else all this was done before the evaluation that was interrupted
      if (run.diagnostics.on()) run.diagnostics.take_warmup(*run.buffer);
      run.observe(steps);
      run.judge_warm_up();
    }
    run.evaluate_and_log(*run.policy, "eval", steps);  // the same policy, so the curve stays flat to here
  }
  run.enter(Phase::kFinetune);
}

}  // namespace

void warmup(Run& run) { run.during(Phase::kWarmup, fill_buffer); }

}  // namespace warmstart
