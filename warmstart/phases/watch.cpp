// What watches a run: diagnostics, the collapse monitor, and the best agent that roll-back returns to.
#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

const std::string kBest = "best/";  // before the names of the best agent's arrays in a checkpoint

}  // namespace

Measurements Run::measure_now() {
  if (!diagnostics.on()) return {};
  const bool offline = state.phase == Phase::kPretrain;
  const bool critic_learns = agent_info(offline ? recipe.pretrain.agent : recipe.finetune.agent).trains_critic;
  return diagnostics.measure(agent->state(), critic_learns, *backend, offline ? nullptr : buffer.get());
}

void Run::observe(std::int64_t step) {
  Measurements now = measure_now();
  if (now.empty()) return;
  if (state.phase != Phase::kPretrain) warn(step, monitor.measurement(step - warm_up_steps(), now));
  log("diagnostics", step, std::move(now));
}

void Run::warn(std::int64_t step, const std::vector<Warning>& warnings) {
  for (const Warning& w : warnings) {
    Measurements values = {{trouble_name(w.trouble), 1.0}};
    values.insert(values.end(), w.evidence.begin(), w.evidence.end());
    log("monitor", step, std::move(values));
    note(fmt::format("warning at step {}: {}", step, w.text));
  }
}

void Run::watch_evaluation(const std::string& kind, std::int64_t step, const Evaluation& e) {
  if (state.phase == Phase::kPretrain) return;
  const double value = eval_env_->spec().reports_success ? e.success_rate : e.return_mean;
  if (kind == "switch") monitor.start(value);
  if (recipe.monitor.roll_back && (!best_ || value >= best_->value)) best_ = Best{agent->state(), value, step};
  if (state.phase == Phase::kFinetune)
    warn(step, monitor.evaluation(step - warm_up_steps(), value, state.updates, [this] { return measure_now(); }));
}

void Run::judge_warm_up() {
  if (recipe.retention.mode != "none") return;
  const Probe seen = newest_probe(*buffer, static_cast<int>(buffer->size()));
  warn(state.online_steps, monitor.warm_up(seen.rows.reward));
}

void Run::warn_without_updates(std::int64_t step, bool at_end) {
  const auto rows = static_cast<std::int64_t>(buffer->added()), needed = recipe.rows_before_update();
  const std::string why =
      rows < needed
          ? fmt::format("learning starts with {} transitions ({}), and there are {}", needed,
                        recipe.finetune.min_buffer > 0 ? "finetune.min_buffer" : "finetune.batch * finetune.utd", rows)
          : fmt::format("{} learns from finished episodes alone, and none has ended (env.max_episode_steps sets a shorter time limit)",
                        recipe.finetune.agent);
  const std::int64_t made = step - warm_up_steps();
  const std::string text =
      at_end ? fmt::format("not one update in {} steps of fine-tuning: {}; the final policy is the one it began with", made, why)
             : fmt::format("no update in the first {} of {} steps of fine-tuning: {}", made, recipe.finetune.steps, why);
  warn(step, {{Trouble::kNoUpdates,
               text,
               {{"transitions", static_cast<double>(rows)},
                {"needed", static_cast<double>(needed)},
                {"episodes", static_cast<double>(state.episodes)}}}});
}

void Run::roll_back_if_wanted(std::int64_t step) {
  if (!best_ || !monitor.wants_roll_back()) return;
  agent->state() = best_->agent;
  policy->set_actor(std::make_shared<Actor>(best_->agent.actor));
  monitor.rolled_back();
  state.frozen_until = step + recipe.monitor.warm_up_steps;
  log("monitor", step, {{"rolled_back_to", static_cast<double>(best_->step)}, {"value", best_->value}});
  note(fmt::format("rolled back at step {} to the agent of step {}, evaluated at {:.4g}; what was collected stays", step, best_->step,
                   best_->value));
}

void Run::save_watch(StateWriter& out, SafeTensors& file) {
  monitor.save(out);
  out.put(best_.has_value());
  if (!best_) return;
  out.put(best_->value), out.put(best_->step);
  put_agent(best_->agent, file, kBest);
}

void Run::load_watch(StateReader& in, const SafeTensors& file, const std::string& where) {
  monitor.load(in);
  bool has_best;
  in.get(has_best);
  if (diagnostics.on()) diagnostics.get(file, where, agent->state());
  if (!has_best) return;
  best_ = Best{agent->state(), 0, 0};  // of the same shapes
  in.get(best_->value), in.get(best_->step);
  get_agent(file, where, best_->agent, kBest);
}

}  // namespace warmstart
