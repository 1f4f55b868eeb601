#include "warmstart/envs/adroit.h"

#include <fmt/format.h>

#include "warmstart/envs/adroit/hand.h"

namespace warmstart {
namespace {

struct Task {
  const char *name, *binary;  ///< binary: the id that success ends, or null
  const char *summary, *goal_info;
  int obs_size, action_size, binary_steps;
  std::unique_ptr<AdroitHand> (*make)(const EnvSpec&, HandReward);
  unsigned (*achieved)(std::span<const float> obs);  ///< 1 when the observation shows success; null: not needed
};
const Task kTasks[] = {
    {"Door", "door-binary-v0", "a hand undoes a latch and opens a door", "door_body_pos", 39, 28, 200, make_hand_door, door_is_open},
    {"Pen", "pen-binary-v0", "a hand turns a pen to a target", "desired_orien", 45, 24, 100, make_hand_pen, pen_lies_right},
    {"Relocate", "relocate-binary-v0", "a hand carries a ball to a target", "obj_pos,target_pos", 39, 30, 200, make_hand_relocate,
     ball_is_there},
    {"Hammer", nullptr, "a hand drives a nail in with a hammer", "board_pos", 46, 26, 200, make_hand_hammer, nullptr},
};

struct Variant {
  HandReward reward;
  int version;  ///< of an AdroitHand id
  const char* summary;
};
const Variant kVariants[] = {{HandReward::kDense, 1, ""},
                             {HandReward::kSparse, 1, ", reward 10 at success, else -0.1"},
                             {HandReward::kDenseV2, 2, ", reach term of the reward repaired"},
                             {HandReward::kSparse, 2, ", reward 10 at success, else -0.1"},
                             {HandReward::kBinary, 0, ", reward -1 until the first success, which ends the episode"}};

/// "" when the task has no such variant.
std::string id_of(const Task& task, HandReward reward, int version) {
  if (reward == HandReward::kBinary) return task.binary ? task.binary : "";
  return fmt::format("AdroitHand{}{}-v{}", task.name, reward == HandReward::kSparse ? "Sparse" : "", version);
}

/// What -v2 left as it was: sparse rewards, and the pen's, which has no reach term.
std::string first_name(const Task& task, const Variant& variant) {
  if (variant.version != 2) return "";
  if (variant.reward == HandReward::kSparse) return id_of(task, HandReward::kSparse, 1);
  return task.name == std::string_view("Pen") ? id_of(task, HandReward::kDense, 1) : "";
}

}  // namespace

std::vector<EnvSpec> adroit_specs() {
  std::vector<EnvSpec> specs;
  for (const Variant& variant : kVariants)
    for (const Task& task : kTasks) {
      const bool binary = variant.reward == HandReward::kBinary;
      const std::string first = first_name(task, variant);
      if (const std::string id = id_of(task, variant.reward, variant.version); !id.empty())
        specs.push_back({.id = id,
                         .summary = fmt::format("{}{}", task.summary, first.empty() ? variant.summary : ", as " + first),
                         .obs_size = task.obs_size,
                         .action_size = task.action_size,
                         .max_episode_steps = binary ? task.binary_steps : 200,
                         .control_seconds = 0.01,
                         .reports_success = true,
                         .same_as = first,
                         .goal_info = task.goal_info,
                         .reward_low = binary ? -1.0 : 0.0,
                         .data = {.done = binary ? task.achieved : nullptr}});
    }
  return specs;
}

std::unique_ptr<Env> make_adroit(const EnvSpec& spec, const EnvConfig&) {
  for (const Variant& variant : kVariants)
    for (const Task& task : kTasks)
      if (id_of(task, variant.reward, variant.version) == spec.id) return task.make(spec, variant.reward);
  return nullptr;
}

bool play_on_after_success(Env& env, bool on) {
  const auto* hand = dynamic_cast<AdroitHand*>(&env);
  if (!hand || env.spec().id.find("-binary-") == std::string::npos) return false;
  dynamic_cast<AdroitHand&>(env).play_on(on);
  return true;
}

}  // namespace warmstart
