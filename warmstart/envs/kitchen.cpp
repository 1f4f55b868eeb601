#include "warmstart/envs/kitchen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr int kRobot = 9, kObjectPos = 21, kObjectVel = 20, kPos = kRobot + kObjectPos, kVel = kRobot + kObjectVel;
constexpr double kNear = 0.3;      // a part is done when its joints are this close to its goal
constexpr double kMaxSpeed = 2.0;  // what action 1 means, rad/s (the original's limit of 10 is never reached)

/// A thing to be done: joints [first, first + goal.size()) of qpos, and where they should be.
struct Part {
  const char* name;
  int first;
  std::vector<double> goal;
};
const Part kParts[] = {
    {"bottom burner", 11, {-0.88, -0.01}},
    {"top burner", 15, {-0.92, -0.01}},
    {"light switch", 17, {-0.69, -0.05}},
    {"slide cabinet", 19, {0.37}},
    {"hinge cabinet", 20, {0.0, 1.45}},
    {"microwave", 22, {-0.75}},
    {"kettle", 23, {-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06}},
};

constexpr std::array<double, kPos> kStart = {
    1.48388023e-01, -1.76848573e+00, 1.84390296e+00,  -2.47685760e+00, 2.60252026e-01,  7.12533105e-01,  1.59515394e+00,  4.79267505e-02,
    3.71350919e-02, -2.66279850e-04, -5.18043486e-05, 3.12877220e-05,  -4.51199853e-05, -3.90842156e-06, -4.22629655e-05, 6.28065475e-05,
    4.04984708e-05, 4.62730939e-04,  -2.26906415e-04, -4.65501369e-04, -6.44129196e-03, -1.77048263e-03, 1.08009684e-03,  -2.69397440e-01,
    3.50383255e-01, 1.61944683e+00,  1.00618764e+00,  4.06395120e-03,  -6.62095997e-03, -2.68278933e-04};

// Limits of the robot's joints and the amplitudes of noise, of qpos 0..29, as the original's franka_config.xml has them.
constexpr double kLow[kRobot] = {-2.9, -1.8, -2.9, -3.1, -2.9, 0, -2.9, 0, 0};
constexpr double kHigh[kRobot] = {2.9, 1.8, 2.9, 0, 2.9, 3.8, 2.9, 0.04, 0.04};
constexpr double kPosNoise[kPos] = {.1,    .1,    .1,   .1,   .1,   .1, .1, .1, .1,   .005, .005, .0005, .0005, .0005, .0005,
                                    .0005, .0005, .005, .005, .005, .1, .1, .1, .005, .005, .005, .1,    .1,    .1,    .005};
constexpr double kVelNoise[kVel] = {.1,   .1,   .1,   .1,   .1,   .1, .1, .1, .1,   .005, .005, .005, .005, .005, .005,
                                    .005, .005, .005, .005, .005, .1, .1, .1, .005, .005, .005, .1,   .1,   .1};

/// What tells the ids apart.
struct Rules {
  const char* id;
  const char* summary;
  const char* same_as;
  std::vector<const char*> parts;
  bool d4rl;             ///< D4RL's observation, reward and noise
  double robot_noise;    ///< share of the amplitudes
  double object_noise;   ///< likewise
  int object_amplitude;  ///< where the objects' amplitudes of position noise begin
};
const std::vector<const char*> kSlide = {"microwave", "kettle", "light switch", "slide cabinet"};
const std::vector<const char*> kBurner = {"microwave", "kettle", "bottom burner", "light switch"};
const Rules kRules[] = {
    // the original is off by one in the objects' amplitudes; D4RL is not
    {"FrankaKitchen-v1",
     "an arm does seven things in a kitchen, reward 1 for each when it is done",
     "",
     {"bottom burner", "top burner", "light switch", "slide cabinet", "hinge cabinet", "microwave", "kettle"},
     false,
     0.01,
     0.0005,
     8},
    {"kitchen-complete-v0", "an arm does four things in a kitchen, reward: how many are done (D4RL)", "", kSlide, true, 0.1, 0.1, 9},
    {"kitchen-partial-v0", "kitchen-complete-v0 with D4RL's partial data", "kitchen-complete-v0", kSlide, true, 0.1, 0.1, 9},
    {"kitchen-mixed-v0", "an arm does four things in a kitchen, another four, reward: how many are done (D4RL)", "", kBurner, true, 0.1,
     0.1, 9},
};

std::vector<const Part*> parts_of(const Rules& rules) {
  std::vector<const Part*> parts;
  for (const char* name : rules.parts)
    parts.push_back(std::find_if(std::begin(kParts), std::end(kParts), [&](const Part& p) { return std::string_view(p.name) == name; }));
  return parts;
}

/// [30], zero where no part has a goal.
std::vector<double> goal_of(const Rules& rules) {
  std::vector<double> goal(kPos);
  for (const Part* part : parts_of(rules)) std::copy(part->goal.begin(), part->goal.end(), goal.begin() + part->first);
  return goal;
}

template <class Number>
bool is_done(const Part& part, const Number* positions) {
  double squares = 0;
  for (std::size_t i = 0; i < part.goal.size(); ++i)
    squares += std::pow(positions[static_cast<std::size_t>(part.first) + i] - part.goal[i], 2);
  return std::sqrt(squares) < kNear;
}

/// D4RL's ids from recordings of FrankaKitchen-v1, which see velocities too and no goal.
TaskData data_of(const Rules& rules) {
  TaskData data;
  if (!rules.d4rl) return data;
  data.done = [parts = parts_of(rules)](std::span<const float> obs) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < parts.size(); ++k) bits |= static_cast<unsigned>(is_done(*parts[k], obs.data())) << k;
    return bits;
  };
  data.parts = static_cast<int>(rules.parts.size());
  data.other_obs_size = kPos + kVel;
  data.other_keys = "observation";
  data.translate = [goal = goal_of(rules)](std::span<const float> other, std::span<float> obs) {
    auto at = std::copy_n(other.begin(), kRobot, obs.begin());
    at = std::copy_n(other.begin() + 2 * kRobot, kObjectPos, at);
    std::transform(goal.begin(), goal.end(), at, [](double g) { return static_cast<float>(g); });
  };
  return data;
}

class Kitchen : public MujocoEnv {
 public:
  Kitchen(EnvSpec env_spec, const Rules& rules)
      : MujocoEnv(std::move(env_spec),
                  load_model(find_asset(std::string(kRoboticsAssets) + "kitchen_franka/kitchen_assets/kitchen_env_model.xml")), 40, false,
                  0),
        rules_(rules),
        parts_(parts_of(rules)),
        done_(parts_.size()),
        qpos_(kPos),
        qvel_(kVel),
        control_(kRobot),
        goal_obs_(goal_of(rules)) {}

  void feed(std::vector<double> draws) {
    fed_ = std::move(draws);
    is_fed_ = true;
    next_fed_ = 0;
  }

  // Later steps start from the noisy position, and noise has a stream of its own.
  void save(StateWriter& out) const override {
    MujocoEnv::save(out);
    out.put(noise_rng_);
    out.put(qpos_);
    out.put(qvel_);
    out.put(done_);
  }
  void load(StateReader& in) override {
    MujocoEnv::load(in);
    in.get(noise_rng_);
    in.get(qpos_);
    in.get(qvel_);
    in.get(done_);
  }

 protected:
  void draw_start(Rng& rng, std::span<double> start_qpos, std::span<double>, std::span<double>) override {
    std::copy(kStart.begin(), kStart.end(), start_qpos.begin());
    noise_rng_ = Rng(rng.bits64(), "kitchen noise");
  }

  void begin() override {
    std::fill(done_.begin(), done_.end(), 0);
    look();
  }

  Step act(std::span<const double> action) override {
    for (int i = 0; i < kRobot; ++i)
      control_[i] = std::clamp(qpos_[i] + std::clamp(action[i], -1.0, 1.0) * kMaxSpeed * control_seconds(), kLow[i], kHigh[i]);
    simulate(control_);
    look();
    const int now = count_completed();
    const auto all = static_cast<double>(std::count(done_.begin(), done_.end(), 1));
    Step result;
    result.reward = rules_.d4rl ? all : now;
    result.solved = all / static_cast<double>(parts_.size());
    result.success = result.terminated = result.solved == 1;
    return result;
  }

  void observe(std::span<double> out) const override {
    auto at = out.begin();
    if (rules_.d4rl) {
      at = std::copy_n(qpos_.begin(), kPos, at);
      std::copy_n(goal_obs_.begin(), kPos, at);
      return;
    }
    at = std::copy_n(qpos_.begin(), kRobot, at);
    at = std::copy_n(qvel_.begin(), kRobot, at);
    at = std::copy_n(qpos_.begin() + kRobot, kObjectPos, at);
    std::copy_n(qvel_.begin() + kRobot, kObjectVel, at);
  }

 private:
  double draw() {
    if (!is_fed_) return noise_rng_.uniform(-1, 1);
    if (next_fed_ == fed_.size()) throw usage_error("the recorded noise is used up", spec().id, "record 59 numbers for each observation");
    return fed_[next_fed_++];
  }

  // What the robot's sensors say: position and velocity with noise.
  void look() {
    const auto read = [&](int first, int count, const mjtNum* from, const double* amplitude, double ratio, std::vector<double>& to) {
      for (int i = 0; i < count; ++i) to[first + i] = from[first + i] + ratio * amplitude[i] * draw();
    };
    read(0, kRobot, data().qpos, kPosNoise, rules_.robot_noise, qpos_);
    read(0, kRobot, data().qvel, kVelNoise, rules_.robot_noise, qvel_);
    read(kRobot, kObjectPos, data().qpos, kPosNoise + rules_.object_amplitude, rules_.object_noise, qpos_);
    read(kRobot, kObjectVel, data().qvel, kVelNoise + kRobot, rules_.object_noise, qvel_);
  }

  /// Marks what is done now and was not before; how many those are.
  int count_completed() {
    int now = 0;
    const double* seen = rules_.d4rl ? qpos_.data() : data().qpos;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      if (done_[k]) continue;
      if (!is_done(*parts_[k], seen)) continue;
      done_[k] = 1;
      ++now;
    }
    return now;
  }

  const Rules& rules_;
  std::vector<const Part*> parts_;
  std::vector<std::uint8_t> done_;   ///< of each part
  std::vector<double> qpos_, qvel_;  ///< [30], [29] with noise
  std::vector<double> control_;      ///< [9]
  std::vector<double> goal_obs_;     ///< [30]
  Rng noise_rng_;
  std::vector<double> fed_;
  std::size_t next_fed_ = 0;
  bool is_fed_ = false;
};

}  // namespace

std::vector<EnvSpec> kitchen_specs() {
  std::vector<EnvSpec> specs;
  for (const Rules& r : kRules)
    specs.push_back({.id = r.id,
                     .summary = r.summary,
                     .obs_size = r.d4rl ? 2 * kPos : kPos + kVel,
                     .action_size = kRobot,
                     .max_episode_steps = 280,
                     .control_seconds = 0.08,
                     .reports_success = true,
                     .observation_keys = r.d4rl ? "" : "observation",
                     .same_as = r.same_as,
                     .counts_parts = true,
                     .reward_high = static_cast<double>(r.parts.size()),
                     .final_reward = r.d4rl ? static_cast<double>(r.parts.size()) : 0,
                     .data = data_of(r)});
  return specs;
}

std::unique_ptr<Env> make_kitchen(const EnvSpec& spec, const EnvConfig&) {
  for (const Rules& r : kRules)
    if (spec.id == r.id) return std::make_unique<Kitchen>(spec, r);
  return nullptr;
}

bool feed_observation_noise(Env& env, std::vector<double> draws) {
  auto* kitchen = dynamic_cast<Kitchen*>(&env);
  if (kitchen) kitchen->feed(std::move(draws));
  return kitchen != nullptr;
}

}  // namespace warmstart
