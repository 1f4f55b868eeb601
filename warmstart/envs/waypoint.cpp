#include "warmstart/envs/waypoint.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

constexpr Cell kSides[] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}};
Cell beside(Cell c, Cell side) { return {c.row + side.row, c.col + side.col}; }

}  // namespace

const Maze* maze_of(const Env& env) {
  const auto* task = dynamic_cast<const InMaze*>(&env);
  return task ? &task->maze() : nullptr;
}

void WaypointController::set_goal(const Xy& goal) {
  goal_ = goal;
  steps_.assign(static_cast<std::size_t>(maze_->rows()) * maze_->cols(), -1);
  const Cell target = maze_->cell_at(goal);
  if (!maze_->is_free(target)) return;
  const auto at = [&](Cell c) -> int& { return steps_[c.row * maze_->cols() + c.col]; };
  at(target) = 0;
  for (std::deque<Cell> open{target}; !open.empty(); open.pop_front())
    for (const Cell side : kSides) {
      const Cell next = beside(open.front(), side);
      if (!maze_->is_free(next) || at(next) >= 0) continue;
      at(next) = at(open.front()) + 1;
      open.push_back(next);
    }
}

Xy WaypointController::waypoint(const Xy& position, double lane) const {
  const Cell here = maze_->cell_at(position);
  const int left = distance_of(here);
  if (left <= 0) return goal_;
  for (const Cell side : kSides) {
    const Cell next = beside(here, side);
    if (distance_of(next) != left - 1) continue;
    const Xy center = maze_->center(here);
    const int across = side.row != 0 ? 0 : 1;  // the axis at right angles to the way
    if (std::abs(position[across] - center[across]) > lane) return center;
    return left == 1 ? goal_ : maze_->center(next);
  }
  return goal_;
}

std::array<double, 2> WaypointController::force(const Xy& position, const Xy& velocity) const {
  const Xy target = waypoint(position);
  std::array<double, 2> result;
  for (int k = 0; k < 2; ++k)
    result[k] = std::clamp(gains_.position * (target[k] - position[k]) - gains_.velocity * velocity[k], -1.0, 1.0);
  return result;
}

}  // namespace warmstart
