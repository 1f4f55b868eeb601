#include "warmstart/envs/point_maze.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/files.h"

namespace warmstart {
namespace {

struct Size {
  const char* name;
  const std::vector<std::string_view>& map;
  int steps;
};
const Size kSizes[] = {
    {"UMaze", kUMaze, 300}, {"Medium", kMediumMaze, 600}, {"Large", kLargeMaze, 800}, {"Medium_Diverse_G", kMediumDiverseG, 600}};

struct Variant {
  const char* suffix;
  const char* summary;
  bool dense, episodic;
};
const Variant kVariants[] = {
    {"", "ball in a maze, reward 1 while at the goal, never terminates", false, false},
    {"_Episodic", "ball in a maze, reward 1 at the goal, which ends the episode", false, true},
    {"Dense", "ball in a maze, reward exp(-distance to the goal), never terminates", true, false},
};

std::string id_of(const Size& size, const Variant& variant) { return fmt::format("PointMaze_{}{}-v3", size.name, variant.suffix); }

ModelPtr point_model(const Maze& maze) {
  const auto path = find_asset(std::string(kRoboticsAssets) + "point/point.xml");
  return compile_model(maze.add_walls(read_text(path), path.string()), path.string());
}

}  // namespace

PointMaze::PointMaze(EnvSpec env_spec, Maze maze, bool dense, bool episodic)
    : MujocoEnv(std::move(env_spec), point_model(maze), 1, false, 2), maze_(std::move(maze)), dense_(dense), episodic_(episodic) {}

void PointMaze::draw_start(Rng& rng, std::span<double> start_qpos, std::span<double>, std::span<double> start_goal) {
  const Xy target = maze_.draw_goal(rng), start = maze_.draw_start(rng, target);
  std::copy(target.begin(), target.end(), start_goal.begin());
  std::copy(start.begin(), start.end(), start_qpos.begin());
}

Step PointMaze::act(std::span<const double> action) {
  const double force[2] = {std::clamp(action[0], -1.0, 1.0), std::clamp(action[1], -1.0, 1.0)};
  for (int i = 0; i < 2; ++i) data().qvel[i] = std::clamp(data().qvel[i], -5.0, 5.0);
  mj_forward(&model(), &data());
  simulate(force);
  const double away = distance({data().qpos[0], data().qpos[1]}, {goal_[0], goal_[1]});
  Step result;
  result.success = away <= kPointGoalRadius;
  result.reward = dense_ ? std::exp(-away) : result.success;
  result.terminated = episodic_ && result.success;
  return result;
}

void PointMaze::observe(std::span<double> out) const {
  std::copy_n(data().qpos, 2, out.begin());
  std::copy_n(data().qvel, 2, out.begin() + 2);
  std::copy_n(goal_.begin(), 2, out.begin() + 4);
}

std::vector<EnvSpec> point_maze_specs() {
  std::vector<EnvSpec> specs;
  for (const Variant& variant : kVariants)
    for (const Size& size : kSizes)
      specs.push_back({.id = id_of(size, variant),
                       .summary = variant.summary,
                       .obs_size = 6,
                       .action_size = 2,
                       .max_episode_steps = size.steps,
                       .control_seconds = 0.01,
                       .sparse_reward = !variant.dense,
                       .reports_success = true,
                       .observation_keys = "observation,desired_goal"});
  return specs;
}

std::unique_ptr<Env> make_point_maze(const EnvSpec& spec, const EnvConfig&) {
  for (const Variant& variant : kVariants)
    for (const Size& size : kSizes)
      if (id_of(size, variant) == spec.id)
        return std::make_unique<PointMaze>(spec, Maze(size.map, 1.0, 0.4), variant.dense, variant.episodic);
  return nullptr;
}

}  // namespace warmstart
