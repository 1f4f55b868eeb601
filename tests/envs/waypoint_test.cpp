// The scripted driver finds every goal, and walks around walls.
#include "warmstart/envs/waypoint.h"

#include <gtest/gtest.h>

#include "warmstart/envs/env.h"

namespace warmstart {
namespace {

TEST(Waypoint, GoesAroundTheWallOfTheUMaze) {
  const Maze maze(kUMaze, 1, 0.4);
  WaypointController driver(maze);
  driver.set_goal(maze.center({3, 1}));
  EXPECT_EQ(driver.waypoint(maze.center({1, 1})), maze.center({1, 2}));  // not straight down, through the wall
  EXPECT_EQ(driver.waypoint(maze.center({2, 3})), maze.center({3, 3}));
  EXPECT_EQ(driver.waypoint(maze.center({3, 2})), driver.goal());
  EXPECT_GT(driver.force(maze.center({1, 1}), {0, 0})[0], 0.9);
  EXPECT_LT(driver.force(driver.goal(), {3, 0})[0], -0.9);  // brakes
}

TEST(Waypoint, UnreachableGoalIsHeadedForDirectly) {
  const Maze maze({"#####", "#.#.#", "#####"}, 1, 0.4);
  WaypointController driver(maze);
  driver.set_goal(maze.center({1, 3}));
  EXPECT_EQ(driver.waypoint(maze.center({1, 1})), driver.goal());
}

class Drive : public testing::TestWithParam<const char*> {};

TEST_P(Drive, ReachesEveryGoalInTime) {
  const auto env = make_env({GetParam()});
  const Maze* maze = maze_of(*env);
  ASSERT_NE(maze, nullptr);
  WaypointController driver(*maze);
  Rng rng(4, "drive");
  for (int episode = 0; episode < 200; ++episode) {
    env->reset(rng);
    driver.set_goal({env->goal()[0], env->goal()[1]});
    Step step;
    while (!step.terminated && !step.truncated) {
      const auto obs = env->obs();
      step = env->step(driver.force({obs[0], obs[1]}, {obs[2], obs[3]}));
    }
    ASSERT_TRUE(step.terminated && step.success) << "episode " << episode;
  }
}

INSTANTIATE_TEST_SUITE_P(AllMazes, Drive,
                         testing::Values("PointMaze_UMaze_Episodic-v3", "PointMaze_Medium_Episodic-v3", "PointMaze_Large_Episodic-v3"));

TEST(Waypoint, OnlyMazesHaveAMaze) { EXPECT_EQ(maze_of(*make_env({"Hopper-v5"})), nullptr); }

}  // namespace
}  // namespace warmstart
