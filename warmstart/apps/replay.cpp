// `warmstart replay`: a recorded state and actions in, what the environment makes of them out. For comparing with others.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

using Row = std::vector<double>;

struct Options {
  std::string env, from, actions;
  bool json = false;
};

struct StartState {
  Row qpos, qvel, goal;
};

nlohmann::json parse_json(const std::string& text, const std::string& path) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("not valid JSON: {}", error.what()), path, "correct the file; NaN and infinity are not JSON");
  }
}

Row row_of(const nlohmann::json& values, const std::string& where) {
  if (!values.is_array()) throw data_error("not a list of numbers", where, "write [1.0, 2.0, ...]");
  Row row;
  for (const auto& v : values) {
    if (!v.is_number()) throw data_error(fmt::format("{} is not a number", v.dump()), where, "write finite numbers");
    row.push_back(v.get<double>());
  }
  return row;
}

StartState read_state(const std::string& path) {
  const auto json = parse_json(read_text(path), path);
  if (!json.is_object()) throw data_error("not a JSON object", path, R"(write {"qpos": [...], "qvel": [...], "goal": [...]})");
  const auto key = [&](const char* name, bool needed) {
    if (json.contains(name)) return row_of(json[name], fmt::format("{}, key {}", path, name));
    if (needed) throw data_error(fmt::format("no key \"{}\"", name), path, R"(write {"qpos": [...], "qvel": [...], "goal": [...]})");
    return Row{};
  };
  return {key("qpos", true), key("qvel", true), key("goal", false)};
}

Row parse_line(std::string line, const std::string& where) {
  for (char& c : line)
    if (c == ',' || c == ';' || c == '\t' || c == '\r') c = ' ';
  Row row;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    char* end = nullptr;
    row.push_back(std::strtod(word.c_str(), &end));
    if (*end) throw data_error(fmt::format("\"{}\" is not a number", word), where, "write one action a line, numbers apart by spaces");
  }
  return row;
}

/// JSON list of lists, or plain text with one action a line. Every row has `size` finite numbers.
std::vector<Row> read_actions(const std::string& path, int size) {
  const std::string text = read_text(path);
  std::vector<Row> rows;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') {
    for (const auto& row : parse_json(text, path)) rows.push_back(row_of(row, fmt::format("{}, row {}", path, rows.size())));
  } else {
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") != std::string::npos) rows.push_back(parse_line(line, fmt::format("{}, line {}", path, number)));
    }
  }
  if (rows.empty()) throw data_error("no actions", path, "write one action a line, or a JSON list of lists");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string where = fmt::format("{}, row {}", path, i);
    if (static_cast<int>(rows[i].size()) != size)
      throw data_error(fmt::format("action has {} numbers", rows[i].size()), where, fmt::format("give {}", size));
    for (const double a : rows[i])
      if (!std::isfinite(a)) throw data_error(fmt::format("action holds {}", a), where, "give finite numbers");
  }
  return rows;
}

std::string numbers(std::span<const double> values) {
  std::vector<std::string> parts;
  for (const double v : values) parts.push_back(fmt::format("{:.17g}", v));
  return fmt::format("[{}]", join(parts, ","));
}

std::string flags(const std::vector<bool>& values) {
  std::vector<std::string> parts;
  for (const bool v : values) parts.push_back(v ? "true" : "false");
  return fmt::format("[{}]", join(parts, ","));
}

void replay(const Options& options) {
  const auto env = make_env({options.env});
  const StartState start = read_state(options.from);
  const auto actions = read_actions(options.actions, env->spec().action_size);
  try {
    env->set_state(start.qpos, start.qvel, start.goal);
  } catch (const Error& error) {
    throw data_error(error.what(), options.from, "correct the state");
  }

  std::vector<std::string> obs{numbers(env->obs())};
  Row reward;
  std::vector<bool> terminated, truncated, success;
  double total = 0;
  for (const Row& action : actions) {
    const Step step = env->step(action);
    obs.push_back(numbers(env->obs()));
    reward.push_back(step.reward);
    terminated.push_back(step.terminated);
    truncated.push_back(step.truncated);
    success.push_back(step.success);
    total += step.reward;
    if (step.terminated || step.truncated) break;
  }
  const bool ended = terminated.back() || truncated.back();
  if (ended && reward.size() < actions.size())
    fmt::print(stderr, "the episode {} in step {}; {} actions are left over\n", terminated.back() ? "terminated" : "was truncated",
               reward.size(), actions.size() - reward.size());
  if (options.json)
    fmt::print("{{\"env\":\"{}\",\"obs\":[{}],\"reward\":{},\"terminated\":{},\"truncated\":{},\"success\":{}}}\n", options.env,
               join(obs, ","), numbers(reward), flags(terminated), flags(truncated), flags(success));
  else
    fmt::print("{}: {} steps, return {:.6g}, terminated {}, truncated {}, success {}\nlast observation {}\n", options.env, reward.size(),
               total, bool(terminated.back()), bool(truncated.back()), bool(success.back()), obs.back());
}

}  // namespace

void add_replay(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("replay", "Step an environment from a given state with given actions and print what happens");
  verb->add_option("--env", options->env, "Environment id (see `warmstart list envs`)")->required();
  as_path(verb->add_option("--from", options->from, R"(State file: JSON {"qpos": [...], "qvel": [...], "goal": [...]})"))->required();
  as_path(verb->add_option("--actions", options->actions, "Actions: JSON list of lists, or text with one action a line"))->required();
  verb->add_flag("--json", options->json, "Print observations (one more than steps), rewards and flags as JSON with 17 digits");
  verb->callback([options] { replay(*options); });
}

}  // namespace warmstart
