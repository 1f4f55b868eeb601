// What of a recipe may change when a run is resumed: how long it trains, and what it writes, measures and calls itself.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "warmstart/core/error.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

bool begins(const std::string& key, const char* with) { return key.rfind(with, 0) == 0; }

// Budgets decide when a run pauses, and where a plug-in lies is not what it is: neither is worth a record.
const std::set<std::string> kUntold = {"run.max_steps", "run.max_seconds", "env.plugin", "env.plugin_timeout", "env.plugin_reset_timeout"};

bool decides_nothing(const std::string& key) {
  static const std::set<std::string> keys = {
      "name", "label", "summary", "run.log_every", "run.checkpoint_every", "run.checkpoint_seconds", "diagnostics.every", "monitor.on"};
  return keys.contains(key) || kUntold.contains(key) || begins(key, "eval.") || begins(key, "log.") || begins(key, "report.");
}

// The monitor goes by what is evaluated and measured, and with roll-back the run goes by the monitor.
bool decides_roll_back(const std::string& key) {
  return key == "monitor.on" || key == "run.log_every" || key == "diagnostics.every" ||
         (begins(key, "eval.") && key != "eval.pretrain_every");
}

}  // namespace

void Run::take_changes(const Recipe& was, const std::string& where) {
  const bool over = state.phase == Phase::kDone, online = state.phase != Phase::kPretrain;
  const std::int64_t made = std::max<std::int64_t>(0, state.online_steps - warm_up_steps());
  const std::string here = fmt::format("{}, step {}", phase_name(state.phase), online ? state.online_steps : state.pretrain_steps);
  const auto too_few = [&](const char* key, std::int64_t now, std::int64_t done) {
    return usage_error(fmt::format("{} = {} is less than the {} that this run has made", key, now, done), where,
                       fmt::format("give {} or more, or use another --out", done));
  };
  std::vector<std::string> locked;
  for (const KeyChange& change : differences(was, recipe)) {
    const auto lock = [&](const char* why = "") { locked.push_back(change.text() + why); };
    const std::size_t before = locked.size();
    if (change.key == "finetune.steps") {
      if (recipe.finetune.steps < made) throw too_few("finetune.steps", recipe.finetune.steps, made);
    } else if (change.key == "pretrain.steps" && !online) {
      if (recipe.pretrain.steps < state.pretrain_steps) throw too_few("pretrain.steps", recipe.pretrain.steps, state.pretrain_steps);
    } else if (change.key == "data.path" || change.key == "data.collect" || begins(change.key, "collect.")) {
      if (!online || recipe.needs_dataset_online()) lock();
    } else if (!decides_nothing(change.key)) {
      lock(change.key == "pretrain.steps" ? ", whose phase is over" : "");
    } else if ((was.monitor.roll_back || recipe.monitor.roll_back) && decides_roll_back(change.key)) {
      lock(", by which monitor.roll_back goes");
    }
    if (locked.size() > before || kUntold.contains(change.key)) continue;
    state.changes.push_back({here, change});
    keys_changed_ = true;
  }
  if (!locked.empty())
    throw usage_error(
        fmt::format("the recipe changed since this run was saved: {}", fmt::join(locked, "; ")), where,
        "give what is named here as it was, or use another --out; a resumed run may have a larger finetune.steps and other keys of "
        "evaluation, logging and report");
  for (const ResumedKey& key : state.changes)
    if (key.where == here) note("changed on resuming: " + key.change.text());
  if (over && recipe.finetune.steps > made) state.phase = Phase::kFinetune, goes_on_ = true;
}

}  // namespace warmstart
