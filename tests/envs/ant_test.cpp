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

std::vector<double> seen(std::span<const double> qpos, std::span<const double> qvel, const Xy& goal) {
  std::vector<double> out(kReachObsSize);
  ReachFrame(qpos, goal).observe(qpos, qvel, out);
  return out;
}

// q times a turn about z: in the torso's frame (`local`) or in the world's.
void turn(std::vector<double>& qpos, double angle, bool local) {
  const double h = std::cos(angle / 2), k = std::sin(angle / 2), w = qpos[3], x = qpos[4], y = qpos[5], z = qpos[6];
  const double side = local ? 1 : -1;
  qpos[3] = w * h - z * k, qpos[4] = x * h + side * y * k, qpos[5] = y * h - side * x * k, qpos[6] = z * h + w * k;
}

const std::vector<double> kPose = {1, 2, 0.6, 0.9, 0.1, -0.2, 0.3, .1, .8, .2, -.7, -.3, -.6, .4, .9};
const std::vector<double> kMotion = {0.5, -1, 0.2, .1, .2, .3, 1, 2, 3, 4, 5, 6, 7, 8};

// A policy that learned at one heading must see the same at every other.
TEST(AntReach, SeesTheSameAtEveryHeading) {
  const Xy goal{4, -2};
  const auto one = seen(kPose, kMotion, goal);
  EXPECT_NEAR(std::hypot(one[26], one[27]), 5, 1e-12);
  const auto far = seen(kPose, kMotion, {31, -38});
  EXPECT_NEAR(std::hypot(far[26], far[27]), 8, 1e-12);  // far goals are all 8 m away
  EXPECT_GE(one[26], std::abs(one[27]));                // ahead
  for (const double angle : {0.4, 2.0, -3.0}) {
    const double c = std::cos(angle), s = std::sin(angle);
    std::vector<double> p = kPose, v = kMotion;
    p[0] = c * kPose[0] - s * kPose[1], p[1] = s * kPose[0] + c * kPose[1];
    turn(p, angle, false);
    v[0] = c * kMotion[0] - s * kMotion[1], v[1] = s * kMotion[0] + c * kMotion[1];
    const auto other = seen(p, v, {c * goal[0] - s * goal[1], s * goal[0] + c * goal[1]});
    for (int i = 0; i < kReachObsSize; ++i) EXPECT_NEAR(one[i], other[i], 1e-12) << angle << ", obs[" << i << "]";
  }
  EXPECT_FALSE(is_flipped(kPose));
  std::vector<double> back = kPose;
  back[3] = 0.1, back[4] = 0.99, back[5] = back[6] = 0;
  EXPECT_TRUE(is_flipped(back));
}

// The same shape with the legs renamed around a torso that is a quarter turn further: it looks the same and goes the same way.
TEST(AntReach, LegsAreInterchangeable) {
  const auto one = make_env({"AntReach-v0"}), other = make_env({"AntReach-v0"});
  std::vector<double> p = kPose, v = kMotion;
  double length = 0;
  for (int i = 3; i < 7; ++i) length += kPose[i] * kPose[i];
  for (int i = 3; i < 7; ++i) p[i] /= std::sqrt(length);
  for (double& x : v) x *= 0.1;
  const std::vector<double> goal = {4, -2};
  one->set_state(p, v, goal);
  std::vector<double> q = p, u = v;
  turn(q, std::acos(-1) / 2, true);
  u[3] = v[4], u[4] = -v[3];
  const double bend[4] = {1, -1, -1, 1};
  for (int leg = 0; leg < 4; ++leg) {
    const int next = (leg + 1) % 4;
    q[7 + 2 * leg] = p[7 + 2 * next], u[6 + 2 * leg] = v[6 + 2 * next];
    q[8 + 2 * leg] = bend[leg] * bend[next] * p[8 + 2 * next], u[7 + 2 * leg] = bend[leg] * bend[next] * v[7 + 2 * next];
  }
  other->set_state(q, u, goal);
  Rng rng(6, "legs");
  std::vector<double> action(8);
  for (int t = 0; t < 20; ++t) {
    for (int i = 0; i < kReachObsSize; ++i) ASSERT_NEAR(one->obs()[i], other->obs()[i], 1e-5) << "step " << t << ", obs[" << i << "]";
    for (double& a : action) a = rng.uniform(-1, 1);
    ASSERT_NEAR(one->step(action).reward, other->step(action).reward, 1e-4) << t;
  }
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
