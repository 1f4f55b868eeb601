#include "warmstart/phases/action_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

// one number for all coordinates, or one for each, or `otherwise`
FloatVector spread(const std::vector<double>& values, int size, float otherwise) {
  FloatVector out(size, otherwise);
  for (int i = 0; i < size && !values.empty(); ++i) out[i] = static_cast<float>(values.size() == 1 ? values[0] : values[i]);
  return out;
}

constexpr float kUnlimited = std::numeric_limits<float>::infinity();

}  // namespace

Fields SafetyConfig::fields() {
  Fields f("safety");
  f.add("action_low", action_low,
        {"least value of an executed action, one for all coordinates or one for each; [] = off", "of the action's range -1 to 1",
         "a robot that must not use its whole range", -1, 1});
  f.add("action_high", action_high,
        {"greatest value of an executed action, one for all coordinates or one for each; [] = off", "of the action's range -1 to 1",
         "a robot that must not use its whole range", -1, 1});
  f.add("max_action_change", max_action_change,
        {"largest change of an executed action from one step to the next, from rest (0) in an episode's first; [] = off",
         "of the action's range, per step", "drives that jerks would harm", 0, 2});
  f.add("smoothing", smoothing,
        {"first-order low-pass: this share of the last executed action stays in the next; 0 = off", "share per step",
         "above 0 where exploration shakes the machine; 0.5 halves the distance in every step", 0, 0.999});
  return f;
}

void SafetyConfig::validate(int action_size) const {
  SafetyConfig(*this).fields().check("safety limits");
  const auto refuse = [](const std::string& what, const std::string& keys, const std::string& remedy) {
    throw usage_error(what, keys, remedy);
  };
  for (const auto& [key, values] : {std::pair{"safety.action_low", &action_low},
                                    {"safety.action_high", &action_high},
                                    {"safety.max_action_change", &max_action_change}})
    if (values->size() > 1 && values->size() != static_cast<std::size_t>(action_size))
      refuse(fmt::format("{} numbers for {} action coordinates", values->size(), action_size), key,
             fmt::format("give one number, or {} of them", action_size));
  const auto low = spread(action_low, action_size, -1), high = spread(action_high, action_size, 1);
  for (int i = 0; i < action_size; ++i)
    if (!(low[i] < high[i]))
      refuse(fmt::format("the box of action coordinate {} has no inside: {} to {}", i, low[i], high[i]),
             "safety.action_low and safety.action_high", "make the low value smaller than the high one");
  for (const double change : max_action_change)
    if (!(change > 0)) refuse("an action that may never change", "safety.max_action_change", "give a value above 0, or [] for no limit");
}

ActionFilter::ActionFilter(const SafetyConfig& config, int action_size)
    : off_((config.validate(action_size), config.off())),
      smoothing_(static_cast<float>(config.smoothing)),
      low_(spread(config.action_low, action_size, -1)),
      high_(spread(config.action_high, action_size, 1)),
      max_change_(spread(config.max_action_change, action_size, kUnlimited)),
      rest_(action_size),
      scratch_(action_size) {
  for (int i = 0; i < action_size; ++i) rest_[i] = std::clamp(0.0f, low_[i], high_[i]);
  begin_episode();
}

void ActionFilter::begin_episode() { previous_ = rest_; }

void ActionFilter::apply(std::span<float> action) {
  if (action.size() != rest_.size())
    throw usage_error(fmt::format("an action of {} numbers", action.size()), "ActionFilter::apply", fmt::format("give {}", rest_.size()));
  if (off_) return;
  for (std::size_t i = 0; i < action.size(); ++i) {
    const float last = previous_[i];
    const float wanted = std::clamp(smoothing_ * last + (1 - smoothing_) * action[i], low_[i], high_[i]);
    // the last action lies in the box, so what lies between it and the wanted one does too
    action[i] = std::clamp(wanted, last - max_change_[i], last + max_change_[i]);
    if (!std::isnan(action[i])) previous_[i] = action[i];  // else nothing would be limited from here on
  }
}

void ActionFilter::apply(std::span<double> action) {
  if (action.size() != rest_.size())
    throw usage_error(fmt::format("an action of {} numbers", action.size()), "ActionFilter::apply", fmt::format("give {}", rest_.size()));
  if (off_) return;
  for (std::size_t i = 0; i < action.size(); ++i) scratch_[i] = static_cast<float>(action[i]);
  apply(std::span<float>(scratch_));
  std::copy(scratch_.begin(), scratch_.end(), action.begin());
}

void ActionFilter::save(StateWriter& out) const {
  if (!off_) out.put(std::vector<float>(previous_.begin(), previous_.end()));
}

void ActionFilter::load(StateReader& in) {
  if (off_) return;
  std::vector<float> previous;
  in.get(previous);
  if (previous.size() != previous_.size()) throw data_error("an action of another size", "checkpoint", "use the recipe it was made with");
  std::copy(previous.begin(), previous.end(), previous_.begin());
}

}  // namespace warmstart
