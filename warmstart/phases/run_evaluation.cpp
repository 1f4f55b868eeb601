// How a run evaluates. A simulator is evaluated beside the training episode, in an environment of its own. A machine is one object:
// it is evaluated where an episode has ended, and the next training episode begins with a reset.
#include <fmt/format.h>

#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

constexpr double kQuiet = 1, kProgressEvery = 0.2;  // s: short evaluations need no line
constexpr std::int64_t kLateEnough = 20;            // late steps before a word about them
constexpr double kLateFraction = 0.01;

}  // namespace

std::shared_ptr<Env> Run::training_env() {
  if (one_env_) return eval_env_;
  return make_env(recipe.env);
}

void Run::cut_episode() {
  if (!source || !source->in_episode()) return;
  source->cut_episode();
  buffer->close_episode();
  note(fmt::format("step {}: the episode under way ends here, as by a time limit: it cannot be saved, and the evaluation needs the machine",
                   state.online_steps));
}

bool Run::evaluation_begins(bool due) {
  if (!one_env_) return due;
  if (due && state.evaluation_due) cut_episode();  // it has waited as long as evaluations are apart
  state.evaluation_due = state.evaluation_due || due;
  if (!state.evaluation_due || source->in_episode()) return false;
  state.evaluation_due = false;
  return true;
}

Evaluation Run::evaluate_and_log(Policy& who, const std::string& kind, std::int64_t step) {
  check_parameters();
  if (one_env_) cut_episode();
  state.evaluating = true, state.evaluation_due = false;
  between_steps_ = true;
  const auto began = Clock::now();
  const auto show = [&](int episode, std::int64_t t) {
    if (!options.progress || seconds_since(began) < kQuiet || seconds_since(last_progress_) < kProgressEvery) return;
    last_progress_ = Clock::now();
    Progress p{.phase = state.phase};
    p.activity = fmt::format("evaluating: episode {} of {}, step {}", episode, recipe.eval.episodes, t);
    options.progress(p);
  };
  Evaluation e;
  try {
    e = evaluate(
        *eval_env_, who, recipe.eval.episodes, static_cast<std::uint64_t>(recipe.evaluation_seed()),
        {.safety = recipe.safety, .max_steps = recipe.eval.max_steps, .before_step = [&] { stop_if_asked(step); }, .on_step = show});
  } catch (const Error& error) {
    if (error.code() == Exit::kInterrupted) throw;  // saved already
    save_and_rethrow(error);
  }
  state.evaluating = false;
  std::vector<std::pair<std::string, double>> values = {
      {"return_mean", e.return_mean}, {"return_std", e.return_std}, {"success_rate", e.success_rate}, {"episode_length", e.length_mean}};
  if (!std::isnan(e.normalized)) values.emplace_back("normalized", e.normalized);
  if (e.cut > 0) values.emplace_back("episodes_cut", e.cut);
  log(kind, step, std::move(values));
  last_return_ = e.return_mean;
  if (eval_env_->spec().reports_success) last_success_ = e.success_rate;
  note(fmt::format("{} at step {}: return {:.2f}{}",
                   kind == "switch" ? "switch to online" : fmt::format("{} evaluation", phase_name(state.phase)), step, e.return_mean,
                   last_success_ ? fmt::format(", success {:.0f}%", 100 * e.success_rate) : ""));
  if (const std::string text = cut_warning(e, recipe.eval.max_steps); !text.empty()) note(text);
  watch_evaluation(kind, step, e);
  return e;
}

double Run::control_period() const {
  if (!eval_env_ || (recipe.env.plugin.empty() && !one_env_)) return 0;
  return eval_env_->spec().control_seconds;
}

std::string Run::control_warning() const {
  const ControlRate& c = state.control;
  if (!one_env_ || c.late < kLateEnough || c.late_fraction() < kLateFraction) return "";
  return fmt::format(
      "{:.1f}% of the steps came later than the task's control period of {:g} s, the worst after {:.3g} s: smaller networks or less "
      "finetune.utd learn in time (docs/own-environment.md)",
      100 * c.late_fraction(), control_period(), c.worst);
}

void Run::note_interval(double gap) {
  const bool counts = !std::exchange(between_steps_, false) && !std::isnan(gap);
  if (const double period = control_period(); counts && period > 0) state.control.add(gap, period);
  if (told_late_) return;
  const std::string text = control_warning();
  if (text.empty()) return;
  told_late_ = true;
  note("warning: " + text);
}

}  // namespace warmstart
