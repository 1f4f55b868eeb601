// Grid mazes of gymnasium-robotics, D4RL and OGBench: map, scale, where walls, starts and goals are. Shared by every agent that walks
// in one.
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

/// Where (0, 0) is and which way y goes over the rows of a map.
enum class MazeFrame {
  kCentred,   ///< gymnasium-robotics: the centre of the map; y falls with the row
  kFromCell,  ///< D4RL and OGBench: the centre of cell (1, 1); y grows with the row
};

class Maze {
 public:
  /// `rows` all equally long: '#' wall, '.' free, 'r' start, 'g' goal, 'c' both. Where a map names no starts (or goals),
  /// every free cell may be one. `scale` is the width of a cell in m; walls are `height` * `scale` tall.
  Maze(std::vector<std::string_view> rows, double scale, double height, MazeFrame frame = MazeFrame::kCentred);

  int rows() const { return static_cast<int>(map_.size()); }
  int cols() const { return static_cast<int>(map_[0].size()); }
  double scale() const { return scale_; }
  bool is_free(Cell c) const { return c.row >= 0 && c.col >= 0 && c.row < rows() && c.col < cols() && map_[c.row][c.col] != '#'; }
  Xy center(Cell c) const;
  Cell cell_at(const Xy& xy) const;  ///< may lie outside the map
  std::vector<Cell> free_cells() const;
  /// Cells of the map that hold `mark`, row by row.
  std::vector<Cell> cells_marked(char mark) const;

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
  MazeFrame frame_;
  std::vector<Xy> goals_, starts_;
};

/// A task that is played in a maze; positions are then qpos()[0..1].
class InMaze {
 public:
  virtual ~InMaze() = default;
  virtual const Maze& maze() const = 0;
};

using MazeMap = std::vector<std::string_view>;
// Maps of gymnasium-robotics. Medium_Diverse_G and Large_Diverse_G are also those that D4RL made its antmaze data in.
extern const MazeMap kUMaze, kOpenMaze, kOpenDiverseG, kOpenDiverseGR, kMediumMaze, kMediumDiverseG, kMediumDiverseGR, kLargeMaze,
    kLargeDiverseG, kLargeDiverseGR;
// Maps that D4RL evaluates in (one start, one goal), and the ultra maze that its data come from.
extern const MazeMap kD4rlUMaze, kD4rlMedium, kD4rlLarge, kD4rlUltra, kUltraDiverseG;
// OGBench's; its medium and large maps are the ones above.
extern const MazeMap kGiantMaze;

}  // namespace warmstart
