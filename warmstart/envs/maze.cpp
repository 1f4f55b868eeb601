#include "warmstart/envs/maze.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {

double distance(const Xy& a, const Xy& b) {
  const double dx = a[0] - b[0], dy = a[1] - b[1];
  return std::sqrt(dx * dx + dy * dy);
}

Maze::Maze(std::vector<std::string_view> rows, double scale, double height, MazeFrame frame)
    : map_(std::move(rows)), scale_(scale), height_(height), frame_(frame) {
  std::vector<Xy> open, both;
  for (int i = 0; i < this->rows(); ++i) {
    assert(map_[i].size() == map_[0].size());
    for (int j = 0; j < cols(); ++j) {
      const Xy xy = center({i, j});
      switch (map_[i][j]) {
        case '#':
          break;
        case 'r':
          starts_.push_back(xy);
          break;
        case 'g':
          goals_.push_back(xy);
          break;
        case 'c':
          both.push_back(xy);
          break;
        default:
          assert(map_[i][j] == '.');
          open.push_back(xy);
      }
    }
  }
  if (both.empty()) {
    if (goals_.empty() && starts_.empty()) both = open;
    else if (starts_.empty()) starts_ = open;
    else if (goals_.empty()) goals_ = open;
  }
  goals_.insert(goals_.end(), both.begin(), both.end());
  starts_.insert(starts_.end(), both.begin(), both.end());
  assert(!goals_.empty() && !starts_.empty());
}

Xy Maze::center(Cell c) const {
  if (frame_ == MazeFrame::kFromCell) return {(c.col - 1) * scale_, (c.row - 1) * scale_};
  return {(c.col + 0.5) * scale_ - cols() / 2.0 * scale_, rows() / 2.0 * scale_ - (c.row + 0.5) * scale_};
}

Cell Maze::cell_at(const Xy& xy) const {
  if (frame_ == MazeFrame::kFromCell)
    return {static_cast<int>(std::floor(xy[1] / scale_ + 1.5)), static_cast<int>(std::floor(xy[0] / scale_ + 1.5))};
  return {static_cast<int>(std::floor((rows() / 2.0 * scale_ - xy[1]) / scale_)),
          static_cast<int>(std::floor((xy[0] + cols() / 2.0 * scale_) / scale_))};
}

std::vector<Cell> Maze::free_cells() const {
  std::vector<Cell> cells;
  for (int i = 0; i < rows(); ++i)
    for (int j = 0; j < cols(); ++j)
      if (is_free({i, j})) cells.push_back({i, j});
  return cells;
}

std::vector<Cell> Maze::cells_marked(char mark) const {
  std::vector<Cell> cells;
  for (int i = 0; i < rows(); ++i)
    for (int j = 0; j < cols(); ++j)
      if (map_[i][j] == mark) cells.push_back({i, j});
  return cells;
}

Xy Maze::draw_near(Rng& rng, const Xy& xy) const {
  const double reach = 0.25 * scale_;
  const double dx = rng.uniform(-reach, reach), dy = rng.uniform(-reach, reach);
  return {xy[0] + dx, xy[1] + dy};
}

Xy Maze::draw_goal(Rng& rng) const { return draw_near(rng, goals_[rng.below(static_cast<std::uint32_t>(goals_.size()))]); }

Xy Maze::draw_start(Rng& rng, const Xy& goal) const {
  Xy start = goal;
  while (distance(start, goal) <= 0.5 * scale_) start = starts_[rng.below(static_cast<std::uint32_t>(starts_.size()))];
  return draw_near(rng, start);
}

std::string Maze::add_walls(const std::string& mjcf, const std::string& where) const {
  // Names, order and sizes are the originals': contacts are found and solved in the order of the geoms.
  const double half_height = height_ / 2 * scale_;
  std::string extra;
  for (int i = 0; i < rows(); ++i)
    for (int j = 0; j < cols(); ++j) {
      if (map_[i][j] != '#') continue;
      const Xy xy = center({i, j});
      extra += fmt::format(
          R"(<geom name="block_{}_{}" pos="{} {} {}" size="{} {} {}" type="box" material="" contype="1" conaffinity="1" rgba="0.7 0.5 0.3 1.0"/>)",
          i, j, xy[0], xy[1], half_height, 0.5 * scale_, 0.5 * scale_, half_height);
    }
  extra += fmt::format(R"(<site name="target" pos="0 0 {}" size="{}" rgba="1 0 0 0.7" type="sphere"/>)", half_height, 0.2 * scale_);
  const auto end = mjcf.find("</worldbody>");
  if (end == std::string::npos) throw machine_error("task description has no <worldbody>", where, "install it again with `make setup`");
  return mjcf.substr(0, end) + extra + mjcf.substr(end);
}

}  // namespace warmstart
