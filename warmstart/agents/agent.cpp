#include "warmstart/agents/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "warmstart/agents/divergence.h"
#include "warmstart/core/error.h"

namespace warmstart {

Fields AgentConfig::fields() {
  Fields f("agent");
  f.add("discount", discount, {"discount factor gamma per step", "", "longer horizons", 0, 1});
  f.add("tau", tau,
        {"Polyak step: target = tau * critic + (1 - tau) * target", "",
         "larger for short runs and small networks, smaller when Q climbs without end", 0, 1});
  f.add("actor_lr", actor_lr,
        {"Adam's learning rate of the actor", "per optimiser step", "lower when the policy forgets at once, higher for short runs", 0, 1});
  f.add("critic_lr", critic_lr,
        {"Adam's learning rate of the critics", "per optimiser step", "lower when Q diverges, higher for short runs", 0, 1});
  f.add("temperature_lr", temperature_lr,
        {"Adam's learning rate of the temperature", "per optimiser step", "higher when the entropy stays off its target", 0, 1});
  f.add("num_min_qs", num_min_qs,
        {"M: target critics drawn for the minimum in the target; 0 = all", "", "1 on AntMaze for RLPD, 2 otherwise", 0, 1000});
  f.add("subset_with_replacement", subset_with_replacement,
        {"draw the M members with replacement, as the reference implementation does", "", "off for RLPD and as the paper reads"});
  f.add("actor_delay", actor_delay,
        {"critic steps between actor steps", "critic steps", "2 for TD3; with an update ratio above it, it changes nothing", 1, 1e6});
  f.add("n_step", n_step,
        {"rewards summed before the target's Q, n-step returns", "steps", "3 to 5 for sparse rewards; biased by old data", 1, 1000});
  f.add("actor_reduce", actor_reduce,
        choice("the actor climbs the min of all N critics, their mean, or the first critic alone", "mean for RLPD and REDQ, first for TD3",
               {"min", "mean", "first"}));
  f.add("backup_entropy", backup_entropy, {"subtract temperature * log pi in the target", "", "textbook SAC"});
  f.add("max_target_backup", max_target_backup, {"online target = best of `backup_actions` sampled actions", "", "on for AntMaze"});
  f.add("backup_actions", backup_actions,
        {"actions sampled for max_target_backup", "actions", "fewer are cheaper, more are more optimistic", 1, 1000});
  f.add("target_noise", target_noise, {"std of Gaussian noise on the target's actions; 0 = none", "", "0.3 for SO2, 0.2 for TD3", 0, 10});
  f.add("target_noise_clip", target_noise_clip, {"bound of that noise", "", "0.6 for SO2, 0.5 for TD3", 0, 10});
  f.add("initial_temperature", initial_temperature,
        {"temperature before the first update", "", "lower keeps a good start close at first", 1e-6, 1e6});
  f.add("target_entropy", target_entropy,
        {"entropy the temperature steers to; nan = minus the action size",
         "nats",
         "lower for precise motions, higher to explore more",
         -1e9,
         1e9,
         {},
         true});
  f.add("temperature_at", temperature_at,
        choice("states at which the temperature's loss samples actions", "obs for RLPD", {"next_obs", "obs"}));
  f.add("idle_adam_steps", idle_adam_steps,
        {"networks not updated in a gradient step still make an Adam step with zero gradient, as in the reference implementation", "",
         "off for the paper's reading"});
  f.add("bc_weight", bc_weight,
        {"share of a behaviour-cloning term in the actor loss", "", "above 0 to hold the policy near the data", 0, 1});
  return f;
}

void UpdateStats::average(UpdateStats last, int count) {
  std::array<double, kCount> values;
  std::size_t i = 0, k = 0;
  last.visit([&](const char*, double& value) { values[i++] = value; });
  visit([&](const char*, double& mean) {
    mean = count == 1 ? values[k] : mean + (values[k] - mean) / count;
    ++k;
  });
}

Agent::Agent(const AgentConfig& config, ActorCritic ac, Backend& backend) : config_(config), ac_(std::move(ac)), backend_(backend) {
  config_.fields().check("AgentConfig");
  if (config_.num_min_qs > ac_.critic.spec.members && !config_.subset_with_replacement)
    throw usage_error("subset larger than the ensemble", "agent.num_min_qs and network.num_qs",
                      "lower agent.num_min_qs or raise network.num_qs");
}

UpdateStats Agent::update(const Batch& batch, int utd, Noise& noise) {
  check(batch);
  if (utd < 1) throw usage_error(fmt::format("an update ratio of {}", utd), "Agent::update", "give 1 or more critic steps");
  return learn(batch, utd, noise);
}

void Agent::fit_critic(const Batch& batch, Noise& noise) {
  check(batch);
  learn_critic(batch, noise);
}

// Sizes alone: a batch is a bundle of views, and what lies behind a wrong one is somebody else's memory.
void Agent::check(const Batch& b) const {
  const int rows = b.rows(), o = ac_.actor.spec.obs, a = ac_.actor.spec.action;
  const auto column = [&](std::span<const float> c, bool may_be_empty) {
    return c.size() == static_cast<std::size_t>(rows) || (may_be_empty && c.empty());
  };
  if (rows < 1 || b.obs.cols != o || b.next_obs.rows != rows || b.next_obs.cols != o || b.action.rows != rows || b.action.cols != a ||
      !column(b.reward, false) || !column(b.mask, false) || !column(b.mc_return, true) ||
      (b.next_action.rows != 0 && (b.next_action.rows != rows || b.next_action.cols != a)))
    throw usage_error(
        fmt::format("a batch of obs [{},{}], action [{},{}], reward [{}], mask [{}], next_obs [{},{}], mc_return [{}], next_action [{},{}]",
                    rows, b.obs.cols, b.action.rows, b.action.cols, b.reward.size(), b.mask.size(), b.next_obs.rows, b.next_obs.cols,
                    b.mc_return.size(), b.next_action.rows, b.next_action.cols),
        "agent " + name(), fmt::format("give B rows of {} observations and {} actions", o, a));
  if (reads_mc_return() && b.mc_return.empty())
    throw usage_error("a batch without Monte-Carlo returns", "agent " + name(), "give Batch::mc_return, one number a row");
}

void Agent::learn_critic(const Batch&, Noise&) {
  throw usage_error("agent " + name() + " has no critic to fit", "finetune.agent and finetune.critic_fit_steps",
                    "set finetune.critic_fit_steps = 0");
}

Batch Agent::slice_of(const Batch& batch, int i, int slices) {
  const int rows = batch.rows() / slices;
  if (rows * slices != batch.rows())
    throw usage_error("batch not divisible by the update ratio", "finetune.batch and finetune.utd", "make the batch a multiple of utd");
  return batch.slice(i * rows, rows);
}

void Agent::choose_members(Draw draw, Noise& noise, std::vector<int>& members) const {
  const int n = ac_.critic.spec.members;
  members.resize(config_.num_min_qs == 0 ? n : config_.num_min_qs);
  if (config_.num_min_qs == 0) std::iota(members.begin(), members.end(), 0);
  else noise.subset(draw, n, config_.subset_with_replacement, members);
}

void Agent::least_q(const FloatVector& params, ConstMatrixView obs, ConstMatrixView action, int n, Draw draw, Noise& noise, Column& q) {
  choose_members(draw, noise, chosen_);
  // a member drawn twice is the same minimum
  std::sort(chosen_.begin(), chosen_.end());
  chosen_.erase(std::unique(chosen_.begin(), chosen_.end()), chosen_.end());
  member_q_.resize(static_cast<int>(chosen_.size()), action.rows);
  backend_.q_values(ac_.critic, params, chosen_, obs, action, n, member_q_);
  q.assign(member_q_.row(0), member_q_.row(0) + action.rows);
  for (int m = 1; m < member_q_.rows(); ++m)
    for (int i = 0; i < action.rows; ++i) q[i] = std::min(q[i], member_q_(m, i));
}

std::vector<int> Agent::climbed_members() const {
  std::vector<int> members(config_.actor_reduce == "first" ? 1 : ac_.critic.spec.members);
  std::iota(members.begin(), members.end(), 0);
  return members;
}

void Agent::perturb(MatrixView action, ConstMatrixView noise) const {
  const auto std = static_cast<float>(config_.target_noise), bound = static_cast<float>(config_.target_noise_clip);
  for (std::size_t i = 0; i < action.size(); ++i)
    action.data[i] = std::clamp(action.data[i] + std::clamp(std * noise.data[i], -bound, bound), -1.0f, 1.0f);
}

bool Agent::actor_moves(int critic_steps) const {
  const std::int64_t delay = config_.actor_delay;
  return (ac_.critic_steps + critic_steps) / delay > ac_.critic_steps / delay;
}

double mean_of(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squared_distance(ConstMatrixView a, ConstMatrixView b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a.data[i]) - b.data[i], 2);
  return sum;
}

void Agent::check_finite(const Batch& batch, Losses losses, const UpdateStats& stats) {
  for (const auto& [quantity, value] : losses)
    if (!(std::abs(value) <= std::numeric_limits<float>::max())) throw divergence({name(), quantity, value, before_}, batch, config_, ac_);
  before_ = stats;
}

}  // namespace warmstart
