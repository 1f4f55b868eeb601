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
  env.set_state(info_row(file, "qpos", row), info_row(file, "qvel", row),
                env.goal().empty() ? std::span<const double>() : info_row(file, goal_name(file.infos, env), row));
}

}  // namespace warmstart
