// Mazes: geometry, and where episodes start and end.
#include "warmstart/envs/maze.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "warmstart/core/error.h"
#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

TEST(Maze, CellsAndCoordinatesAgreeWithTheOriginal) {
  const Maze maze(kLargeMaze, 4.0, 0.5);
  EXPECT_EQ(maze.center({1, 1}), (Xy{-18, 12}));  // 12 columns, 9 rows, origin in the middle, y upwards
  for (const Cell c : maze.free_cells()) EXPECT_EQ(maze.cell_at(maze.center(c)), c);
  EXPECT_EQ(maze.cell_at({-24.1, 0}).col, -1);
  EXPECT_FALSE(maze.is_free({0, 0}));
  EXPECT_FALSE(maze.is_free({-1, 3}));
}

TEST(Maze, NamedStartsAndGoalsAreKept) {
  const Maze maze({"#####", "#r.g#", "#####"}, 1, 0.4);
  Rng rng(1, "named");
  for (int i = 0; i < 100; ++i) {
    const Xy goal = maze.draw_goal(rng);
    EXPECT_EQ(maze.cell_at(goal), (Cell{1, 3}));
    EXPECT_EQ(maze.cell_at(maze.draw_start(rng, goal)), (Cell{1, 1}));
  }
  const Maze only_goal({"#####", "#..g#", "#####"}, 1, 0.4);
  std::map<int, int> starts;
  for (int i = 0; i < 300; ++i) ++starts[only_goal.cell_at(only_goal.draw_start(rng, only_goal.draw_goal(rng))).col];
  EXPECT_EQ(starts.size(), 2u);  // the free cells, never the goal's
  EXPECT_EQ(starts.count(3), 0u);
}

TEST(Maze, FileWithoutWorldbodyIsAnErrorThatNamesIt) {
  try {
    Maze(kUMaze, 1, 0.4).add_walls("<mujoco/>", "broken.xml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("broken.xml"), std::string::npos);
  }
}

TEST(PointMaze, EpisodesStartOnAllFreeCellsAwayFromTheGoal) {
  const auto env = make_env({"PointMaze_Medium-v3"});
  const Maze maze(kMediumMaze, 1, 0.4);
  const std::size_t cells = maze.free_cells().size();
  Rng rng(2, "starts");
  std::map<std::pair<int, int>, int> starts, goals;
  const int n = 4000;
  double spread = 0;
  for (int i = 0; i < n; ++i) {
    env->reset(rng);
    const Xy start{env->qpos()[0], env->qpos()[1]}, goal{env->goal()[0], env->goal()[1]};
    const Cell s = maze.cell_at(start), g = maze.cell_at(goal);
    ASSERT_TRUE(maze.is_free(s) && maze.is_free(g) && s != g);
    for (const auto& [xy, cell] : {std::pair{start, s}, std::pair{goal, g}})
      for (int k = 0; k < 2; ++k) ASSERT_LE(std::abs(xy[k] - maze.center(cell)[k]), 0.25);
    spread += std::pow(goal[0] - maze.center(g)[0], 2) / n;
    ++starts[{s.row, s.col}];
    ++goals[{g.row, g.col}];
    ASSERT_EQ(env->qvel(), (std::vector<double>{0, 0}));
  }
  EXPECT_NEAR(spread, 0.25 * 0.25 / 3, 0.002);  // uniform
  ASSERT_EQ(starts.size(), cells);
  ASSERT_EQ(goals.size(), cells);
  const double expected = static_cast<double>(n) / static_cast<double>(cells);
  for (const auto& counts : {starts, goals})
    for (const auto& [cell, count] : counts) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected));
}

}  // namespace
}  // namespace warmstart
