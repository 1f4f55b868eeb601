// `warmstart data verify FILE --env ID`: sizes, values, and whether the simulator does what the file says that happened.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/data_options.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/apps/world_options.h"
#include "warmstart/core/error.h"
#include "warmstart/data/summary.h"
#include "warmstart/phases/recorded.h"
#include "warmstart/phases/task_data.h"

namespace warmstart {
namespace {

constexpr double kAgrees = 1e-2;     // relative to max(1, |value|)
constexpr double kRounding = 1e-5;   // likewise: nothing but the file's floats
constexpr double kMayDiffer = 0.05;  // share of rows: contacts start without the solver's last solution

struct Options : DataOptions {
  std::size_t rows = 500;
  bool json = false;
};

void check_lengths(const DatasetSummary& s, const EnvSpec& spec, Findings& found) {
  if (s.length_max > static_cast<std::size_t>(spec.max_episode_steps) + 1)
    add_note(found, fmt::format("the longest episode has {} steps, {} stops after {}", s.length_max, spec.id, spec.max_episode_steps));
  if (s.clipped_actions) add_note(found, fmt::format("{} action entries beyond +-0.99999 will be clipped", s.clipped_actions));
}

bool any_problem(const Findings& found) {
  return std::any_of(found.begin(), found.end(), [](const Finding& f) { return f.severity == Severity::kProblem; });
}

std::vector<std::string> lines(const Findings& found, Severity severity) {
  std::vector<std::string> out;
  for (const Finding& f : found)
    if (f.severity == severity) out.push_back(f.line());
  return out;
}

/// Differences between the file and the simulator, one a row.
struct Differences {
  std::vector<double> values;
  double worst = -1;
  std::size_t worst_row = 0, worst_entry = 0;

  void add(double value, std::size_t row, std::size_t entry) {
    if (std::isnan(value)) value = INFINITY;
    values.push_back(value);
    if (value > worst) worst = value, worst_row = row, worst_entry = entry;
  }
  double median() {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  double share_within(double limit) const {
    const auto n = std::count_if(values.begin(), values.end(), [=](double v) { return v <= limit; });
    return static_cast<double>(n) / static_cast<double>(values.size());
  }
  nlohmann::ordered_json json() {
    return {{"median", median()},
            {"worst", std::isfinite(worst) ? nlohmann::ordered_json(worst) : nlohmann::ordered_json()},
            {"worst_row", worst_row},
            {"worst_entry", worst_entry},
            {"agree", share_within(kAgrees)},
            {"within_rounding", share_within(kRounding)}};
  }
};

struct Replay {
  Differences observations, rewards;
};

double difference(double here, double there) { return std::abs(here - there) / std::max(1.0, std::abs(there)); }

// Puts the simulator into recorded states and compares what one step makes of them. Rows that end an episode are left out: what
// follows them in a file may be the next start. `lag` 1: row t holds the state after step t.
Replay replay(const D4rlFile& file, Env& env, std::size_t wanted, std::size_t lag) {
  const bool has_next = file.next_observations.rows() > 0;
  std::vector<std::size_t> rows;
  const auto ends = [&](std::size_t i) { return file.terminals[i] || file.timeouts[i]; };
  for (std::size_t i = lag; i + 1 < file.rewards.size(); ++i)
    if (!ends(i) && (lag == 0 || !ends(i - 1))) rows.push_back(i);
  const std::size_t stride = wanted > 0 ? std::max<std::size_t>(1, rows.size() / wanted) : 1;
  Replay result;
  std::vector<double> action(static_cast<std::size_t>(file.actions.cols()));
  for (std::size_t k = 0; k < rows.size() && (wanted == 0 || k < stride * wanted); k += stride) {
    const std::size_t i = rows[k];
    const int row = static_cast<int>(i);
    std::copy_n(file.actions.row(row), action.size(), action.begin());
    Step step;
    try {
      restore_recorded(env, file, i - lag);
      step = env.step(action);
    } catch (const Error& error) {
      if (error.code() != Exit::kDiverged) throw;
      result.observations.add(INFINITY, i, 0);  // the simulator blew up where the file went on
      continue;
    }
    const float* next = has_next ? file.next_observations.row(row) : file.observations.row(row + 1);
    double worst = 0;
    std::size_t entry = 0;
    for (std::size_t j = 0; j < env.obs().size(); ++j)
      if (const double e = difference(env.obs()[j], next[j]); !(e <= worst)) worst = e, entry = j;
    result.observations.add(worst, i, entry);
    result.rewards.add(difference(step.reward, file.rewards[i]), i, 0);
  }
  return result;
}

bool agrees(const Replay& r) { return !r.observations.values.empty() && 1 - r.observations.share_within(kAgrees) <= kMayDiffer; }

void judge(Replay& r, const std::string& id, Findings& found) {
  if (r.observations.values.empty()) return add_note(found, "no step whose next observation is known: dynamics not replayed");
  Differences& o = r.observations;
  const double agree = o.share_within(kAgrees);
  const std::string text = fmt::format(
      "{} transitions replayed: next observation off by {:.2g} in the median, {:.2g} at worst (row {}, entry {}); {:.1f}% of rows "
      "agree within {:g}, {:.1f}% within {:g}",
      o.values.size(), o.median(), o.worst, o.worst_row, o.worst_entry, 100 * agree, kAgrees, 100 * o.share_within(kRounding), kRounding);
  if (!agrees(r)) add_problem(found, text, "the data come from other dynamics than those of " + id);
  else add_note(found, text);
  if (r.rewards.values.empty()) return;
  const double paid = r.rewards.share_within(kAgrees);
  const std::string rewards = fmt::format("rewards off by {:.2g} in the median, {:.2g} at worst (row {}); {:.1f}% of rows agree",
                                          r.rewards.median(), r.rewards.worst, r.rewards.worst_row, 100 * paid);
  if (1 - paid > kMayDiffer && agrees(r)) add_problem(found, rewards, "the file's rewards follow another rule");
  else add_note(found, rewards);
}

void verify(const Options& o) {
  const EnvSpec& spec = env_spec(o.env);
  const DatasetSummary s = summarize(*open_data(o));
  Findings found = s.findings;
  Replay replayed;
  // a plug-in shows no states, and a machine is not woken for a file
  const std::unique_ptr<Env> env = o.env.plugin.empty() ? make_env(o.env) : nullptr;
  check_lengths(s, spec, found);
  if (!any_problem(found)) {
    try {
      if (!env) {
        add_note(found, "no states of a plug-in are known: dynamics not replayed");
      } else if (const std::string missing = missing_state(s.infos, *env); !missing.empty()) {
        add_note(found, "no " + missing + ", which the task's state needs: dynamics not replayed");
      } else {
        Findings again;
        const D4rlFile file = read_checked(*open_data(o), again);
        replayed = replay(file, *env, o.rows, 0);
        // D4RL's AntMaze files say where the ant is after the step, others where it is before
        if (!agrees(replayed)) {
          Replay later = replay(file, *env, o.rows, 1);
          if (agrees(later)) {
            replayed = std::move(later);
            add_note(found, "infos/qpos and infos/qvel are those after each step");
          }
        }
        judge(replayed, spec.id, found);
      }
    } catch (const Error& error) {
      if (error.code() == Exit::kMachine) throw;  // a missing asset says nothing about the file
      add_problem(found, fmt::format("recorded states cannot be replayed: {}", error.what()), "");
    }
  }
  const auto problems = lines(found, Severity::kProblem);
  if (o.json) {
    nlohmann::ordered_json out = {{"file", o.file}, {"env", spec.id}, {"transitions", s.transitions}, {"episodes", s.episodes}};
    out["replayed"] = replayed.observations.values.size();
    if (!replayed.observations.values.empty()) out["next_observation"] = replayed.observations.json();
    if (!replayed.rewards.values.empty()) out["reward"] = replayed.rewards.json();
    out["notes"] = lines(found, Severity::kNote), out["warnings"] = lines(found, Severity::kWarning), out["problems"] = problems;
    fmt::print("{}\n", out.dump());
  } else {
    print_findings(found);
  }
  if (!problems.empty())
    throw data_error(fmt::format("{} problem{} with this dataset for {}", problems.size(), problems.size() > 1 ? "s" : "", spec.id), o.file,
                     "see the lines above");
  if (!o.json) fmt::print("ok: {} transitions in {} episodes fit {}\n", s.transitions, s.episodes, spec.id);
}

}  // namespace

void add_data_verify(CLI::App& data) {
  const auto o = std::make_shared<Options>();
  CLI::App* verb = data.add_subcommand("verify", "does a dataset fit a task? (exit code 3 when not)");
  as_path(verb->add_option("FILE", o->file, "dataset: D4RL HDF5, Minari file or folder, NPZ, CSV, pack"))->required();
  add_data_options(*verb, *o);
  verb->add_option("--rows", o->rows, "transitions to replay, spread over the file; 0 = all")->capture_default_str();
  add_world_options(*verb, o->env);
  verb->add_flag("--json", o->json, "one JSON object instead of text");
  verb->callback([o] {
    if (o->env.id.empty() && o->env.plugin.empty())
      throw usage_error("no task", "command line", "name one with --env ID or --env-plugin FILE");
    verify(*o);
  });
}

}  // namespace warmstart
