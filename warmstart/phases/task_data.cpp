#include "warmstart/phases/task_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "warmstart/data/action_units.h"

namespace warmstart {
namespace {

/// The rows of a file that stay, with what the task makes of them.
struct Kept {
  std::vector<std::size_t> rows;
  std::vector<float> rewards;
  std::vector<std::uint8_t> terminals, timeouts;

  void add(std::size_t row, double reward, bool terminal, bool timeout) {
    rows.push_back(row), rewards.push_back(static_cast<float>(reward)), terminals.push_back(terminal), timeouts.push_back(timeout);
  }
};

Matrix rows_of(const Matrix& table, const std::vector<std::size_t>& rows) {
  Matrix out;
  if (table.rows() == 0) return out;
  out.resize(static_cast<int>(rows.size()), table.cols());
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(table.row(static_cast<int>(rows[i])), table.cols(), out.row(static_cast<int>(i)));
  return out;
}

DoubleTable rows_of(const DoubleTable& table, const std::vector<std::size_t>& rows) {
  DoubleTable out{.rows = static_cast<int>(rows.size()), .cols = table.cols, .values = {}};
  const auto cols = static_cast<std::size_t>(table.cols);
  for (const std::size_t row : rows) {
    const auto first = table.values.begin() + static_cast<std::ptrdiff_t>(row * cols);
    out.values.insert(out.values.end(), first, first + static_cast<std::ptrdiff_t>(cols));
  }
  return out;
}

Matrix translated(const Matrix& from, const EnvSpec& spec) {
  Matrix out;
  if (from.rows() == 0) return out;
  out.resize(from.rows(), spec.obs_size);
  for (int i = 0; i < from.rows(); ++i)
    spec.data.translate({from.row(i), static_cast<std::size_t>(from.cols())}, {out.row(i), static_cast<std::size_t>(spec.obs_size)});
  return out;
}

void keep_by_parts(const Episode& e, const std::vector<unsigned>& done, unsigned all, Kept& kept) {
  unsigned so_far = 0;
  for (std::size_t t = 0; t < e.length; ++t) {
    so_far |= done[t];
    const bool over = so_far == all;
    kept.add(e.start + t, std::popcount(so_far), over, t + 1 == e.length && !over);
    if (over) return;
  }
}

void keep_by_success(const Episode& e, const std::vector<unsigned>& done, Kept& kept) {
  const auto last = std::find_if(done.rbegin(), done.rend(), [](unsigned d) { return d != 0; });
  for (std::size_t t = 0; t < static_cast<std::size_t>(done.rend() - last); ++t)
    kept.add(e.start + t, done[t] ? 0 : -1, done[t] != 0, false);
}

}  // namespace

D4rlFile data_for_task(const D4rlFile& file, const EnvSpec& spec, const std::string& source) {
  const TaskData& rule = spec.data;
  if (!rule.done)
    throw usage_error("its observations do not show what is done", spec.id,
                      "--for takes kitchen-...-v0 and door-, pen-, relocate-binary-v0");
  D4rlFile out;
  const int found = file.observations.cols();
  const bool translate = rule.other_obs_size > 0 && found == rule.other_obs_size;
  if (!translate && found != spec.obs_size)
    throw data_error(fmt::format("observations have size {}, {} has {}{}", found, spec.id, spec.obs_size,
                                 rule.other_obs_size ? fmt::format(" or {}", rule.other_obs_size) : ""),
                     source, "choose the task that the data were recorded in");
  if (file.actions.cols() != spec.action_size)
    throw data_error(fmt::format("actions have size {}, {} has {}", file.actions.cols(), spec.id, spec.action_size), source,
                     "choose the task that the data were recorded in");
  const Matrix obs = translate ? translated(file.observations, spec) : file.observations;
  const Matrix next = translate ? translated(file.next_observations, spec) : file.next_observations;

  Kept kept;
  const unsigned all = (1u << rule.parts) - 1;
  for (const Episode& e : episodes_of(file)) {
    std::vector<unsigned> done(e.length);
    for (std::size_t t = 0; t < e.length; ++t) {
      const bool last = t + 1 == e.length;
      if (last && next.rows() == 0) {  // not seen; a recorder that ended the episode there has seen it
        done[t] = e.end == EpisodeEnd::kTerminal ? all : 0;
        break;
      }
      const float* seen = next.rows() > 0 ? next.row(static_cast<int>(e.start + t)) : obs.row(static_cast<int>(e.start + t + 1));
      done[t] = rule.done({seen, static_cast<std::size_t>(spec.obs_size)});
    }
    if (spec.counts_parts) keep_by_parts(e, done, all, kept);
    else keep_by_success(e, done, kept);
  }
  if (kept.rows.empty())
    throw data_error("no episode shows a success", source, "record some, or see `warmstart collect --protocol demonstrations`");

  out.observations = rows_of(obs, kept.rows), out.actions = rows_of(file.actions, kept.rows),
  out.next_observations = rows_of(next, kept.rows);
  out.rewards = std::move(kept.rewards), out.terminals = std::move(kept.terminals), out.timeouts = std::move(kept.timeouts);
  for (const auto& [name, table] : file.infos) out.infos[name] = rows_of(table, kept.rows);
  out.metadata = file.metadata, out.action_low = file.action_low, out.action_high = file.action_high;
  if (const auto env = file.metadata.find("env"); env != file.metadata.end() && env->second != spec.id)
    out.metadata["recorded_in"] = env->second;
  out.metadata["env"] = spec.id;
  return out;
}

bool is_other_body(const std::string& recorded_in, const EnvSpec& spec) {
  const auto known = std::any_of(env_specs().begin(), env_specs().end(), [&](const EnvSpec& s) { return s.id == recorded_in; });
  return known && !same_task(recorded_in, spec.id) && body_of(recorded_in) != body_of(spec.id);
}

void check_body(const std::string& recorded_in, const EnvSpec& spec, Findings& findings) {
  if (is_other_body(recorded_in, spec))
    add_problem(findings, fmt::format("the file says that it was recorded in {}, the task is {}", recorded_in, spec.id),
                "choose the task that the data were recorded in (--env), or another dataset");
  else if (!recorded_in.empty() && !same_task(recorded_in, spec.id))
    add_note(findings, fmt::format("the file says that it was recorded in {}, not in {}", recorded_in, spec.id));
}

std::string check_body(const std::string& recorded_in, const EnvSpec& spec, const std::string& source) {
  Findings findings;
  check_body(recorded_in, spec, findings);
  throw_problems(findings, source);
  return findings.empty() ? "" : fmt::format("{}: {}", source, findings.front().line());
}

void describe_actions(const EnvSpec& spec, D4rlFile& file) {
  file.metadata[kActionUnits] = kUnitActions;
  if (!spec.bounds.unit()) file.action_low = spec.bounds.low, file.action_high = spec.bounds.high;
}

StepsOptions steps_options(const EnvSpec& spec, const std::string& keys) {
  return {.observation_keys = keys.empty() ? spec.observation_keys : keys, .max_episode_steps = spec.max_episode_steps};
}

DatasetOptions dataset_options(const EnvSpec& spec, const std::string& keys) {
  const auto [reward_low, reward_high] = reward_range(spec);
  const StepsOptions steps = steps_options(spec, keys);
  return {.obs_size = spec.obs_size,
          .action_size = spec.action_size,
          .reward_low = reward_low,
          .reward_high = reward_high,
          .final_reward = spec.final_reward,
          .observation_keys = steps.observation_keys,
          .max_episode_steps = steps.max_episode_steps,
          .task = spec.id,
          .task_low = spec.bounds.low,
          .task_high = spec.bounds.high,
          .makes_rewards = spec.data.done != nullptr};
}

}  // namespace warmstart
