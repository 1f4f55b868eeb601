#include "warmstart/io/end_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/flat_steps.h"
#include "warmstart/io/steps.h"

namespace warmstart {
namespace {

struct Names {
  const char* array;
  std::string FlatKeys::*key;
  std::vector<std::string> names;  // lower case; the first is ours
};

const std::vector<Names>& all_names() {
  static const std::vector<Names> names = {
      {"observations", &FlatKeys::observations, {"observations", "observation", "obs"}},
      {"actions", &FlatKeys::actions, {"actions", "action", "act", "acts"}},
      {"rewards", &FlatKeys::rewards, {"rewards", "reward", "rew", "rews"}},
      {"next_observations",
       &FlatKeys::next_observations,
       {"next_observations", "next_observation", "next_obs", "obs_next", "observations_next", "new_obs"}},
      {"terminals", &FlatKeys::terminals, {"terminals", "terminal", "terminated", "terminations", "termination"}},
      {"timeouts", &FlatKeys::timeouts, {"timeouts", "timeout", "truncated", "truncations", "truncation"}},
      {"dones", &FlatKeys::dones, {"dones", "done", "dones_float"}},
      {"masks", &FlatKeys::masks, {"masks", "mask"}},
  };
  return names;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::size_t count(const std::vector<std::uint8_t>& flags) {
  return static_cast<std::size_t>(std::count(flags.begin(), flags.end(), std::uint8_t{1}));
}

}  // namespace

std::string names_of(const std::string& array) {
  for (const Names& n : all_names())
    if (n.array == array) return join(n.names);
  return array;
}

FlatKeys find_flat_keys(const ArrayFile& file) {
  FlatKeys keys;
  std::set<std::string> used = {"infos", "metadata"};
  const std::vector<std::string> root = file.keys("/");
  for (const Names& n : all_names())
    for (const std::string& name : root) {
      if (std::find(n.names.begin(), n.names.end(), lower(name)) == n.names.end()) continue;
      std::string& key = keys.*n.key;
      if (!key.empty())
        throw data_error(fmt::format("keys '{}' and '{}' both mean {}", key, name, n.array), file.path(),
                         "remove one of them from the file");
      key = name;
      used.insert(name);
      if (name != n.array) keys.renamed.push_back(fmt::format("'{}' is read as {}", name, n.array));
    }
  for (const std::string& name : root)
    if (!used.contains(name)) keys.unused.push_back(name);
  return keys;
}

EndFlags::EndFlags(const ArrayFile& file, const FlatKeys& keys, std::size_t steps, int max_episode_steps)
    : file_(file), keys_(keys), steps_(steps), max_episode_steps_(max_episode_steps) {
  settle();
}

void EndFlags::settle() {
  const std::string where = file_.path();
  if (!keys_.masks.empty()) return settle_masks();
  if (!keys_.dones.empty()) return settle_dones();
  if (keys_.terminals.empty()) {
    if (keys_.timeouts.empty())
      throw data_error(
          "key 'terminals' is missing", where,
          fmt::format("a file says which steps truly end an episode (names understood: {}) and which ones a time limit cuts ({})",
                      names_of("terminals"), names_of("timeouts")));
    throw data_error(
        fmt::format("key 'terminals' is missing; '{}' says only where a time limit cut", keys_.timeouts), where,
        fmt::format("add the true ends (names understood: {}), zeros when no step truly ends an episode", names_of("terminals")));
  }
  if (!keys_.timeouts.empty()) return;
  if (max_episode_steps_ == 0)
    throw data_error("key 'timeouts' is missing", where,
                     fmt::format("add it (names understood: {}), zeros when no time limit cut an episode; for a D4RL file name the task "
                                 "(--env), whose time limit then ends episodes",
                                 names_of("timeouts")));
  rule_ = Rule::kLimit;
  notes_.push_back(fmt::format("no timeouts: the task's time limit of {} steps ends episodes", max_episode_steps_));
}

// OGBench: `terminals` ends a trajectory, whatever the reason, and `masks` is 0 where the value of what follows is.
void EndFlags::settle_masks() {
  rule_ = Rule::kMasks;
  std::size_t ends = 0, cuts = 0, true_ends = 0;
  std::vector<std::uint8_t> terminals, timeouts;
  for (std::size_t first = 0; first < steps_; first += kSlabSteps) {
    read(first, std::min(kSlabSteps, steps_ - first), terminals, timeouts);
    true_ends += count(terminals), cuts += count(timeouts);
  }
  ends = cuts;
  std::vector<std::string> others;
  for (const std::string* key : {&keys_.terminals, &keys_.timeouts, &keys_.dones})
    if (!key->empty()) others.push_back("'" + *key + "'");
  if (steps_ > 0 && cuts == 0 && keys_.timeouts.empty() && keys_.dones.empty())
    throw data_error(fmt::format("'{}' marks true ends, and no key says where a time limit cut", keys_.masks), file_.path(),
                     fmt::format("add timeouts (names understood: {}), zeros when no time limit cut an episode", names_of("timeouts")));
  notes_.push_back(fmt::format("'{}' decides the true ends: {}; {} mark{} {} other ends of trajectories, read as timeouts", keys_.masks,
                               true_ends, others.empty() ? "nothing" : join(others, " and "), others.size() > 1 ? "" : "s", ends));
}

// A done is terminated or truncated, unless no truncated step is done: then it is terminated alone.
void EndFlags::settle_dones() {
  const std::string where = file_.path();
  if (keys_.terminals.empty() && keys_.timeouts.empty())
    throw data_error(
        fmt::format("'{}' does not say whether an episode truly ended or was cut by a time limit", keys_.dones), where,
        fmt::format("add timeouts (names understood: {}), zeros when no time limit cut an episode: a done without one is then a "
                    "true end",
                    names_of("timeouts")));
  std::size_t cut_and_done = 0, cut_not_done = 0, derived = 0, dones = 0;
  std::vector<std::uint8_t> done, terminal, timeout;
  for (std::size_t first = 0; first < steps_; first += kSlabSteps) {
    const std::size_t n = std::min(kSlabSteps, steps_ - first);
    flags(keys_.dones, first, n, done);
    terminal.assign(n, 0), timeout.assign(n, 0);
    if (!keys_.terminals.empty()) flags(keys_.terminals, first, n, terminal);
    if (!keys_.timeouts.empty()) flags(keys_.timeouts, first, n, timeout);
    for (std::size_t i = 0; i < n; ++i) {
      dones += done[i];
      const auto contradicts = [&](const std::string& key, const char* what) {
        return data_error(
            fmt::format("'{}' is {} in row {}, where {}", keys_.dones, done[i], first + i, fmt::format(fmt::runtime(what), key)), where,
            fmt::format("correct the file, or remove '{}' from it", keys_.dones));
      };
      if (!keys_.terminals.empty() && terminal[i] && !done[i]) throw contradicts(keys_.terminals, "'{}' is 1");
      if (!keys_.terminals.empty() && !keys_.timeouts.empty() && done[i] && !terminal[i] && !timeout[i])
        throw contradicts(keys_.terminals + "' and '" + keys_.timeouts, "'{}' are 0");
      cut_and_done += timeout[i] && done[i] && !terminal[i], cut_not_done += timeout[i] && !done[i];
      derived += done[i] && (keys_.terminals.empty() ? !timeout[i] : !terminal[i]);
    }
  }
  if (cut_and_done > 0 && cut_not_done > 0)
    throw data_error(fmt::format("'{}' is 1 in {} rows of '{}' and 0 in {}: whether it includes cuts cannot be told", keys_.dones,
                                 cut_and_done, keys_.timeouts, cut_not_done),
                     where, fmt::format("write terminals in place of '{}': 1 where an episode truly ended", keys_.dones));
  if (!keys_.terminals.empty() && !keys_.timeouts.empty()) {
    notes_.push_back(fmt::format("'{}' says nothing that '{}' and '{}' do not", keys_.dones, keys_.terminals, keys_.timeouts));
    return;
  }
  if (!keys_.terminals.empty()) {
    rule_ = Rule::kDoneAndTerminal;
    notes_.push_back(fmt::format("'{}' without '{}' are read as timeouts: {}", keys_.dones, keys_.terminals, derived));
  } else if (cut_not_done > 0) {
    rule_ = Rule::kDoneIsTerminal;
    notes_.push_back(fmt::format("'{}' is 0 in every row of '{}', so it marks true ends: {}", keys_.dones, keys_.timeouts, dones));
  } else {
    rule_ = Rule::kDoneAndTimeout;
    notes_.push_back(fmt::format("'{}' without '{}' are read as terminals: {}", keys_.dones, keys_.timeouts, derived));
  }
}

void EndFlags::flags(const std::string& key, std::size_t first, std::size_t n, std::vector<std::uint8_t>& out) {
  values_.resize(n);
  file_.read_rows(key, first, n, values_);
  check_flags(file_.path(), key, values_, first, out);
}

void EndFlags::read(std::size_t first, std::size_t n, std::vector<std::uint8_t>& terminals, std::vector<std::uint8_t>& timeouts) {
  const auto without = [n](const std::vector<std::uint8_t>& these, const std::vector<std::uint8_t>& those, std::vector<std::uint8_t>& out) {
    out.resize(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = these[i] && !those[i];
  };
  switch (rule_) {
    case Rule::kPlain:
      flags(keys_.terminals, first, n, terminals);
      flags(keys_.timeouts, first, n, timeouts);
      return;
    case Rule::kDoneIsTerminal:
      flags(keys_.dones, first, n, terminals);
      flags(keys_.timeouts, first, n, timeouts);
      return;
    case Rule::kLimit:
      flags(keys_.terminals, first, n, terminals);
      timeouts.resize(n);
      for (std::size_t i = 0; i < n; ++i) {
        timeouts[i] = ++in_episode_ == max_episode_steps_ && !terminals[i];
        if (timeouts[i] || terminals[i]) in_episode_ = 0;
      }
      return;
    case Rule::kDoneAndTerminal:
      flags(keys_.terminals, first, n, terminals);
      flags(keys_.dones, first, n, a_);
      return without(a_, terminals, timeouts);
    case Rule::kDoneAndTimeout:
      flags(keys_.timeouts, first, n, timeouts);
      flags(keys_.dones, first, n, a_);
      return without(a_, timeouts, terminals);
    case Rule::kMasks:
      flags(keys_.masks, first, n, terminals);
      for (auto& t : terminals) t = !t;
      a_.assign(n, 0);
      for (const std::string* key : {&keys_.terminals, &keys_.timeouts, &keys_.dones}) {
        if (key->empty()) continue;
        flags(*key, first, n, b_);
        for (std::size_t i = 0; i < n; ++i) a_[i] |= b_[i];
      }
      return without(a_, terminals, timeouts);
  }
}

}  // namespace warmstart
