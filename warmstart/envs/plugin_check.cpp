#include "warmstart/envs/plugin_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "warmstart/core/error.h"
#include "warmstart/envs/plugin_env.h"
#include "warmstart/envs/plugin_process.h"

namespace warmstart {
namespace {

constexpr int kSteps = 300;        // of a path that is compared with another
constexpr std::size_t kShown = 8;  // bounds of actions in a line

/// All numbers that an environment gave, as they came.
using Numbers = std::vector<double>;

bool same(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// Where two paths part, as text.
std::string parting(const Numbers& a, const Numbers& b, int per_step) {
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(double)) != 0)
      return fmt::format("step {}: {} and {}", i / static_cast<std::size_t>(per_step), a[i], b[i]);
  return fmt::format("{} and {} numbers", a.size(), b.size());
}

/// Drives one environment with random actions from its own streams, episode after episode.
class Walk {
 public:
  Walk(Env& env, int seed) : env_(env), starts_(seed, "check starts"), actions_(seed, "check actions"), action_(env.spec().action_size) {}

  int episodes_ended() const { return ended_; }

  void steps(int n, Numbers& out) {
    for (int i = 0; i < n; ++i) {
      if (over_) env_.reset(starts_), put(out, {}), over_ = false;
      // corners of the box, where much goes wrong, as often as its inside
      const bool corner = actions_.below(2) == 0;
      for (double& a : action_) a = corner ? (actions_.below(2) ? 1.0 : -1.0) : actions_.uniform(-1, 1);
      const Step step = env_.step(action_);
      put(out, step);
      over_ = step.terminated || step.truncated;
      ended_ += over_;
    }
  }

  void go_on_like(const Walk& other) { starts_ = other.starts_, actions_ = other.actions_, over_ = other.over_; }

 private:
  void put(Numbers& out, const Step& s) {
    out.insert(out.end(), env_.obs().begin(), env_.obs().end());
    out.insert(out.end(), {s.reward, double(s.terminated), double(s.truncated), double(s.success)});
  }
  Env& env_;
  Rng starts_, actions_;
  std::vector<double> action_;
  bool over_ = true;
  int ended_ = 0;
};

class Checker {
 public:
  Checker(std::string path, const PluginTrial& trial) : path_(std::move(path)), trial_(trial) {}

  PluginReport run() {
    check("loads", [&] {
      const PluginProcess process(path_, trial_.timeouts.reset);
      report_.spec = process.info().spec, report_.can_save = process.info().can_save;
      if (trial_.max_episode_steps > 0) report_.spec.max_episode_steps = trial_.max_episode_steps;
      report_.gentle = trial_.mode == PluginTrial::Mode::kGentle || (trial_.mode == PluginTrial::Mode::kChoose && !report_.can_save);
      per_step_ = report_.spec.obs_size + 4;
      return fmt::format("{}, version {}: {} observations, {} actions, time limit {} steps", report_.spec.id, WARMSTART_PLUGIN_VERSION,
                         report_.spec.obs_size, report_.spec.action_size, report_.spec.max_episode_steps);
    });
    if (!report_.passed()) return report_;
    check("task", [&] { return task(); });
    if (report_.gentle) {
      gentle();
      return report_;
    }
    check("resets", [&] { return resets(); });
    check("finite values", [&] { return episodes(); });
    if (!report_.passed()) return report_;  // there is no whole path to compare
    check("determinism", [&] { return determinism(); });
    check("independence", [&] { return independence(); });
    check("saved state", [&] { return saved_state(); });
    check("step time", [&] { return step_time(); });
    return report_;
  }

 private:
  void check(const std::string& name, const std::function<std::string()>& body) {
    PluginCheck c{name, true, ""};
    try {
      c.finding = body();
    } catch (const std::exception& error) {
      c.passed = false, c.finding = error.what();
    }
    report_.checks.push_back(std::move(c));
  }
  [[noreturn]] void wrong(const std::string& what, const std::string& remedy) const { throw data_error(what, path_, remedy); }

  std::unique_ptr<Env> fresh() const {
    return make_plugin_env(report_.spec, std::make_shared<PluginProcess>(path_, trial_.timeouts.reset), trial_.timeouts);
  }

  std::string task() const {
    const EnvSpec& spec = report_.spec;
    std::string actions = spec.bounds.low.empty() ? "-1 to 1" : "";
    for (std::size_t k = 0; k < std::min(spec.bounds.low.size(), kShown); ++k)
      actions += fmt::format("{}{:g} to {:g}", k > 0 ? ", " : "", spec.bounds.low[k], spec.bounds.high[k]);
    if (spec.bounds.low.size() > kShown) actions += fmt::format(" and {} more", spec.bounds.low.size() - kShown);
    return fmt::format("actions {}; {}; {}", actions,
                       spec.control_seconds > 0 ? fmt::format("a step stands for {:g} s", spec.control_seconds)
                                                : "no control_seconds: nobody is told when steps come late",
                       report_.can_save ? "states can be saved: evaluated beside the training episode"
                                        : "no save and load: taken for a machine, one environment at a time");
  }

  // one environment, in an episode and at the start of another
  void gentle() {
    std::unique_ptr<Env> env;
    Rng starts(1, "check starts"), actions(1, "check actions");
    check("resets", [&] {
      env = fresh();
      env->reset(starts);
      return "one environment was made and reset";
    });
    if (!report_.passed()) return;
    Times times;
    check("finite values", [&] { return gentle_steps(*env, starts, actions, times); });
    if (report_.passed()) check("step time", [&] { return say(times); });
    env.reset();  // the machine is stopped here
  }

  /// How long steps took, us.
  struct Times {
    double sum = 0, most = 0;
    int count = 0;
  };

  std::string gentle_steps(Env& env, Rng& starts, Rng& actions, Times& times) {
    std::vector<double> action(env.spec().action_size);
    if (trial_.begin_episode) trial_.begin_episode();
    for (int i = 0; i < trial_.gentle_steps; ++i) {
      for (double& a : action) a = actions.uniform(-1, 1);
      if (trial_.limit) trial_.limit(action);
      const auto began = std::chrono::steady_clock::now();
      const Step step = env.step(action);
      const double us = 1e6 * std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      times.sum += us, times.most = std::max(times.most, us), ++times.count;
      if (!step.terminated && !step.truncated) continue;
      ++report_.episodes_ended;
      env.reset(starts);
      if (trial_.begin_episode) trial_.begin_episode();
    }
    return fmt::format("{} gentle steps{}", trial_.gentle_steps, ends(trial_.gentle_steps));
  }

  std::string ends(int steps) const {
    if (report_.episodes_ended > 0) return fmt::format(", {} episodes ended", report_.episodes_ended);
    return fmt::format(
        "; NO EPISODE ENDED in {} steps, the time limit is {}: learners and evaluations wait for ends, see "
        "env.max_episode_steps",
        steps, report_.spec.max_episode_steps);
  }

  std::string say(const Times& times) {
    report_.step_mean_us = times.sum / times.count, report_.step_max_us = times.most;
    std::string text = fmt::format("{:.1f} us a step, {:.1f} us at most", report_.step_mean_us, report_.step_max_us);
    const double period = 1e6 * report_.spec.control_seconds;
    if (!report_.can_save && period > 0)
      text +=
          fmt::format("; {:.0f}% of the control period are left for learning", std::max(0.0, 100 * (1 - report_.step_mean_us / period)));
    return text;
  }

  Numbers path_of(Env& env, int seed, int steps) const {
    Numbers out;
    Walk(env, seed).steps(steps, out);
    return out;
  }

  std::string resets() const {
    const auto env = fresh();
    Rng rng(1, "check resets");
    std::vector<Numbers> seen;
    for (int i = 0; i < 20; ++i) {
      env->reset(rng);
      Numbers obs(env->obs().begin(), env->obs().end());
      if (std::none_of(seen.begin(), seen.end(), [&](const Numbers& other) { return same(other, obs); })) seen.push_back(obs);
    }
    return fmt::format("20 resets, {} different starts", seen.size());
  }

  std::string episodes() {
    const auto env = fresh();
    const int steps = static_cast<int>(std::clamp<std::int64_t>(3 * std::int64_t{report_.spec.max_episode_steps}, kSteps, 5000));
    Walk walk(*env, 2);
    Numbers out;
    walk.steps(steps, out);
    report_.episodes_ended = walk.episodes_ended();
    return fmt::format("{} steps with actions inside and at the bounds{}", steps, ends(steps));
  }

  std::string determinism() const {
    const auto one = fresh(), other = fresh();
    const Numbers a = path_of(*one, 3, kSteps), b = path_of(*other, 3, kSteps), again = path_of(*one, 3, kSteps);
    if (!same(a, b))
      wrong("the same seed and actions gave other numbers in another process, " + parting(a, b, per_step_),
            "draw from the seed of reset alone, and set every variable there");
    if (!same(a, again)) wrong("an episode depends on what came before it, " + parting(a, again, per_step_), "set every variable in reset");
    return fmt::format("{} steps, equal in two processes and when repeated", kSteps);
  }

  std::string independence() const {
    const auto process = std::make_shared<PluginProcess>(path_, trial_.timeouts.reset);
    const auto one = make_plugin_env(report_.spec, process, trial_.timeouts),
               other = make_plugin_env(report_.spec, process, trial_.timeouts);
    Numbers a, b;
    Walk first(*one, 4), second(*other, 5);
    for (int i = 0; i < kSteps; ++i) first.steps(1, a), second.steps(1, b);
    for (const auto& [seed, mixed] : {std::pair{4, &a}, std::pair{5, &b}}) {
      const Numbers alone = path_of(*fresh(), seed, kSteps);
      if (!same(alone, *mixed))
        wrong("two environments of one process disturb each other, " + parting(alone, *mixed, per_step_),
              "keep every variable in what create returns, none in globals");
    }
    return "two environments in one process, step by step in turns";
  }

  std::string saved_state() const {
    if (!report_.can_save) return "not offered: a resumed run begins a new episode";
    const auto one = fresh();
    Walk walk(*one, 6);
    std::size_t bytes = 0;
    for (int round = 0; round < 5; ++round) {
      Numbers before, went_on, restored;
      walk.steps(7 + 30 * round, before);
      StateWriter out;
      one->save(out);
      bytes = std::max(bytes, out.bytes().size());
      const auto other = fresh();
      StateReader in(out.bytes(), path_);
      other->load(in);
      Walk copy(*other, 0);
      copy.go_on_like(walk);
      walk.steps(100, went_on), copy.steps(100, restored);
      if (!same(went_on, restored))
        wrong("after load in another process the numbers differ, " + parting(went_on, restored, per_step_),
              "save everything that the next steps depend on, random streams included");
    }
    return fmt::format("5 times restored in another process, 100 equal steps each; at most {} bytes", bytes);
  }

  std::string step_time() {
    const auto env = fresh();
    Walk walk(*env, 7);
    Numbers out;
    constexpr int kTimed = 1000;
    out.reserve(static_cast<std::size_t>(per_step_) * 2 * kTimed);
    walk.steps(10, out);
    Times times;
    for (; times.count < kTimed && times.sum < 1e7; ++times.count) {  // 10 s tell enough of a slow simulator
      const auto began = std::chrono::steady_clock::now();
      walk.steps(1, out);
      const double us = 1e6 * std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      times.sum += us, times.most = std::max(times.most, us);
    }
    return say(times);
  }

  std::string path_;
  const PluginTrial& trial_;
  PluginReport report_;
  int per_step_ = 1;
};

}  // namespace

bool PluginReport::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const PluginCheck& c) { return c.passed; });
}

PluginReport check_plugin(const std::string& path, const PluginTrial& trial) { return Checker(path, trial).run(); }

}  // namespace warmstart
