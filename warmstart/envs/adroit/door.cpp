// AdroitHandDoor: undo the latch and swing the door open.
#include "warmstart/envs/adroit/hand.h"

namespace warmstart {
namespace {

constexpr double kOpen = 1.35;      // rad
constexpr std::size_t kHinge = 28;  // in an observation

class Door : public AdroitHand {
 public:
  Door(EnvSpec env_spec, HandReward reward)
      : AdroitHand(std::move(env_spec), "adroit_door.xml", reward, 3),
        frame_(id_of(mjOBJ_BODY, "frame")),
        palm_(id_of(mjOBJ_SITE, "S_grasp")),
        handle_(id_of(mjOBJ_SITE, "S_handle")),
        hinge_(model().jnt_qposadr[id_of(mjOBJ_JOINT, "door_hinge")]) {}

 protected:
  void draw_start(Rng& rng, std::span<double>, std::span<double>, std::span<double> frame) override {
    frame[0] = rng.uniform(-0.3, -0.2);
    frame[1] = rng.uniform(0.25, 0.35);
    frame[2] = rng.uniform(0.252, 0.35);
  }
  void place_goal() override { std::copy_n(goal_.begin(), 3, model().body_pos + 3 * frame_); }

  double hinge() const { return data().qpos[hinge_]; }
  bool achieved() const override { return hinge() >= kOpen; }

  // The first term pays for being far from the handle: that is how this version of the original has it.
  double dense_reward() const override {
    double squares = 0;
    for (int i = 0; i < model().nv; ++i) squares += data().qvel[i] * data().qvel[i];
    double reward = reach_weight() * norm(site(palm_) - site(handle_));
    reward += -0.1 * (hinge() - 1.57) * (hinge() - 1.57);
    reward += -1e-5 * squares;
    if (hinge() > 0.2) reward += 2;
    if (hinge() > 1.0) reward += 8;
    if (hinge() > 1.35) reward += 10;
    return reward;
  }

  void observe(std::span<double> obs) const override {
    const int nq = model().nq;
    const Vec3 palm = site(palm_), handle = site(handle_);
    ObsWriter out(obs);
    out.put(data().qpos + 1, nq - 3);
    out.put(data().qpos[nq - 1]);
    out.put(hinge());
    out.put(palm);
    out.put(handle);
    out.put(palm - handle);
    out.put(hinge() > 1.0 ? 1.0 : -1.0);
  }

 private:
  int frame_, palm_, handle_, hinge_;
};

}  // namespace

unsigned door_is_open(std::span<const float> obs) { return obs[kHinge] >= kOpen; }

std::unique_ptr<AdroitHand> make_hand_door(const EnvSpec& spec, HandReward reward) { return std::make_unique<Door>(spec, reward); }

}  // namespace warmstart
