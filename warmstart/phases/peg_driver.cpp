#include "warmstart/phases/peg_driver.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

// Entries of the observation (envs/peg_insertion.h) and sizes of a full action.
constexpr int kOffset = 19, kTurn = 22;
constexpr double kStepCm = 2, kStepRad = 0.1;

constexpr double kRimCm = 4;                            // the tip's height over its seat when it is level with the rim
constexpr double kHoverCm = 0.4;                        // above the rim, until aligned
constexpr double kLateralCm = 0.01;                     // aligned: this close to the axis
constexpr double kTurnRad = 0.01;                       // and to the orientation
constexpr double kLoosen = 1.15, kMaxSlack = 10;        // growth of both tolerances per step of hovering, and its end
constexpr double kLower = 0.6, kPress = 0.25;           // shares of a full action downwards
constexpr double kMovesCm = 0.05;                       // a step that gains less is stuck
constexpr int kPatience = 25;                           // stuck steps before a new attempt
constexpr double kSpiralCm = 0.004, kSpiralTurn = 2.4;  // growth per step, and rad per step: rings without gaps
constexpr int kHold = 5;                                // mean length of a stretch of random actions

class PegDriver : public Driver {
 public:
  explicit PegDriver(const CollectConfig& config) : config_(config) {}

  void begin(const Env&, Rng& rng) override {
    noisy_ = episode_++ >= config_.demonstrations;
    noise_ = noisy_ ? config_.noise * rng.uniform() : 0;
    lowering_ = false;
    slack_ = 1;
    stuck_ = lifts_ = random_left_ = 0;
  }

  void act(const Env& env, Rng& rng, std::span<double> action) override {
    script(env.obs(), action);
    if (!noisy_) return;
    hold_random_stretch(rng, action);
    for (double& a : action) a += noise_ * rng.normal();
  }

 private:
  void script(std::span<const double> obs, std::span<double> action) {
    const double x = obs[kOffset], y = obs[kOffset + 1], height = obs[kOffset + 2] - kRimCm;
    const double lateral = std::hypot(x, y), turn = std::hypot(obs[kTurn], obs[kTurn + 1], obs[kTurn + 2]);
    // whoever trembles never gets as close as he would like
    const bool hovers = !lowering_ && height < kHoverCm + 0.5;
    slack_ = hovers ? std::min(slack_ * kLoosen, kMaxSlack) : 1;
    const bool aligned = lateral < slack_ * kLateralCm && turn < slack_ * kTurnRad;
    if (height > kHoverCm + 0.6) lowering_ = false;  // lifted, or pushed away
    if (!lowering_ && aligned && height < kHoverCm + 0.1 * slack_) lowering_ = true, last_height_ = height + 1;
    std::array<double, 2> aim{};
    double down = 0;
    if (lifts_ > 0) {  // a new attempt
      --lifts_;
      down = -0.5;
    } else if (lowering_) {
      stuck_ = last_height_ - height < kMovesCm ? stuck_ + 1 : std::max(0, stuck_ - 2);
      last_height_ = height;
      down = stuck_ > 1 ? kPress : kLower;
      if (stuck_ > 1) aim = {kSpiralCm * stuck_ * std::cos(kSpiralTurn * stuck_), kSpiralCm * stuck_ * std::sin(kSpiralTurn * stuck_)};
      if (stuck_ > kPatience) stuck_ = 0, lifts_ = 3;
    } else {  // straight to a place above the socket, but no lower than the rim allows
      down = std::clamp((height - kHoverCm) / kStepCm, -1.0, 1.0);
    }
    action[0] = (aim[0] - x) / kStepCm;
    action[1] = (aim[1] - y) / kStepCm;
    action[2] = -down;
    for (int i = 0; i < 3; ++i) action[3 + i] = -obs[kTurn + i] / kStepRad;
    for (double& a : action) a = std::clamp(a, -1.0, 1.0);
  }

  // As in mazes: a stretch begins with such a probability that random_share of all steps lie in one.
  void hold_random_stretch(Rng& rng, std::span<double> action) {
    const double share = config_.random_share;
    if (random_left_ == 0 && share > 0 && rng.uniform() < share / (share + kHold * (1 - share))) {
      random_left_ = 1 + static_cast<int>(rng.below(2 * kHold - 1));
      for (double& h : held_) h = rng.uniform(-1, 1);
    }
    if (random_left_ == 0) return;
    --random_left_;
    std::copy(held_.begin(), held_.end(), action.begin());
  }

  const CollectConfig& config_;
  std::int64_t episode_ = 0;
  bool noisy_ = false, lowering_ = false;
  double slack_ = 1;        // of the alignment, grows while hovering
  double noise_ = 0;        // of this episode
  double last_height_ = 0;  // cm above the rim
  int stuck_ = 0, lifts_ = 0, random_left_ = 0;
  std::array<double, 6> held_{};
};

}  // namespace

std::unique_ptr<Driver> peg_driver(const Env& env, const CollectConfig& config) {
  if (env.spec().id != "FrankaPegInsertion-v0")
    throw usage_error("policy \"script\" is for peg insertion", env.spec().id, "use FrankaPegInsertion-v0, or policy \"random\"");
  return std::make_unique<PegDriver>(config);
}

}  // namespace warmstart
