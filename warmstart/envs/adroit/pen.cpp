// AdroitHandPen: turn the pen in the hand until it lies like the target.
#include <cmath>

#include "warmstart/envs/adroit/hand.h"

namespace warmstart {
namespace {

constexpr double kNear = 0.075, kAlike = 0.95;               // m; cosine
constexpr std::size_t kAxis = 33, kWanted = 36, kAway = 39;  // in an observation

class Pen : public AdroitHand {
 public:
  Pen(EnvSpec env_spec, HandReward reward)
      : AdroitHand(std::move(env_spec), "adroit_pen.xml", reward, 4),
        target_(id_of(mjOBJ_BODY, "target")),
        pen_(id_of(mjOBJ_BODY, "Object")),
        place_(id_of(mjOBJ_SITE, "eps_ball")),
        top_(id_of(mjOBJ_SITE, "object_top")),
        bottom_(id_of(mjOBJ_SITE, "object_bottom")),
        target_top_(id_of(mjOBJ_SITE, "target_top")),
        target_bottom_(id_of(mjOBJ_SITE, "target_bottom")) {
    mj_forward(&model(), &data());
    length_ = norm(site(top_) - site(bottom_));
    target_length_ = norm(site(target_top_) - site(target_bottom_));
    std::copy_n(model().body_quat + 4 * target_, 4, goal_.begin());
  }

 protected:
  // Angles about x and y, uniform on [-1, 1] rad; none about z.
  void draw_start(Rng& rng, std::span<double>, std::span<double>, std::span<double> quat) override {
    const double x = rng.uniform(-1, 1) / 2, y = -rng.uniform(-1, 1) / 2;
    quat[0] = std::cos(y) * std::cos(x);
    quat[1] = std::cos(y) * std::sin(x);
    quat[2] = -std::sin(y) * std::cos(x);
    quat[3] = -std::sin(y) * std::sin(x);
  }
  void place_goal() override { std::copy_n(goal_.begin(), 4, model().body_quat + 4 * target_); }

  Vec3 axis() const { return (site(top_) - site(bottom_)) / length_; }
  Vec3 target_axis() const { return (site(target_top_) - site(target_bottom_)) / target_length_; }
  double distance() const { return norm(body(pen_) - site(place_)); }
  double cosine() const { return dot(axis(), target_axis()); }
  bool achieved() const override { return distance() < kNear && cosine() > kAlike; }

  double dense_reward() const override {
    const double away = distance(), alike = cosine();
    double reward = -away + alike;
    if (away < 0.075 && alike > 0.9) reward += 10;
    if (away < 0.075 && alike > 0.95) reward += 50;
    if (body(pen_)[2] < 0.075) reward -= 5;  // dropped
    return reward;
  }

  void observe(std::span<double> obs) const override {
    const Vec3 pen = body(pen_), now = axis(), wanted = target_axis();
    ObsWriter out(obs);
    out.put(data().qpos, model().nq - 6);
    out.put(pen);
    out.put(data().qvel + model().nv - 6, 6);
    out.put(now);
    out.put(wanted);
    out.put(pen - site(place_));
    out.put(now - wanted);
  }

 private:
  int target_, pen_, place_, top_, bottom_, target_top_, target_bottom_;
  double length_ = 1, target_length_ = 1;
};

}  // namespace

unsigned pen_lies_right(std::span<const float> obs) {
  const auto at = [&](std::size_t i) { return Vec3{obs[i], obs[i + 1], obs[i + 2]}; };
  return norm(at(kAway)) < kNear && dot(at(kAxis), at(kWanted)) > kAlike;
}

std::unique_ptr<AdroitHand> make_hand_pen(const EnvSpec& spec, HandReward reward) { return std::make_unique<Pen>(spec, reward); }

}  // namespace warmstart
