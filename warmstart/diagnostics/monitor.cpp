#include "warmstart/diagnostics/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace warmstart {
namespace {

constexpr double kKept = 0.9;         // share of the level before that counts as kept
constexpr double kDropped = 0.7;      // share that counts as lost
constexpr std::size_t kLasting = 4;   // evaluations that make a plateau
constexpr std::size_t kFalling = 3;   // measurements that Q must have fallen in a row
constexpr double kSpreads = 1;        // by so many of its own spreads over the rows
constexpr double kBelow = 0.75;       // share of targets below the pre-trained Q
constexpr double kOverwritten = 1.5;  // TD error on offline rows, as a multiple of that at the switch
constexpr double kSwing = 0.5;        // of the level before, between neighbouring evaluations
constexpr double kJerk = 1.5, kJerkFloor = 0.05;

double find(const Measurements& m, const std::string& name) {
  for (const auto& [n, v] : m)
    if (n == name) return v;
  return std::nan("");
}

// the rows that the pre-trained agent is judged on: offline ones, or the warm-up's where there are none
const char* rows_of(const Measurements& now) { return std::isnan(find(now, "q_offline")) ? "warmup" : "offline"; }

}  // namespace

Fields MonitorConfig::fields() {
  Fields f("monitor");
  f.add("on", on,
        {"warn in the progress line when Q diverges downwards, the level drops or stays below the start's, evaluations swing or actions "
         "chatter, or a warm-up brings no success",
         "", "off for silence"});
  f.add("roll_back", roll_back,
        {"when a collapse lasts, go back to the best evaluated agent, warm up again and go on from there, keeping what was collected", "",
         "on a robot, or overnight"});
  f.add("warm_up_steps", warm_up_steps,
        {"environment steps that the agent acts after a roll-back before it learns again: a second warm-up", "environment steps",
         "longer when it collapses again at once", 0, 1e15});
  f.add("max_roll_backs", max_roll_backs, {"times a run may go back", "", "more for long runs", 1, 1000});
  return f;
}

const char* trouble_name(Trouble trouble) {
  constexpr const char* names[] = {"q_diverging", "drop", "plateau", "early_variance", "chatter", "no_reward", "no_updates"};
  return names[static_cast<int>(trouble)];
}

void CollapseMonitor::report(bool bad, Trouble trouble, std::string text, Measurements evidence, std::vector<Warning>& out) {
  bool& active = active_[static_cast<int>(trouble)];
  if (bad && !active) out.push_back({trouble, std::move(text), std::move(evidence)});
  active = bad;
}

void CollapseMonitor::keep_offline(std::int64_t step, const Measurements& now) {
  const char* set = rows_of(now);
  const double td = find(now, std::string("td_error_") + set);
  if (std::isnan(td)) return;
  // what is measured in the warm-up is the pre-trained agent, before any update
  if (offline_.td_first == 0) offline_.td_first = td;
  if (step <= 0) return;
  offline_.td_now = td, offline_.step = step;
  if (const double kl = find(now, std::string("kl_") + set); !std::isnan(kl)) offline_.kl_now = kl;
}

std::string CollapseMonitor::cause_of_drop(std::int64_t step, std::int64_t updates, Measurements& evidence) const {
  if (updates == 0) {
    evidence.emplace_back("updates", 0);
    return "; no update was made since the switch: the policy is still the pre-trained one, only the episodes differ";
  }
  if (offline_.step != step || offline_.td_first == 0)
    return "; TD error and KL on the states it was pre-trained for are not measured here";
  evidence.insert(evidence.end(), {{"td_error_before", offline_.td_first}, {"td_error_now", offline_.td_now}, {"kl_now", offline_.kl_now}});
  return fmt::format(
      "; on the states it was pre-trained for, the TD error is {:.3g} (was {:.3g}) and the policy has moved by a KL of {:.3g}{}",
      offline_.td_now, offline_.td_first, offline_.kl_now,
      offline_.td_now > kOverwritten * offline_.td_first ? ": what was learned offline is overwritten" : "");
}

std::vector<Warning> CollapseMonitor::evaluation(std::int64_t step, double value, std::int64_t updates,
                                                 const std::function<Measurements()>& measure) {
  std::vector<Warning> out;
  if (!config_.on) return out;
  evaluations_.push_back(value);
  const std::size_t n = evaluations_.size();
  const double size = std::abs(before_), level = before_ - (1 - kKept) * size;

  const double lost = before_ - (1 - kDropped) * size;
  // once below, it takes a recovery to end the bout
  const bool dropped = size > 0 && value < (active_[static_cast<int>(Trouble::kDrop)] ? level : lost);
  if (dropped && !active_[static_cast<int>(Trouble::kDrop)]) {
    if (updates > 0 && offline_.step != step && measure) keep_offline(step, measure());
    Measurements evidence = {{"before", before_}, {"now", value}};
    std::string text = fmt::format("the level fell from {:.4g} to {:.4g}", before_, value) + cause_of_drop(step, updates, evidence);
    report(true, Trouble::kDrop, std::move(text), std::move(evidence), out);
  } else {
    report(dropped, Trouble::kDrop, "", {}, out);
  }

  const auto newest = evaluations_.end() - static_cast<std::ptrdiff_t>(std::min(n, kLasting));
  const bool below = size > 0 && n >= kLasting && std::all_of(newest, evaluations_.end(), [&](double v) { return v < level; });
  const bool rising = n >= kLasting && evaluations_[n - 1] + evaluations_[n - 2] - evaluations_[n - 3] - evaluations_[n - 4] > 0.2 * size;
  report(below && !rising, Trouble::kPlateau,
         fmt::format("the last {} evaluations stay below 90% of the pre-trained level {:.4g} (now {:.4g}) and do not rise", kLasting,
                     before_, value),
         {{"before", before_}, {"now", value}}, out);

  if (n >= 3 && size > 0 && step <= steps_ / 4) {
    const double a = evaluations_[n - 3], b = evaluations_[n - 2], c = evaluations_[n - 1];
    const bool swings = (b - a) * (c - b) < 0 && std::min(std::abs(b - a), std::abs(c - b)) > kSwing * size;
    report(swings, Trouble::kEarlyVariance,
           fmt::format("evaluations swing by more than half of the pre-trained level {:.4g}: {:.4g}, {:.4g}, {:.4g}", before_, a, b, c),
           {{"before", before_}, {"first", a}, {"second", b}, {"third", c}}, out);
  }
  return out;
}

std::vector<Warning> CollapseMonitor::measurement(std::int64_t step, const Measurements& now) {
  std::vector<Warning> out;
  if (!config_.on) return out;
  const char* set = rows_of(now);
  const double q = find(now, std::string("q_") + set), share = find(now, std::string("below_pretrained_") + set);
  keep_offline(step, now);
  if (!std::isnan(q)) {
    if (q_.empty()) q_spread_ = find(now, std::string("q_spread_") + set);
    q_.push_back(q);
    const std::size_t n = q_.size();
    bool falling = n > kFalling;
    for (std::size_t i = n - 1; falling && i > n - 1 - kFalling; --i) falling = q_[i] < q_[i - 1];
    const bool low = q < q_[0] - kSpreads * q_spread_ && share > kBelow;
    bool& active = active_[static_cast<int>(Trouble::kQDiverging)];
    report(low && (falling || active), Trouble::kQDiverging,
           fmt::format("Q falls and falls: {:.4g} at the switch, {:.4g} now on {} states, {:.0f}% of the targets below the pre-trained Q "
                       "(a longer warm-up, a larger ensemble or a lower agent.actor_lr may stop it)",
                       q_[0], q, set, 100 * share),
           {{"q_before", q_[0]}, {"q_now", q}, {"below_pretrained", share}}, out);
  }
  const double before = find(now, "chatter_warmup"), chatter = find(now, "chatter_online");
  if (step > 0 && !std::isnan(before) && !std::isnan(chatter))
    report(chatter > kJerk * before && chatter > before + kJerkFloor, Trouble::kChatter,
           fmt::format("actions jerk {:.1f} times as much as the pre-trained policy's ({:.3g}, was {:.3g}): bound the change with "
                       "safety.max_action_change or smooth with safety.smoothing",
                       chatter / std::max(before, 1e-9), chatter, before),
           {{"chatter_before", before}, {"chatter_now", chatter}}, out);
  return out;
}

std::vector<Warning> CollapseMonitor::warm_up(std::span<const float> rewards) {
  std::vector<Warning> out;
  if (!config_.on || rewards.empty()) return out;
  const bool same = std::all_of(rewards.begin(), rewards.end(), [&](float r) { return r == rewards.front(); });
  report(same, Trouble::kNoReward,
         fmt::format("all {} rewards of the warm-up are the same: fine-tuning has no success to learn from and may unlearn the start, "
                     "{:.4g} when evaluated (a longer warm-up, or retention.mode = \"mixed\", may bring some)",
                     rewards.size(), before_),
         {{"before", before_}, {"rewards", static_cast<double>(rewards.size())}}, out);
  return out;
}

bool CollapseMonitor::wants_roll_back() const {
  if (!config_.on || !config_.roll_back || roll_backs_ >= config_.max_roll_backs) return false;
  // one bad evaluation may be chance
  const double level = before_ - (1 - kKept) * std::abs(before_);
  const bool twice = evaluations_.size() >= 2 && evaluations_.back() < level && *(evaluations_.end() - 2) < level;
  const auto active = [&](Trouble t) { return active_[static_cast<int>(t)]; };
  return active(Trouble::kPlateau) || (twice && (active(Trouble::kDrop) || active(Trouble::kQDiverging)));
}

void CollapseMonitor::rolled_back() {
  ++roll_backs_;
  evaluations_.clear();
  if (!q_.empty()) q_.resize(1);
  std::fill(std::begin(active_), std::end(active_), false);
}

void CollapseMonitor::save(StateWriter& out) const {
  out.put(before_), out.put(evaluations_), out.put(q_), out.put(offline_), out.put(q_spread_), out.put(active_), out.put(roll_backs_);
}
void CollapseMonitor::load(StateReader& in) {
  in.get(before_), in.get(evaluations_), in.get(q_), in.get(offline_), in.get(q_spread_), in.get(active_), in.get(roll_backs_);
}

}  // namespace warmstart
