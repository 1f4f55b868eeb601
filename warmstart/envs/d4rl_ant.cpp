#include "warmstart/envs/d4rl_ant.h"

#include <algorithm>
#include <cmath>

#include "warmstart/core/files.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr const char* kAsset = "ogbench/locomaze/assets/ant.xml";
constexpr int kFrameSkip = 5;
constexpr double kControlSeconds = 0.1;
constexpr double kGoalRadius = 0.5;  // m
constexpr double kScale = 4, kHeight = 0.5;

struct Rules {
  const char* id;
  const char* same_as;      ///< "" or the id that this one is a second name of
  const MazeMap& map;       ///< one start, one goal
  const MazeMap& data_map;  ///< its goals are those of "play" data
  int steps;
  bool data_starts_anywhere;  ///< else as evaluation does
};
const Rules kMazes[] = {
    {"antmaze-umaze-v2", "", kD4rlUMaze, kD4rlUMaze, 700, false},
    {"antmaze-umaze-diverse-v2", "antmaze-umaze-v2", kD4rlUMaze, kD4rlUMaze, 700, true},
    {"antmaze-medium-play-v2", "", kD4rlMedium, kMediumDiverseG, 1000, true},
    {"antmaze-medium-diverse-v2", "antmaze-medium-play-v2", kD4rlMedium, kMediumDiverseG, 1000, true},
    {"antmaze-large-play-v2", "", kD4rlLarge, kLargeDiverseG, 1000, true},
    {"antmaze-large-diverse-v2", "antmaze-large-play-v2", kD4rlLarge, kLargeDiverseG, 1000, true},
    {"antmaze-ultra-play-v2", "", kD4rlUltra, kUltraDiverseG, 2000, true},
    {"antmaze-ultra-diverse-v2", "antmaze-ultra-play-v2", kD4rlUltra, kUltraDiverseG, 2000, true},
};

/// Starts and goals of OGBench's evaluation.
struct Pair {
  Cell start, goal;
};
struct OgbenchMaze {
  const char* id;
  const MazeMap& map;
  Pair tasks[5];
};
const OgbenchMaze kOgbench[] = {
    {"antmaze-medium-v0", kMediumMaze, {{{1, 1}, {6, 6}}, {{6, 1}, {1, 6}}, {{5, 3}, {4, 2}}, {{6, 5}, {6, 1}}, {{2, 6}, {1, 1}}}},
    {"antmaze-large-v0", kLargeMaze, {{{1, 1}, {7, 10}}, {{5, 4}, {7, 1}}, {{7, 4}, {1, 10}}, {{3, 8}, {5, 4}}, {{1, 1}, {5, 4}}}},
    {"antmaze-giant-v0", kGiantMaze, {{{1, 1}, {10, 14}}, {{1, 14}, {10, 1}}, {{8, 14}, {1, 1}}, {{8, 3}, {5, 12}}, {{5, 9}, {3, 8}}}},
};

ModelPtr ant_model(const Maze& maze) {
  const auto path = find_asset(kAsset);
  return compile_model(maze.add_walls(read_text(path), path.string()), path.string());
}

void shake(Rng& rng, std::span<double> qpos, std::span<double> qvel) {
  for (double& q : qpos) q += rng.uniform(-0.1, 0.1);
  for (double& v : qvel) v += 0.1 * rng.normal();
}

/// D4RL's ant between walls.
class MazeAnt : public MujocoEnv {
 protected:
  MazeAnt(EnvSpec env_spec, const MazeMap& map) : MazeAnt(std::move(env_spec), Maze(map, kScale, kHeight, MazeFrame::kFromCell)) {}

  Step act(std::span<const double> action) override {
    simulate(action);
    Step result;
    result.success = result.terminated = distance({data().qpos[0], data().qpos[1]}, {goal_[0], goal_[1]}) <= kGoalRadius;
    result.reward = result.success;
    return result;
  }
  void observe(std::span<double> out) const override {
    std::copy_n(data().qvel, model().nv, std::copy_n(data().qpos, model().nq, out.begin()));
  }

  const Maze maze_;

 private:
  MazeAnt(EnvSpec env_spec, Maze maze) : MujocoEnv(std::move(env_spec), ant_model(maze), kFrameSkip, false, 2), maze_(std::move(maze)) {}
};

class D4rlAntMaze : public MazeAnt, public AntData {
 public:
  D4rlAntMaze(EnvSpec env_spec, const Rules& rules) : MazeAnt(std::move(env_spec), rules.map), rules_(rules) {
    const Maze data_maze(rules.data_map, kScale, kHeight, MazeFrame::kFromCell);
    play_goals_ = data_maze.cells_marked('g');
    for (const Cell c : data_maze.free_cells())
      if (std::find(play_goals_.begin(), play_goals_.end(), c) == play_goals_.end()) start_cells_.push_back(c);
  }
  const Maze& maze() const override { return maze_; }

  void reset_for_data(Rng& rng) override {
    reset(rng);
    if (!rules_.data_starts_anywhere) return;
    std::vector<double> start = qpos();
    const Xy center = maze_.center(one_of(start_cells_, rng));
    for (int k = 0; k < 2; ++k) start[k] = std::max(center[k] + rng.uniform(0, 1), 0.0);
    set_state(start, qvel(), std::vector<double>(goal_));
  }

  Xy draw_data_goal(bool diverse, Rng& rng) const override {
    return draw_goal_in(one_of(diverse ? maze_.free_cells() : play_goals_, rng), rng);
  }

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double> start_goal) override {
    const Xy target = draw_goal_in(maze_.cells_marked('g')[0], rng);
    std::copy(target.begin(), target.end(), start_goal.begin());
    shake(rng, start_qpos, start_qvel);
  }

 private:
  static Cell one_of(const std::vector<Cell>& cells, Rng& rng) { return cells[rng.below(static_cast<std::uint32_t>(cells.size()))]; }

  Xy draw_goal_in(Cell cell, Rng& rng) const {
    Xy xy = maze_.center(cell);
    for (double& v : xy) v += rng.uniform(0, 1);
    for (double& v : xy) v = std::max(v + rng.uniform(0, 0.5), 0.0);
    return xy;
  }

  const Rules& rules_;
  std::vector<Cell> play_goals_, start_cells_;
};

class OgbenchAntMaze : public MazeAnt, public InMaze {
 public:
  OgbenchAntMaze(EnvSpec env_spec, const OgbenchMaze& rules) : MazeAnt(std::move(env_spec), rules.map), rules_(rules) {}
  const Maze& maze() const override { return maze_; }

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double> start_qvel, std::span<double> start_goal) override {
    const Pair& task = rules_.tasks[rng.below(5)];
    shake(rng, start_qpos, start_qvel);
    for (auto [cell, out] : {std::pair{task.start, start_qpos}, std::pair{task.goal, start_goal}}) {
      const Xy center = maze_.center(cell);
      for (int k = 0; k < 2; ++k) out[k] = center[k] + rng.uniform(-1, 1);
    }
  }

 private:
  const OgbenchMaze& rules_;
};

EnvSpec maze_spec(const char* id, const char* summary, int steps) {
  return {.id = id,
          .summary = summary,
          .obs_size = 29,
          .action_size = 8,
          .max_episode_steps = steps,
          .control_seconds = kControlSeconds,
          .sparse_reward = true,
          .reports_success = true,
          .score_low = 0,
          .score_high = 1};
}

}  // namespace

std::vector<EnvSpec> d4rl_ant_specs() {
  std::vector<EnvSpec> specs;
  for (const Rules& rules : kMazes) {
    specs.push_back(maze_spec(rules.id, "D4RL's ant in a maze, reward 1 at the goal, which ends the episode", rules.steps));
    specs.back().same_as = rules.same_as;
  }
  return specs;
}

std::unique_ptr<Env> make_d4rl_ant(const EnvSpec& spec, const EnvConfig&) {
  for (const Rules& rules : kMazes)
    if (spec.id == rules.id) return std::make_unique<D4rlAntMaze>(spec, rules);
  return nullptr;
}

std::vector<EnvSpec> ogbench_ant_specs() {
  std::vector<EnvSpec> specs;
  for (const OgbenchMaze& rules : kOgbench)
    specs.push_back(maze_spec(rules.id, "OGBench's ant in a maze, reward 1 at the goal, which ends the episode", 1000));
  return specs;
}

std::unique_ptr<Env> make_ogbench_ant(const EnvSpec& spec, const EnvConfig&) {
  for (const OgbenchMaze& rules : kOgbench)
    if (spec.id == rules.id) return std::make_unique<OgbenchAntMaze>(spec, rules);
  return nullptr;
}

const Maze* d4rl_ant_maze(const Env& env) {
  return dynamic_cast<const MazeAnt*>(&env) ? &dynamic_cast<const InMaze&>(env).maze() : nullptr;
}

}  // namespace warmstart
