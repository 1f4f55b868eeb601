#include "warmstart/phases/ant_driver.h"

#include <algorithm>

#include "warmstart/agents/policy.h"
#include "warmstart/core/install.h"
#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/waypoint.h"
#include "warmstart/phases/export/export.h"
#include "warmstart/phases/random_stretch.h"

namespace warmstart {
namespace {

constexpr double kLane = 1.0;           // m beside the middle of a corridor from which the ant does not touch walls at corners
constexpr double kArrivedRadius = 0.5;  // m

std::shared_ptr<const Actor> walker() {
  const fs::path path =
      find_shared("policies/ant-reach.safetensors", fs::path(WARMSTART_SOURCE_DIR) / "data/policies/ant-reach.safetensors");
  if (!fs::exists(path))
    throw machine_error("the policy that walks the ant is missing", path.string(),
                        "restore the file from the repository, or train it again with recipes/ant-reach/sac.toml");
  ExportedActor file = actor_of(read_safetensors(path), path.string());
  if (file.env != "AntReach-v0" || file.obs_size() != kReachObsSize)
    throw data_error("a policy for " + file.env, path.string(), "use one for AntReach-v0");
  return std::make_shared<const Actor>(std::move(file.actor));
}

class AntDriver : public Driver {
 public:
  AntDriver(const Env& env, const Maze& maze, const CollectConfig& config)
      : config_(config),
        data_(config.protocol == "episodes" ? nullptr : dynamic_cast<const AntData*>(&env)),
        maze_(maze),
        controller_(maze),
        policy_(walker(), Rng()),
        random_(config.random_share, env.spec().action_size),
        obs_(kReachObsSize),
        wanted_(env.spec().action_size),
        seen_(obs_.size()),
        chosen_(wanted_.size()) {}

  void begin(const Env& env, Rng& rng) override {
    random_.reset();
    detour_ = rng.uniform() < config_.detour;
    if (detour_) return controller_.set_goal(any_place(rng));
    head_for_goal(env, rng);
  }

  void act(const Env& env, Rng& rng, std::span<double> action) override {
    const std::vector<double> qpos = env.qpos();
    const Xy position{qpos[0], qpos[1]};
    if ((detour_ || data_) && distance(position, controller_.goal()) <= kArrivedRadius) {
      detour_ = false;
      head_for_goal(env, rng);
    }
    if (!random_.next(rng, action)) {
      const ReachFrame frame(qpos, controller_.waypoint(position, kLane));
      frame.observe(qpos, env.qvel(), obs_);
      std::transform(obs_.begin(), obs_.end(), seen_.begin(), [](double v) { return static_cast<float>(v); });
      policy_.act(seen_, true, chosen_);
      std::copy(chosen_.begin(), chosen_.end(), wanted_.begin());
      frame.to_motors(wanted_, action);
    }
    for (double& a : action) a += config_.noise * rng.normal();
  }

 private:
  void head_for_goal(const Env& env, Rng& rng) {
    controller_.set_goal(data_ ? data_->draw_data_goal(config_.protocol == "diverse", rng) : Xy{env.goal()[0], env.goal()[1]});
  }
  Xy any_place(Rng& rng) const {
    const std::vector<Cell> cells = maze_.free_cells();
    return maze_.center(cells[rng.below(static_cast<std::uint32_t>(cells.size()))]);
  }

  const CollectConfig& config_;
  const AntData* data_;  ///< where the goals come from; null: the task's own
  const Maze& maze_;
  WaypointController controller_;
  Policy policy_;
  RandomStretch random_;
  bool detour_ = false;
  std::vector<double> obs_, wanted_;
  std::vector<float> seen_, chosen_;
};

}  // namespace

std::unique_ptr<Driver> make_ant_driver(const Env& env, const CollectConfig& config) {
  const Maze* maze = d4rl_ant_maze(env);
  return maze ? std::make_unique<AntDriver>(env, *maze, config) : nullptr;
}

}  // namespace warmstart
