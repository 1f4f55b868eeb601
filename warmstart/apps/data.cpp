// `warmstart data info FILE` and `warmstart data verify FILE --env ID`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/data/summary.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

constexpr std::size_t kReplayed = 500;     // transitions, spread over the file
constexpr double kReplayTolerance = 1e-2;  // relative to max(1, |value|)
constexpr double kReplayShare = 0.05;      // that may exceed it: contacts start without the solver's last solution

struct Options {
  std::string file, env, keys;
  bool json = false;
};

struct Findings {
  std::vector<std::string> problems, notes;
};

void check_range(const ValueRange& r, const char* key, Findings& found) {
  if (r.bad)
    found.problems.push_back(fmt::format("{} NaN or infinite values in {}, first in row {}: remove that episode", r.bad, key, r.first_bad));
}

void check_shapes(const DatasetSummary& s, const EnvSpec& spec, Findings& found) {
  if (s.steps == 0) found.problems.push_back("the file holds no step");
  else if (s.transitions == 0) found.problems.push_back("no step has a known next observation: add next_observations");
  if (s.obs_size != spec.obs_size)
    found.problems.push_back(fmt::format("observations have size {}{}, {} has {}", s.obs_size,
                                         s.observation_keys.empty() ? "" : ", " + join(s.observation_keys), spec.id, spec.obs_size));
  if (s.action_size != spec.action_size)
    found.problems.push_back(fmt::format("actions have size {}, {} has {}", s.action_size, spec.id, spec.action_size));
}

void check_values(const DatasetSummary& s, const EnvSpec& spec, Findings& found) {
  check_range(s.observations, "observations", found);
  check_range(s.actions, "actions", found);
  check_range(s.rewards, "rewards", found);
  // learners work in [-1, 1]; recorded policies overshoot it by rounding
  if (s.actions.min < spec.action_low - 1e-3 || s.actions.max > spec.action_high + 1e-3)
    found.problems.push_back(fmt::format("actions reach {:.4g} .. {:.4g}, {} takes {:g} .. {:g}", s.actions.min, s.actions.max, spec.id,
                                         spec.action_low, spec.action_high));
  if (spec.sparse_reward && (s.rewards.min < 0 || s.rewards.max > 1))
    found.notes.push_back(fmt::format("rewards reach {:.4g} .. {:.4g}; {} gives 0 or 1: check reward_scale and reward_bias", s.rewards.min,
                                      s.rewards.max, spec.id));
  if (s.length_max > static_cast<std::size_t>(spec.max_episode_steps) + 1)
    found.notes.push_back(
        fmt::format("the longest episode has {} steps, {} stops after {}", s.length_max, spec.id, spec.max_episode_steps));
  const auto recorded = s.metadata.find("env");
  if (recorded != s.metadata.end() && recorded->second != spec.id)
    found.notes.push_back(fmt::format("the file says that it was recorded in {}", recorded->second));
  if (s.clipped_actions) found.notes.push_back(fmt::format("{} action entries beyond +-0.99999 will be clipped", s.clipped_actions));
}

std::span<const double> info_row(const D4rlFile& file, const std::string& name, std::size_t row) {
  const auto table = file.infos.find(name);
  if (table == file.infos.end()) return {};
  const auto cols = static_cast<std::size_t>(table->second.cols);
  return std::span(table->second.values).subspan(row * cols, cols);
}

// puts the simulator into recorded states and compares what one step makes of them
void replay(const D4rlFile& file, const std::string& id, Findings& found) {
  const auto env = make_env({.id = id});
  const bool has_next = file.next_observations.rows() > 0, has_goal = file.infos.contains("goal");
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < file.rewards.size(); ++i)
    if (has_next || (i + 1 < file.rewards.size() && !file.terminals[i] && !file.timeouts[i])) rows.push_back(i);
  const std::size_t stride = std::max<std::size_t>(1, rows.size() / kReplayed);
  std::vector<double> errors;
  std::size_t worst_row = 0;
  double worst = -1;
  for (std::size_t k = 0; k < rows.size() && errors.size() < kReplayed; k += stride) {
    const std::size_t i = rows[k];
    // tasks without a goal refuse one; a file may record it all the same
    const auto goal = has_goal && !env->goal().empty() ? info_row(file, "goal", i) : std::span<const double>();
    env->set_state(info_row(file, "qpos", i), info_row(file, "qvel", i), goal);
    const float* action = file.actions.row(static_cast<int>(i));
    env->step(std::vector<double>(action, action + file.actions.cols()));
    const float* next = has_next ? file.next_observations.row(static_cast<int>(i)) : file.observations.row(static_cast<int>(i + 1));
    double error = 0;
    for (std::size_t j = 0; j < env->obs().size(); ++j) {
      const double e = std::abs(env->obs()[j] - next[j]) / std::max(1.0, std::abs(static_cast<double>(next[j])));
      error = std::max(error, std::isnan(e) ? INFINITY : e);
    }
    if (error > worst) worst = error, worst_row = i;
    errors.push_back(error);
  }
  if (errors.empty()) return;
  std::sort(errors.begin(), errors.end());
  const auto beyond = static_cast<std::size_t>(errors.end() - std::upper_bound(errors.begin(), errors.end(), kReplayTolerance));
  const std::string text = fmt::format("{} transitions replayed: next-observation error median {:.2g}, max {:.2g} (row {}), {} beyond {:g}",
                                       errors.size(), errors[errors.size() / 2], worst, worst_row, beyond, kReplayTolerance);
  if (static_cast<double>(beyond) > kReplayShare * static_cast<double>(errors.size()))
    found.problems.push_back(text + ": the data come from other dynamics");
  else found.notes.push_back(text);
}

std::unique_ptr<StepsReader> open_file(const Options& o) {
  const std::string keys = o.keys.empty() && !o.env.empty() ? env_spec(o.env).observation_keys : o.keys;
  return open_steps(o.file, {.observation_keys = keys});
}

void info(const Options& o) {
  const DatasetSummary s = summarize(*open_file(o));
  fmt::print("{}", o.json ? summary_json(s, o.file) : summary_text(s, o.file));
}

void verify(const Options& o) {
  const EnvSpec& spec = env_spec(o.env);
  const DatasetSummary s = summarize(*open_file(o));
  Findings found;
  check_shapes(s, spec, found);
  check_values(s, spec, found);
  if (found.problems.empty()) {
    try {
      if (s.infos.contains("qpos") && s.infos.contains("qvel")) replay(read_all(*open_file(o)), o.env, found);
      else found.notes.push_back("no infos/qpos and infos/qvel: dynamics not replayed");
    } catch (const Error& error) {
      if (error.code() == Exit::kMachine) throw;  // a missing asset says nothing about the file
      found.problems.push_back(fmt::format("recorded states cannot be replayed: {}", error.what()));
    }
  }
  for (const auto& note : found.notes) fmt::print("note: {}\n", note);
  for (const auto& problem : found.problems) fmt::print("problem: {}\n", problem);
  if (!found.problems.empty())
    throw data_error(
        fmt::format("{} problem{} with this dataset for {}", found.problems.size(), found.problems.size() > 1 ? "s" : "", o.env), o.file,
        "see the lines above");
  fmt::print("ok: {} transitions in {} episodes fit {}\n", s.transitions, s.episodes, o.env);
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "look into offline datasets, convert them");
  data->require_subcommand(1);
  // the callbacks run after this function has returned
  const auto options = std::make_shared<Options>();

  const char* const file_help = "dataset: D4RL HDF5, Minari file or folder, NPZ, pack";
  const char* const keys_help = "Dict observations: keys to take, in order, comma-separated";
  CLI::App* info_verb = data->add_subcommand("info", "what a dataset holds: episodes, ranges, returns, NaNs");
  info_verb->add_option("FILE", options->file, file_help)->required();
  info_verb->add_option("--observation-keys", options->keys, keys_help);
  info_verb->add_flag("--json", options->json, "one JSON object instead of text");
  info_verb->callback([options] { info(*options); });

  CLI::App* verify_verb = data->add_subcommand("verify", "does a dataset fit a task? (exit code 3 when not)");
  verify_verb->add_option("FILE", options->file, file_help)->required();
  verify_verb->add_option("--observation-keys", options->keys, keys_help + std::string(" (default: the task's)"));
  verify_verb->add_option("--env", options->env, "task id, see `warmstart list envs`")->required();
  verify_verb->callback([options] { verify(*options); });

  add_data_conversions(*data);
}

}  // namespace warmstart
