// Grid mazes of gymnasium-robotics: map, scale, where walls, starts and goals are. Shared by every agent that walks in one.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "warmstart/core/random.h"

namespace warmstart {

using Xy = std::array<double, 2>;  ///< metres
struct Cell {
  int row = 0, col = 0;
  bool operator==(const Cell&) const = default;
};

double distance(const Xy& a, const Xy& b);

class Maze {
 public:
  /// `rows` from the top (largest y) down, all equally long: '#' wall, '.' free, 'r' start, 'g' goal, 'c' both. Where a
  /// map names no starts (or goals), every free cell may be one. `scale` is the width of a cell in m; walls are
  /// `height` * `scale` tall. The origin is the centre of the map.
  Maze(std::vector<std::string_view> rows, double scale, double height);

  int rows() const { return static_cast<int>(map_.size()); }
  int cols() const { return static_cast<int>(map_[0].size()); }
  double scale() const { return scale_; }
  bool is_free(Cell c) const { return c.row >= 0 && c.col >= 0 && c.row < rows() && c.col < cols() && map_[c.row][c.col] != '#'; }
  Xy center(Cell c) const;
  Cell cell_at(const Xy& xy) const;  ///< may lie outside the map
  std::vector<Cell> free_cells() const;

  /// A goal cell plus uniform noise of a quarter cell.
  Xy draw_goal(Rng& rng) const;
  /// A start more than half a cell from `goal` before the same noise is added.
  Xy draw_start(Rng& rng, const Xy& goal) const;

  /// `mjcf` with the walls, as boxes, and the goal's marker added to its world body. `where` names the file in errors.
  std::string add_walls(const std::string& mjcf, const std::string& where) const;

 private:
  Xy draw_near(Rng& rng, const Xy& xy) const;
  std::vector<std::string_view> map_;
  double scale_, height_;
  std::vector<Xy> goals_, starts_;
};

// Maps of gymnasium-robotics.
extern const std::vector<std::string_view> kUMaze, kMediumMaze, kLargeMaze, kMediumDiverseG;

}  // namespace warmstart
