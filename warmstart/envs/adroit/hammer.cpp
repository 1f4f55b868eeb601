// AdroitHandHammer: pick the hammer up and drive the nail in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "warmstart/envs/adroit/hand.h"

namespace warmstart {
namespace {

// Angles about x, y, z of a body's quaternion, as the original's rotation helpers give them.
Vec3 euler_of(const mjtNum* quat) {
  const double w = quat[0], x = quat[1], y = quat[2], z = quat[3];
  const double s = 2 / (w * w + x * x + y * y + z * z);
  const double X = x * s, Y = y * s, Z = z * s;
  const double m00 = 1 - (y * Y + z * Z), m01 = x * Y - w * Z, m02 = x * Z + w * Y, m10 = x * Y + w * Z, m11 = 1 - (x * X + z * Z),
               m12 = y * Z - w * X, m22 = 1 - (x * X + y * Y);
  const double cy = std::sqrt(m22 * m22 + m12 * m12);
  const bool regular = cy > 4 * std::numeric_limits<double>::epsilon();
  return {regular ? -std::atan2(m12, m22) : 0, -std::atan2(-m02, cy), regular ? -std::atan2(m01, m00) : -std::atan2(-m10, m11)};
}

class Hammer : public AdroitHand {
 public:
  Hammer(EnvSpec env_spec, HandReward reward)
      : AdroitHand(std::move(env_spec), "adroit_hammer.xml", reward, 3),
        board_(id_of(mjOBJ_BODY, "nail_board")),
        hammer_(id_of(mjOBJ_BODY, "Object")),
        palm_(id_of(mjOBJ_SITE, "S_grasp")),
        head_(id_of(mjOBJ_SITE, "tool")),
        nail_(id_of(mjOBJ_SITE, "S_target")),
        nail_goal_(id_of(mjOBJ_SITE, "nail_goal")),
        impact_(model().sensor_adr[id_of(mjOBJ_SENSOR, "S_nail")]) {
    std::copy_n(model().body_pos + 3 * board_, 3, board_place_.begin());
  }

 protected:
  void draw_start(Rng& rng, std::span<double>, std::span<double>, std::span<double> board) override {
    std::copy(board_place_.begin(), board_place_.end(), board.begin());
    board[2] = rng.uniform(0.1, 0.25);
  }
  void place_goal() override { std::copy_n(goal_.begin(), 3, model().body_pos + 3 * board_); }

  double distance() const { return norm(site(nail_) - site(nail_goal_)); }
  bool achieved() const override { return distance() < 0.01; }

  // The first term pays for a palm far from the hammer: that is how this version of the original has it.
  double dense_reward() const override {
    const Vec3 hammer = body(hammer_), head = site(head_), nail = site(nail_);
    double squares = 0;
    for (int i = 0; i < model().nv; ++i) squares += data().qvel[i] * data().qvel[i];
    double reward = reach_weight() * norm(site(palm_) - hammer);
    reward -= norm(head - nail);
    reward -= 10 * distance();
    reward -= 1e-2 * std::sqrt(squares);
    if (hammer[2] > 0.04 && head[2] > 0.04) reward += 2;
    if (distance() < 0.020) reward += 25;
    if (distance() < 0.010) reward += 75;
    return reward;
  }

  void observe(std::span<double> obs) const override {
    ObsWriter out(obs);
    out.put(data().qpos, model().nq - 6);
    for (int i = model().nv - 6; i < model().nv; ++i) out.put(std::clamp(data().qvel[i], -1.0, 1.0));
    out.put(site(palm_));
    out.put(body(hammer_));
    out.put(euler_of(data().xquat + 4 * hammer_));
    out.put(site(nail_));
    out.put(std::clamp(data().sensordata[impact_], -1.0, 1.0));
  }

 private:
  int board_, hammer_, palm_, head_, nail_, nail_goal_, impact_;
  Vec3 board_place_{};
};

}  // namespace

std::unique_ptr<AdroitHand> make_hand_hammer(const EnvSpec& spec, HandReward reward) { return std::make_unique<Hammer>(spec, reward); }

}  // namespace warmstart
