#include "warmstart/envs/ant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/files.h"
#include "warmstart/envs/maze.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr int kFrameSkip = 5;
constexpr int kTorso = 1;                   // its body
constexpr int kPoseSize = 27;               // qpos without x and y, qvel
constexpr int kForceSize = 13 * 6;          // of every body but the world
constexpr double kMinZ = 0.2, kMaxZ = 1.0;  // of an upright torso, m

std::filesystem::path ant_file() { return find_asset(std::string(kGymnasiumAssets) + "ant.xml"); }

double clipped_force(double f) { return std::clamp(f, -1.0, 1.0); }

void observe_ant(const mjModel& m, const mjData& d, bool forces, std::span<double> out) {
  auto at = std::copy(d.qpos + 2, d.qpos + m.nq, out.begin());
  at = std::copy_n(d.qvel, m.nv, at);
  if (forces) std::transform(d.cfrc_ext + 6, d.cfrc_ext + 6 * m.nbody, at, clipped_force);
}

class Ant : public MujocoEnv {
 public:
  Ant(EnvSpec env_spec, bool v5) : MujocoEnv(std::move(env_spec), load_model(ant_file()), kFrameSkip, v5, 0), v5_(v5) {}

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double>) override {
    for (double& q : start_qpos) q += rng.uniform(-0.1, 0.1);
    for (double& v : start_qvel) v += 0.1 * rng.normal();
  }

  Step act(std::span<const double> action) override {
    const double x_before = data().xpos[3 * kTorso];  // lags qpos by a simulator step, as Gymnasium's does
    simulate(action);
    const double velocity = (data().xpos[3 * kTorso] - x_before) / control_seconds();
    double effort = 0, impact = 0;
    for (const double a : action) effort += a * a;
    if (v5_)
      for (int i = 0; i < 6 * model().nbody; ++i) impact += std::pow(clipped_force(data().cfrc_ext[i]), 2);
    const double z = data().qpos[2];
    const bool healthy = kMinZ <= z && z <= kMaxZ;
    Step result;
    result.reward = velocity + (healthy || !v5_ ? 1 : 0) - 0.5 * effort - 5e-4 * impact;
    result.terminated = !healthy;
    return result;
  }

  void observe(std::span<double> out) const override { observe_ant(model(), data(), v5_, out); }

 private:
  bool v5_;
};

struct Size {
  const char* name;
  const MazeMap& map;
  int steps;
};
const Size kSizes[] = {{"UMaze", kUMaze, 700},
                       {"Open", kOpenMaze, 700},
                       {"Open_Diverse_G", kOpenDiverseG, 700},
                       {"Open_Diverse_GR", kOpenDiverseGR, 700},
                       {"Medium", kMediumMaze, 1000},
                       {"Medium_Diverse_G", kMediumDiverseG, 1000},
                       {"Medium_Diverse_GR", kMediumDiverseGR, 1000},
                       {"Large", kLargeMaze, 1000},
                       {"Large_Diverse_G", kLargeDiverseG, 1000},
                       {"Large_Diverse_GR", kLargeDiverseGR, 1000}};

std::string id_of(const Size& size, bool dense) { return fmt::format("AntMaze_{}{}-v5", size.name, dense ? "Dense" : ""); }

ModelPtr maze_model(const Maze& maze) {
  const auto path = ant_file();
  return compile_model(maze.add_walls(read_text(path), path.string()), path.string());
}

class AntMaze : public MujocoEnv, public InMaze {
 public:
  AntMaze(EnvSpec env_spec, Maze maze, bool dense)
      : MujocoEnv(std::move(env_spec), maze_model(maze), kFrameSkip, true, 2), maze_(std::move(maze)), dense_(dense) {}
  const Maze& maze() const override { return maze_; }

 protected:
  // The ant itself starts without noise.
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double>, std::span<double> start_goal) override {
    const Xy target = maze_.draw_goal(rng), start = maze_.draw_start(rng, target);
    std::copy(target.begin(), target.end(), start_goal.begin());
    std::copy(start.begin(), start.end(), start_qpos.begin());
  }

  Step act(std::span<const double> action) override {
    simulate(action);
    const double away = distance({data().qpos[0], data().qpos[1]}, {goal_[0], goal_[1]});
    Step result;
    result.success = away <= kGoalRadius;
    result.reward = dense_ ? std::exp(-away) : result.success;
    return result;
  }

  void observe(std::span<double> out) const override {
    observe_ant(model(), data(), true, out);
    std::copy_n(goal_.begin(), 2, out.end() - 2);
  }

 private:
  static constexpr double kGoalRadius = 0.45;  // m
  Maze maze_;
  bool dense_;
};

}  // namespace

std::vector<EnvSpec> ant_specs() {
  std::vector<EnvSpec> specs;
  for (const bool v5 : {true, false})
    specs.push_back({.id = v5 ? "Ant-v5" : "Ant-v4",
                     .summary = v5 ? "four-legged walker, ends when it falls" : "four-legged walker, ends when it falls, no contact forces",
                     .obs_size = kPoseSize + (v5 ? kForceSize : 0),
                     .action_size = 8,
                     .max_episode_steps = 1000,
                     .control_seconds = 0.05});
  return specs;
}

std::unique_ptr<Env> make_ant(const EnvSpec& spec, const EnvConfig&) {
  if (spec.id != "Ant-v5" && spec.id != "Ant-v4") return nullptr;
  return std::make_unique<Ant>(spec, spec.id == "Ant-v5");
}

std::vector<EnvSpec> ant_maze_specs() {
  std::vector<EnvSpec> specs;
  for (const bool dense : {false, true})
    for (const Size& size : kSizes)
      specs.push_back({.id = id_of(size, dense),
                       .summary = dense ? "Ant-v5 in a maze, reward exp(-distance to the goal), never terminates"
                                        : "Ant-v5 in a maze, reward 1 while at the goal, never terminates",
                       .obs_size = kPoseSize + kForceSize + 2,
                       .action_size = 8,
                       .max_episode_steps = size.steps,
                       .control_seconds = 0.05,
                       .sparse_reward = !dense,
                       .reports_success = true,
                       .observation_keys = "observation,desired_goal"});
  return specs;
}

std::unique_ptr<Env> make_ant_maze(const EnvSpec& spec, const EnvConfig&) {
  for (const bool dense : {false, true})
    for (const Size& size : kSizes)
      if (id_of(size, dense) == spec.id) return std::make_unique<AntMaze>(spec, Maze(size.map, 4.0, 0.5), dense);
  return nullptr;
}

}  // namespace warmstart
