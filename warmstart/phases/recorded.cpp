#include "warmstart/phases/recorded.h"

#include <span>

namespace warmstart {
namespace {

/// Under infos/, where the task's goal is recorded; "" when it is not.
std::string goal_name(const D4rlFile& file, const Env& env) {
  for (const std::string& name : {std::string("goal"), env.spec().goal_info})
    if (file.infos.contains(name)) return name;
  return "";
}

std::span<const double> info_row(const D4rlFile& file, const std::string& name, std::size_t row) {
  const DoubleTable& table = file.infos.at(name);
  const auto cols = static_cast<std::size_t>(table.cols);
  return std::span(table.values).subspan(row * cols, cols);
}

}  // namespace

std::string missing_state(const D4rlFile& file, const Env& env) {
  for (const char* name : {"qpos", "qvel"})
    if (!file.infos.contains(name)) return std::string("infos/") + name;
  return !env.goal().empty() && goal_name(file, env).empty() ? "infos/goal" : "";
}

void restore_recorded(Env& env, const D4rlFile& file, std::size_t row) {
  env.set_state(info_row(file, "qpos", row), info_row(file, "qvel", row),
                env.goal().empty() ? std::span<const double>() : info_row(file, goal_name(file, env), row));
}

}  // namespace warmstart
