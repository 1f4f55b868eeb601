#include "warmstart/phases/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "warmstart/agents/policy.h"
#include "warmstart/core/text.h"
#include "warmstart/envs/d4rl_ant.h"
#include "warmstart/envs/waypoint.h"
#include "warmstart/phases/action_filter.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/ant_driver.h"
#include "warmstart/phases/expert.h"
#include "warmstart/phases/peg_driver.h"
#include "warmstart/phases/random_stretch.h"

namespace warmstart {
namespace {

constexpr int kBallActions = 2;
constexpr double kArrivedRadius = 0.1;  // m; D4RL's maze2d draws the next goal when this close to the last

class RandomDriver : public Driver {
 public:
  void act(const Env&, Rng& rng, std::span<double> action) override {
    for (double& a : action) a = rng.uniform(-1, 1);
  }
};

class WaypointDriver : public Driver {
 public:
  WaypointDriver(const Maze& maze, const CollectConfig& config)
      : maze_(maze), config_(config), controller_(maze), random_(config.random_share, kBallActions) {}

  void begin(const Env& env, Rng& rng) override {
    goal_ = {env.goal()[0], env.goal()[1]};
    detour_ = rng.uniform() < config_.detour;
    controller_.set_goal(detour_ ? maze_.draw_goal(rng) : goal_);
    random_.reset();
  }

  void act(const Env& env, Rng& rng, std::span<double> action) override {
    const auto obs = env.obs();
    const Xy position{obs[0], obs[1]}, velocity{obs[2], obs[3]};
    if (detour_ && distance(position, controller_.goal()) < kDetourRadius) {
      detour_ = false;
      controller_.set_goal(goal_);
    }
    if (!random_.next(rng, action)) std::ranges::copy(controller_.force(position, velocity), action.begin());
    for (double& a : action) a += config_.noise * rng.normal();
  }

  bool done(const Env& env) const override { return distance({env.obs()[0], env.obs()[1]}, goal_) < kArrivedRadius; }

 private:
  static constexpr double kDetourRadius = 0.45;  // m

  const Maze& maze_;
  const CollectConfig& config_;
  WaypointController controller_;
  Xy goal_{};
  bool detour_ = false;
  RandomStretch random_;
};

// A saved agent, sampling as it does when it learns.
class AgentDriver : public Driver {
 public:
  explicit AgentDriver(const AgentFile& file)
      : policy_(std::make_shared<Actor>(file.agent.actor), Rng(), exploration_noise(file)),
        filter_(file.recipe.safety, file.agent.actor.spec.action),
        obs_(static_cast<std::size_t>(file.agent.actor.spec.obs)),
        action_(static_cast<std::size_t>(file.agent.actor.spec.action)) {}

  void begin(const Env&, Rng&) override { filter_.begin_episode(); }
  void act(const Env& env, Rng& rng, std::span<double> action) override {
    std::copy(env.obs().begin(), env.obs().end(), obs_.begin());
    policy_.rng() = rng;
    policy_.act(obs_, false, action_);
    rng = policy_.rng();
    filter_.apply(action_);
    std::copy(action_.begin(), action_.end(), action.begin());
  }

 private:
  Policy policy_;
  ActionFilter filter_;
  std::vector<float> obs_, action_;
};

std::unique_ptr<Driver> agent_driver(const Env& env, const CollectConfig& config) {
  if (config.agent.empty())
    throw usage_error("policy \"agent\" needs a saved agent", "collect.agent",
                      "name a final.safetensors or pretrained.safetensors of a run");
  const AgentFile file = read_agent_file(config.agent);
  check_fits(file.agent.actor.spec, env.spec(), config.agent);
  check_bounds(file.bounds, env.spec(), config.agent);
  return std::make_unique<AgentDriver>(file);
}

std::unique_ptr<Driver> random_driver(const Env&, const CollectConfig&) { return std::make_unique<RandomDriver>(); }

std::unique_ptr<Driver> waypoint_driver(const Env& env, const CollectConfig& config) {
  if (auto ant = make_ant_driver(env, config)) return ant;
  const Maze* maze = maze_of(env);
  if (!maze || env.spec().action_size != kBallActions)
    throw usage_error("policy \"waypoint\" needs a maze with a ball or D4RL's ant", env.spec().id,
                      "use a PointMaze or an antmaze-... task, or policy \"random\"");
  return std::make_unique<WaypointDriver>(*maze, config);
}

/// Its episodes are replayed whole (phases/demonstrations.h); nobody can act by them from another state.
std::unique_ptr<Driver> recorded_driver(const Env&, const CollectConfig&) {
  throw usage_error("policy \"recorded\" acts in recorded states alone", "collect.policy", "use it with protocol \"demonstrations\"");
}

struct Entry {
  const char* name;
  std::unique_ptr<Driver> (*make)(const Env&, const CollectConfig&);
};
const Entry kDrivers[] = {{"waypoint", waypoint_driver}, {"expert", expert_driver}, {"script", peg_driver},
                          {"random", random_driver},     {"agent", agent_driver},   {"recorded", recorded_driver}};

}  // namespace

std::unique_ptr<Driver> make_driver(const Env& env, const CollectConfig& config) {
  if (config.protocol == "maze2d" && (!maze_of(env) || env.spec().action_size != kBallActions))
    throw usage_error("protocol \"maze2d\" needs a maze with a ball", env.spec().id, "use a PointMaze task, or protocol \"episodes\"");
  if ((config.protocol == "play" || config.protocol == "diverse") && !dynamic_cast<const AntData*>(&env))
    throw usage_error("protocol \"" + config.protocol + "\" needs D4RL's ant", env.spec().id,
                      "use an antmaze-...-v2 task, or protocol \"episodes\"");
  for (const Entry& entry : kDrivers)
    if (config.policy == entry.name) return entry.make(env, config);
  throw usage_error("no policy \"" + config.policy + "\"", "collect.policy",
                    "did you mean \"" + nearest_name(config.policy, driver_names()) + "\"?");
}

std::vector<std::string> driver_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kDrivers) names.push_back(entry.name);
  return names;
}

}  // namespace warmstart
