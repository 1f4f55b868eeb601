#include "warmstart/phases/recorded.h"

#include <span>

namespace warmstart {
namespace {

std::span<const double> info_row(const D4rlFile& file, const std::string& name, std::size_t row) {
  const DoubleTable& table = file.infos.at(name);
  const auto cols = static_cast<std::size_t>(table.cols);
  return std::span(table.values).subspan(row * cols, cols);
}

}  // namespace

void restore_recorded(Env& env, const D4rlFile& file, std::size_t row) {
  std::vector<double> goal;
  if (!env.goal().empty())
    for (const std::string& name : goal_names(file.infos, env)) {
      const auto part = info_row(file, name, row);
      goal.insert(goal.end(), part.begin(), part.end());
    }
  env.set_state(info_row(file, "qpos", row), info_row(file, "qvel", row), goal);
}

}  // namespace warmstart
