// AdroitHandRelocate: pick the ball up and carry it to the target.
#include "warmstart/envs/adroit/hand.h"

namespace warmstart {
namespace {

constexpr double kNear = 0.1;      // m
constexpr std::size_t kAway = 36;  // in an observation

class Relocate : public AdroitHand {
 public:
  Relocate(EnvSpec env_spec, HandReward reward)
      : AdroitHand(std::move(env_spec), "adroit_relocate.xml", reward, 6),
        ball_(id_of(mjOBJ_BODY, "Object")),
        palm_(id_of(mjOBJ_SITE, "S_grasp")),
        target_(id_of(mjOBJ_SITE, "target")) {
    ball_height_ = model().body_pos[3 * ball_ + 2];
  }

 protected:
  void draw_start(Rng& rng, std::span<double>, std::span<double>, std::span<double> place) override {
    place[0] = rng.uniform(-0.15, 0.15);
    place[1] = rng.uniform(-0.15, 0.3);
    place[2] = ball_height_;
    place[3] = rng.uniform(-0.2, 0.2);
    place[4] = rng.uniform(-0.2, 0.2);
    place[5] = rng.uniform(0.15, 0.35);
  }
  void place_goal() override {
    std::copy_n(goal_.begin(), 3, model().body_pos + 3 * ball_);
    std::copy_n(goal_.begin() + 3, 3, model().site_pos + 3 * target_);
  }

  double distance() const { return norm(body(ball_) - site(target_)); }
  bool achieved() const override { return distance() < kNear; }

  // The first term pays for a hand far from the ball: that is how this version of the original has it.
  double dense_reward() const override {
    const Vec3 ball = body(ball_), palm = site(palm_), target = site(target_);
    double reward = reach_weight() * norm(palm - ball);
    if (ball[2] > 0.04) {  // lifted
      reward += 1;
      reward += -0.5 * norm(palm - target);
      reward += -0.5 * norm(ball - target);
    }
    if (distance() < 0.1) reward += 10;
    if (distance() < 0.05) reward += 20;
    return reward;
  }

  void observe(std::span<double> obs) const override {
    const Vec3 ball = body(ball_), palm = site(palm_), target = site(target_);
    ObsWriter out(obs);
    out.put(data().qpos, model().nq - 6);
    out.put(palm - ball);
    out.put(palm - target);
    out.put(ball - target);
  }

 private:
  int ball_, palm_, target_;
  double ball_height_;
};

}  // namespace

unsigned ball_is_there(std::span<const float> obs) { return norm({obs[kAway], obs[kAway + 1], obs[kAway + 2]}) < kNear; }

std::unique_ptr<AdroitHand> make_hand_relocate(const EnvSpec& spec, HandReward reward) { return std::make_unique<Relocate>(spec, reward); }

}  // namespace warmstart
