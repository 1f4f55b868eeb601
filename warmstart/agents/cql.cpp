#include "warmstart/agents/cql.h"

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/nn/cql_term.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {

Fields CqlConfig::fields() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  Fields f("cql");
  f.add("use_loss", use_loss, {"add the conservative term at all", "", "off: the same agent with the TD loss alone"});
  f.add("use_td_loss", use_td_loss, {"keep the temporal-difference term", "", "off only for diagnosis"});
  f.add("alpha", alpha, {"weight of the conservative term when it is not tuned", "", "1 on Adroit, 5 on Kitchen and locomotion", 0, 1e6});
  f.add("online_alpha", online_alpha,
        {"alpha of the online phase, fixed there; nan = as offline", "", "to keep a weaker term online", 0, 1e6, {}, true});
  f.add("online_use_loss", online_use_loss, {"keep the conservative term online", "", "off: the CQL agent with the TD loss alone online"});
  f.add("autotune_alpha", autotune_alpha, {"tune alpha so that the gap meets target_gap", "", "on for AntMaze"});
  f.add("initial_alpha", initial_alpha, {"first value of a tuned alpha", "", "higher is pessimistic from the first step", 1e-6, 1e6});
  f.add("alpha_lr", alpha_lr,
        {"Adam's learning rate of alpha", "per optimiser step", "higher when the gap is slow to reach its target", 0, 1});
  f.add("target_gap", target_gap, {"gap a tuned alpha steers to", "units of Q", "lower is more pessimistic", -kInf, kInf});
  f.add("fresh_alpha_draws", fresh_alpha_draws,
        {"alpha's loss repeats the gap with fresh actions (exactly the reference) instead of reusing the critic's", "",
         "for number-for-number comparison; costs about a quarter more"});
  f.add("actions", actions, {"n: random, current and next actions each", "actions", "fewer cost less and are coarser", 1, 1000});
  f.add("random_actions", random_actions,
        choice("distribution of the random actions", "normal for actions that cluster around 0", {"uniform", "normal"}));
  f.add("temperature", temperature, {"T of the logsumexp", "", "lower comes closer to the maximum over actions", 1e-6, 1e6});
  f.add("importance_sampling", importance_sampling, {"subtract log densities inside the logsumexp", "", "off for Kitchen"});
  f.add("max_target_backup", max_target_backup,
        {"target = best of n sampled next actions", "", "off for less optimism and a cheaper step"});
  f.add("floor_random_actions", floor_random_actions, {"Cal-QL's floor on the random actions too", "", "ablations of Cal-QL"});
  f.add("clip_min", clip_min, {"lower clip of the gap (fixed alpha only)", "units of Q", "when a negative gap runs away", -kInf, kInf});
  f.add("clip_max", clip_max, {"upper clip of the gap (fixed alpha only)", "units of Q", "when the gap runs away", -kInf, kInf});
  return f;
}

CqlConfig CqlConfig::online() const {
  CqlConfig c = *this;
  if (!std::isnan(online_alpha)) c.alpha = online_alpha, c.autotune_alpha = false;
  c.use_loss = use_loss && online_use_loss;
  return c;
}

Cql::Cql(const AgentConfig& config, const CqlConfig& cql, ActorCritic start, Backend& backend)
    : Sac(config, std::move(start), backend), cql_(cql) {
  cql_.fields().check("CqlConfig");
  if (config.backup_entropy)
    throw usage_error("CQL has no entropy in its target", "agent.backup_entropy", "set agent.backup_entropy = false");
}

CqlTerm Cql::draw_term(const Batch& batch, const char* loss, Noise& noise) {
  const int b = batch.rows(), a = ac_.actor.spec.action, n = cql_.actions, total = 3 * n;
  const bool squash = ac_.actor.spec.squash;
  actions_.resize(b * total, a);
  density_.resize(static_cast<std::size_t>(b) * total);
  const auto place = [&](ConstMatrixView from, std::span<const float> log_density, int first) {
    for (int i = 0; i < b; ++i) {
      std::copy_n(from.row(i * n), static_cast<std::size_t>(n) * a, actions_.row(i * total + first));
      std::copy_n(log_density.data() + static_cast<std::size_t>(i) * n, n, density_.data() + static_cast<std::size_t>(i) * total + first);
    }
  };
  random_.resize(b * n, a), noise_.resize(b * n, a), sampled_.resize(b * n, a);
  log_prob_.assign(static_cast<std::size_t>(b) * n, static_cast<float>(a * std::log(0.5)));
  const Draw random{loss, "cql_random_actions"};
  cql_.random_actions == "normal" ? noise.normal(random, n, random_) : noise.uniform(random, n, random_);
  place(random_, log_prob_, 0);
  const auto place_policy = [&](const Heads& heads, const char* what, int first) {
    noise.normal({loss, what}, n, noise_);
    sample_actions(heads.mean, heads.log_std, noise_, squash, sampled_, log_prob_);
    place(sampled_, log_prob_, first);
  };
  place_policy(at_obs_, "cql_current_action_noise", n);
  place_policy(at_next_, "cql_next_action_noise", 2 * n);

  choose_members({loss, "cql_redq_subset_indices"}, noise, members_);
  CqlTerm term{.action = actions_, .actions_per_state = total, .members = members_};
  if (cql_.importance_sampling) term.log_density = density_;
  if (cql_.calibrated) {  // this is Cal-QL
    if (batch.mc_return.empty())
      throw usage_error("Cal-QL needs Monte-Carlo returns", "pretrain.agent",
                        "use a dataset of whole episodes, or set pretrain.agent = \"cql\"");
    term.floor = batch.mc_return;
    term.floored_from = cql_.floor_random_actions ? 0 : n;
  }
  term.temperature = static_cast<float>(cql_.temperature);
  term.alpha = static_cast<float>(cql_.autotune_alpha ? ac_.cql_alpha.value() : cql_.alpha);
  if (!cql_.autotune_alpha) {  // the reference does not clip what a tuned alpha multiplies
    term.clip_min = static_cast<float>(cql_.clip_min);
    term.clip_max = static_cast<float>(cql_.clip_max);
  }
  return term;
}

void Cql::step_critic(const Batch& batch, Noise& noise, UpdateStats& stats) {
  CriticLoss loss{batch.obs, batch.action, {}, nullptr};
  if (cql_.use_td_loss) loss.target = td_target(batch, noise, stats);
  CqlTerm term;
  if (cql_.use_loss) {
    term = draw_term(batch, "critic", noise);
    loss.cql = &term;
  }
  const CriticStats seen =
      backend_.critic_step(ac_.critic, ac_.critic_adam, critic_adam(), loss, &ac_.target_critic, static_cast<float>(config_.tau));
  ++ac_.critic_steps;
  stats.critic_loss = stats.td_loss = seen.td_loss;
  stats.q_mean = seen.q_mean;
  if (!cql_.use_loss) return;
  stats.cql_gap = seen.cql_gap;
  stats.cql_ood = seen.cql_ood;
  stats.cql_alpha = term.alpha;
  stats.cql_loss = seen.cql_loss - (cql_.autotune_alpha ? cql_.target_gap : 0.0);
  stats.critic_loss += term.alpha * stats.cql_loss;
  if (cql_.calibrated) stats.calql_bound_rate = seen.bound_rate;
  if (cql_.autotune_alpha && !cql_.fresh_alpha_draws) set_alpha_gradient(seen.cql_gap, stats);
}

// loss = -alpha * (gap - target gap): a multiplier on "gap <= target"
void Cql::multiplier_gradient(const Batch& batch, Networks moved, Noise& noise, UpdateStats& stats) {
  if (!cql_.autotune_alpha || !moved.actor) return;
  if (moved.critic && cql_.use_loss && !cql_.fresh_alpha_draws) return;  // the critic's own gap will do
  set_alpha_gradient(mean_gap(batch, draw_term(batch, "cql_alpha", noise)), stats);
}

void Cql::set_alpha_gradient(double gap, UpdateStats& stats) {
  stats.cql_alpha_loss = -ac_.cql_alpha.value() * (gap - cql_.target_gap);
  alpha_gradient_ = static_cast<float>(-ac_.cql_alpha.value_slope() * (gap - cql_.target_gap));
}

void Cql::step_multiplier(Networks moved) {
  if (!cql_.autotune_alpha) return;
  if (moved.actor) ac_.cql_alpha.step({.learning_rate = cql_.alpha_lr}, alpha_gradient_);
  else if (config_.idle_adam_steps) ac_.cql_alpha.step({.learning_rate = cql_.alpha_lr}, 0);
}

double Cql::mean_gap(const Batch& batch, const CqlTerm& term) {
  const int b = batch.rows(), n = term.actions_per_state, a = ac_.actor.spec.action;
  with_data_.resize(b * (n + 1), a);  // the data action rides along as action n
  for (int i = 0; i < b; ++i) {
    std::copy_n(term.action.row(i * n), static_cast<std::size_t>(n) * a, with_data_.row(i * (n + 1)));
    std::copy_n(batch.action.row(i), a, with_data_.row(i * (n + 1) + n));
  }
  q_.resize(static_cast<int>(term.members.size()), b * (n + 1));
  backend_.q_values(ac_.critic, ac_.critic.params, term.members, batch.obs, with_data_, n + 1, q_);
  double total = 0;
  for (int m = 0; m < q_.rows(); ++m)
    for (int i = 0; i < b; ++i) {
      const float* q = q_.row(m) + static_cast<std::size_t>(i) * (n + 1);
      total += cql_row(term, i, q, q[n], nullptr, nullptr).gap;
    }
  return total / (static_cast<double>(q_.rows()) * b);
}

}  // namespace warmstart
