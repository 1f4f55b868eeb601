// What the four Adroit tasks share: actuators, rewards, ends. One file per task tells the rest.
#pragma once
#include <array>
#include <string>

#include "warmstart/envs/mujoco_env.h"

namespace warmstart {

enum class HandReward {
  kDense,    ///< the task's own formula; its reach term pays for a hand far away, as in gymnasium-robotics 1.2.1 to 1.4.2
  kDenseV2,  ///< the same with the reach term's sign repaired
  kSparse,   ///< 10 at success, else -0.1
  kBinary,   ///< 0 at success, else -1; success ends the episode
};

using Vec3 = std::array<double, 3>;
double norm(const Vec3& v);
double dot(const Vec3& a, const Vec3& b);
Vec3 operator-(const Vec3& a, const Vec3& b);
Vec3 operator/(const Vec3& a, double by);

class AdroitHand : public MujocoEnv {
 public:
  void play_on(bool on) { play_on_ = on; }

 protected:
  /// `asset` lies below adroit_hand/ of gymnasium-robotics.
  AdroitHand(EnvSpec spec, const char* asset, HandReward reward, int goal_size);

  Step act(std::span<const double> action) final;

  virtual bool achieved() const = 0;
  virtual double dense_reward() const = 0;
  /// Of the distance between hand and object in a dense reward.
  double reach_weight() const { return reward_ == HandReward::kDenseV2 ? -0.1 : 0.1; }

  Vec3 body(int id) const { return {data().xpos[3 * id], data().xpos[3 * id + 1], data().xpos[3 * id + 2]}; }
  Vec3 site(int id) const { return {data().site_xpos[3 * id], data().site_xpos[3 * id + 1], data().site_xpos[3 * id + 2]}; }

 private:
  void set_actuator_gains();

  HandReward reward_;
  bool play_on_ = false;
  std::vector<double> middle_, half_range_, control_;  ///< [nu]
};

/// Puts numbers one after the other into an observation.
class ObsWriter {
 public:
  explicit ObsWriter(std::span<double> out) : at_(out.begin()) {}
  void put(const double* first, int count) { at_ = std::copy_n(first, count, at_); }
  void put(const Vec3& v) { put(v.data(), 3); }
  void put(double x) { *at_++ = x; }

 private:
  std::span<double>::iterator at_;
};

// Success by the rule of achieved(), of an observation: 1 or 0.
unsigned door_is_open(std::span<const float> obs);
unsigned pen_lies_right(std::span<const float> obs);
unsigned ball_is_there(std::span<const float> obs);

std::unique_ptr<AdroitHand> make_hand_door(const EnvSpec& spec, HandReward reward);
std::unique_ptr<AdroitHand> make_hand_pen(const EnvSpec& spec, HandReward reward);
std::unique_ptr<AdroitHand> make_hand_relocate(const EnvSpec& spec, HandReward reward);
std::unique_ptr<AdroitHand> make_hand_hammer(const EnvSpec& spec, HandReward reward);

}  // namespace warmstart
