#include "warmstart/envs/adroit/hand.h"

#include <algorithm>
#include <cmath>

namespace warmstart {

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
double norm(const Vec3& v) { return std::sqrt(dot(v, v)); }
Vec3 operator-(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
Vec3 operator/(const Vec3& a, double by) { return {a[0] / by, a[1] / by, a[2] / by}; }

AdroitHand::AdroitHand(EnvSpec env_spec, const char* asset, HandReward reward, int goal_size)
    : MujocoEnv(std::move(env_spec), load_model(find_asset(std::string(kRoboticsAssets) + "adroit_hand/" + asset)), 5, false, goal_size),
      reward_(reward),
      middle_(model().nu),
      half_range_(model().nu),
      control_(model().nu) {
  set_actuator_gains();
  for (int i = 0; i < model().nu; ++i) {
    const double low = model().actuator_ctrlrange[2 * i], high = model().actuator_ctrlrange[2 * i + 1];
    middle_[i] = (low + high) / 2;
    half_range_[i] = 0.5 * (high - low);
  }
}

// As the original, set after loading whatever the file says (today's files say the same): force = gain * (control - position).
void AdroitHand::set_actuator_gains() {
  struct Group {
    const char *first, *last;
    double gain;
  };
  for (const Group& group : {Group{"A_WRJ1", "A_WRJ0", 10}, Group{"A_FFJ3", "A_THJ0", 1}})
    for (int i = id_of(mjOBJ_ACTUATOR, group.first); i <= id_of(mjOBJ_ACTUATOR, group.last); ++i) {
      mjtNum *gain = model().actuator_gainprm + i * mjNGAIN, *bias = model().actuator_biasprm + i * mjNBIAS;
      gain[0] = group.gain, gain[1] = 0, gain[2] = 0;
      bias[0] = 0, bias[1] = -group.gain, bias[2] = 0;
    }
}

Step AdroitHand::act(std::span<const double> action) {
  for (std::size_t i = 0; i < control_.size(); ++i) control_[i] = middle_[i] + std::clamp(action[i], -1.0, 1.0) * half_range_[i];
  simulate(control_);
  Step result;
  result.success = achieved();
  switch (reward_) {
    case HandReward::kDense:
    case HandReward::kDenseV2:
      result.reward = dense_reward();
      break;
    case HandReward::kSparse:
      result.reward = result.success ? 10.0 : -0.1;
      break;
    case HandReward::kBinary:
      result.reward = result.success ? 0.0 : -1.0;
      result.terminated = result.success && !play_on_;
      break;
  }
  return result;
}

}  // namespace warmstart
