#include "warmstart/phases/experience.h"

#include <fmt/format.h>

#include <cmath>

#include "warmstart/core/stop.h"
#include "warmstart/phases/agent_file.h"

namespace warmstart {

LocalExperience::LocalExperience(std::shared_ptr<Env> env, Rng rng, const SafetyConfig& safety)
    : env_(std::move(env)),
      rng_(rng),
      filter_(safety, env_->spec().action_size),
      obs_(env_->spec().obs_size),
      next_obs_(env_->spec().obs_size),
      action_(env_->spec().action_size),
      command_(env_->spec().action_size) {}

void LocalExperience::take_obs(std::vector<float>& out) const {
  const auto obs = env_->obs();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(obs[i]);
}

Experience LocalExperience::next(Policy& policy) {
  failed_ = true;  // until this step is through
  if (!in_episode_) {
    env_->reset(rng_);
    filter_.begin_episode();
    take_obs(obs_);
    in_episode_ = true, timed_ = false, return_ = 0, success_ = false, length_ = 0;
  } else if (length_ > 0) {
    std::swap(obs_, next_obs_);
  }
  policy.act(obs_, false, action_);
  filter_.apply(action_);
  for (std::size_t i = 0; i < command_.size(); ++i) command_[i] = action_[i];
  const auto now = std::chrono::steady_clock::now();
  const double gap = timed_ ? std::chrono::duration<double>(now - commanded_).count() : std::numeric_limits<double>::quiet_NaN();
  commanded_ = now, timed_ = true;
  const Step step = env_->step(command_);
  take_obs(next_obs_);
  return_ += step.reward, success_ = success_ || step.success, ++length_;
  in_episode_ = !(step.terminated || step.truncated);
  failed_ = false;
  return {obs_, action_, next_obs_, step, gap, !in_episode_, return_, success_, length_};
}

void LocalExperience::save(StateWriter& out) const {
  const bool whole = can_save();
  out.put(whole), out.put(rng_);
  if (!whole) return;
  env_->save(out);
  out.put(in_episode_), out.put(return_), out.put(success_), out.put(length_);
  out.put(obs_), out.put(next_obs_);
  filter_.save(out);
}

void LocalExperience::load(StateReader& in) {
  bool whole;
  in.get(whole), in.get(rng_);
  in_episode_ = failed_ = false;
  if (!whole) return;
  env_->load(in);
  in.get(in_episode_), in.get(return_), in.get(success_), in.get(length_);
  in.get(obs_), in.get(next_obs_);
  filter_.load(in);
}

Evaluation evaluate(Env& env, Policy& policy, int episodes, std::uint64_t seed, const EvaluateOptions& options) {
  if (episodes < 1) throw usage_error(std::to_string(episodes) + " episodes", "evaluate", "give at least 1");
  Rng rng(seed, "evaluation");
  const EnvSpec& spec = env.spec();
  check_fits(policy.actor().spec, spec, "the checkpoint");
  std::vector<float> obs(spec.obs_size), action(spec.action_size);
  std::vector<double> command(spec.action_size), returns;
  Evaluation result{.episodes = episodes};
  ActionFilter filter(options.safety, spec.action_size);
  const std::int64_t most = options.max_steps > 0 ? options.max_steps : kLongestEvaluation;
  double score = 0;
  for (int e = 0; e < episodes; ++e) {
    env.reset(rng);
    filter.begin_episode();
    double total = 0, solved = 0;
    bool success = false;
    int length = 0;
    for (Step step; !(step.terminated || step.truncated);) {
      if (length == most) {
        ++result.cut;
        break;
      }
      if (options.before_step) options.before_step();
      else stop_unsaved_if_asked("evaluating");
      for (std::size_t i = 0; i < obs.size(); ++i) obs[i] = static_cast<float>(env.obs()[i]);
      policy.act(obs, options.deterministic, action);
      filter.apply(action);
      for (std::size_t i = 0; i < command.size(); ++i) command[i] = action[i];
      step = env.step(command);
      total += step.reward, success = success || step.success, ++length;
      solved = std::max(solved, step.solved);
      if (options.on_step) options.on_step(e + 1, length);
    }
    returns.push_back(total);
    score += normalized_score(spec, total, solved);
    result.return_mean += total;
    result.success_rate += success;
    result.length_mean += length;
  }
  // sums first: twenty successes of twenty are 1, not a little more
  result.return_mean /= episodes, result.success_rate /= episodes, result.length_mean /= episodes;
  double squares = 0;
  for (double r : returns) squares += (r - result.return_mean) * (r - result.return_mean);
  result.return_std = std::sqrt(squares / episodes);
  result.normalized = score / episodes;
  if (options.returns) *options.returns = returns;
  return result;
}

std::string cut_warning(const Evaluation& e, std::int64_t max_steps) {
  if (e.cut == 0) return "";
  return fmt::format("warning: {} of {} evaluation episodes had not ended after {} steps and were cut; eval.max_steps is the bound", e.cut,
                     e.episodes, max_steps > 0 ? max_steps : kLongestEvaluation);
}

}  // namespace warmstart
