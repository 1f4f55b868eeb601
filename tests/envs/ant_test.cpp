// D4RL's ant: frames and maps of its mazes, where episodes start and end, and what AntReach shows.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/waypoint.h"

namespace warmstart {
namespace {

TEST(D4rlFrame, OriginIsTheStartCellAndYGrowsWithTheRow) {
  const Maze maze(kD4rlMedium, 4, 0.5, MazeFrame::kFromCell);
  EXPECT_EQ(maze.center({1, 1}), (Xy{0, 0}));
  EXPECT_EQ(maze.center({6, 5}), (Xy{16, 20}));  // x from the column, y from the row
  for (const Cell c : maze.free_cells()) EXPECT_EQ(maze.cell_at(maze.center(c)), c);
  EXPECT_EQ(maze.cell_at({1.99, -1.99}), (Cell{1, 1}));
  EXPECT_EQ(maze.cell_at({2.01, -2.01}), (Cell{0, 2}));
}

TEST(Maps, DatasetsAndEvaluationShareTheirWalls) {
  for (const auto& [a, b] : {std::pair{&kD4rlMedium, &kMediumDiverseG},
                             {&kD4rlLarge, &kLargeDiverseG},
                             {&kD4rlUltra, &kUltraDiverseG},
                             {&kD4rlMedium, &kMediumMaze},
                             {&kD4rlLarge, &kLargeMaze},
                             {&kD4rlUMaze, &kUMaze}})
    EXPECT_EQ(Maze(*a, 4, 0.5).free_cells(), Maze(*b, 4, 0.5).free_cells());
}

// Bounds that D4RL's drawing allows: the goal's cell is its centre + U(0,1) + U(0,0.5).
TEST(D4rlAntMaze, StartsAtTheOriginAndGoalsLieInTheirCell) {
  struct Case {
    const char* id;
    Xy goal;
  };
  for (const Case& c :
       {Case{"antmaze-umaze-v2", {0, 8}}, Case{"antmaze-umaze-diverse-v2", {0, 8}}, Case{"antmaze-medium-diverse-v2", {20, 20}},
        Case{"antmaze-large-play-v2", {32, 24}}, Case{"antmaze-ultra-diverse-v2", {52, 36}}}) {
    const auto env = make_env({c.id});
    Rng rng(3, "goals");
    double least = 9, most = 0, sum = 0;
    for (int i = 0; i < 300; ++i) {
      env->reset(rng);
      for (int k = 0; k < 2; ++k) {
        const double off = env->goal()[k] - c.goal[k];
        least = std::min(least, off), most = std::max(most, off), sum += off;
        ASSERT_LE(std::abs(env->qpos()[k]), 0.1);
      }
    }
    EXPECT_GE(least, 0) << c.id;
    EXPECT_LE(most, 1.5);
    EXPECT_GT(most, 1.3);
    EXPECT_NEAR(sum / 600, 0.75, 0.05);
  }
}

TEST(D4rlAntMaze, DataStartAnywhereAndWalkToTheirOwnGoals) {
  const auto env = make_env({"antmaze-large-diverse-v2"});
  auto& data = dynamic_cast<AntData&>(*env);
  Rng rng(4, "data");
  std::map<std::pair<int, int>, int> starts, play, any;
  for (int i = 0; i < 1500; ++i) {
    data.reset_for_data(rng);
    const Cell s = data.maze().cell_at({env->qpos()[0], env->qpos()[1]}), p = data.maze().cell_at(data.draw_data_goal(false, rng)),
               g = data.maze().cell_at(data.draw_data_goal(true, rng));
    ASSERT_EQ(data.maze().cell_at({env->goal()[0], env->goal()[1]}), (Cell{7, 9}));  // the task's goal stays
    ++starts[{s.row, s.col}], ++play[{p.row, p.col}], ++any[{g.row, g.col}];
  }
  const std::size_t free = data.maze().free_cells().size();
  EXPECT_EQ(play.size(), 7u);
  EXPECT_EQ(any.size(), free);
  EXPECT_EQ(starts.size(), free - 7);
  for (const auto& [cell, count] : play) EXPECT_EQ(starts.count(cell), 0u);
}

TEST(OgbenchAntMaze, DrawsItsFivePairs) {
  const auto env = make_env({"antmaze-medium-v0"});
  const Maze& maze = *maze_of(*env);
  Rng rng(5, "pairs");
  std::map<std::array<int, 4>, int> pairs;
  for (int i = 0; i < 500; ++i) {
    env->reset(rng);
    const Cell s = maze.cell_at({env->qpos()[0], env->qpos()[1]}), g = maze.cell_at({env->goal()[0], env->goal()[1]});
    for (int k = 0; k < 2; ++k) ASSERT_LE(std::abs(env->qpos()[k] - maze.center(s)[k]), 1);
    ++pairs[{s.row, s.col, g.row, g.col}];
  }
  EXPECT_EQ(pairs.size(), 5u);
  EXPECT_EQ(pairs.count({6, 5, 6, 1}), 1u);
}

// A policy that learned at one heading must see the same at every other.
TEST(AntReach, SeesTheSameAtEveryHeading) {
  const std::vector<double> qpos = {1, 2, 0.6, 0.9, 0.1, -0.2, 0.3, .1, .2, .3, .4, .5, .6, .7, .8};
  const std::vector<double> qvel = {0.5, -1, 0.2, .1, .2, .3, 1, 2, 3, 4, 5, 6, 7, 8};
  const Xy goal{4, -2};
  std::vector<double> one(29), other(29);
  observe_reach(qpos, qvel, goal, one);
  EXPECT_NEAR(std::hypot(one[27], one[28]), 1, 1e-12);  // far goals are all 1 m away
  for (const double angle : {0.4, 2.0, -3.0}) {
    const double c = std::cos(angle), s = std::sin(angle), h = std::cos(angle / 2), k = std::sin(angle / 2);
    std::vector<double> p = qpos, v = qvel;
    p[0] = c * qpos[0] - s * qpos[1], p[1] = s * qpos[0] + c * qpos[1];
    p[3] = h * qpos[3] - k * qpos[6], p[4] = h * qpos[4] - k * qpos[5], p[5] = h * qpos[5] + k * qpos[4], p[6] = h * qpos[6] + k * qpos[3];
    v[0] = c * qvel[0] - s * qvel[1], v[1] = s * qvel[0] + c * qvel[1];
    observe_reach(p, v, {c * goal[0] - s * goal[1], s * goal[0] + c * goal[1]}, other);
    // q and -q are one rotation
    const double sign = one[1] * other[1] + one[2] * other[2] + one[3] * other[3] + one[4] * other[4] > 0 ? 1 : -1;
    for (int i = 0; i < 29; ++i) EXPECT_NEAR(one[i], (i >= 1 && i <= 4 ? sign : 1) * other[i], 1e-12) << angle << ", obs[" << i << "]";
  }
  EXPECT_FALSE(is_flipped(qpos));
  std::vector<double> back = qpos;
  back[3] = 0.1, back[4] = 0.99, back[5] = back[6] = 0;
  EXPECT_TRUE(is_flipped(back));
}

TEST(Waypoint, WhatIsWideTurnsInTheMiddleOfTheCell) {
  const Maze maze(kD4rlUMaze, 4, 0.5, MazeFrame::kFromCell);
  WaypointController driver(maze);
  driver.set_goal({0.5, 8.5});
  EXPECT_EQ(driver.waypoint({0, 0}, 1), (Xy{4, 0}));
  EXPECT_EQ(driver.waypoint({6.2, 0}, 1), (Xy{8, 0}));  // in the corner's cell, but not in the lane down
  EXPECT_EQ(driver.waypoint({6.2, 0}), (Xy{8, 4}));
  EXPECT_EQ(driver.waypoint({7.5, 0}, 1), (Xy{8, 4}));
  EXPECT_EQ(driver.waypoint({4, 8}, 1), driver.goal());
}

}  // namespace
}  // namespace warmstart
