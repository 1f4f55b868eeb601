// `bench env`: what a task adds to its simulator.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/bench/bench.h"
#include "warmstart/envs/simulator_alone.h"
#include "warmstart/envs/vector_env.h"

namespace warmstart {
namespace {

struct Options {
  std::string id;
  int rounds = 51, steps = 1000, count = 0, threads = 0;
  bool json = false;
};

/// Both contestants on the same starts and actions, episode by episode, in turns.
class Contest {
 public:
  explicit Contest(const std::string& id) : env_(make_env({.id = id})), alone_(id), rng_(7, "bench env") {}

  /// Microseconds per step of the task and of the simulator alone, over at least `steps` steps.
  std::pair<double, double> round(int steps, bool task_first) {
    double task = 0, simulator = 0;
    int done = 0;
    while (done < steps) {
      env_->reset(rng_);
      const auto qpos = env_->qpos(), qvel = env_->qvel(), goal = env_->goal();
      draw_actions(std::min(steps - done, env_->spec().max_episode_steps));
      // once untimed: how long the episode is and what it sends to the actuators shows only when the task has gone through it
      int length = 0;
      controls_.clear();
      for (Step step; length < drawn_ && !step.terminated && !step.truncated; ++length) {
        step = env_->step(action(length));
        const auto control = SimulatorAlone::controls_of(*env_);
        controls_.insert(controls_.end(), control.begin(), control.end());
      }
      const std::size_t nu = controls_.size() / length;
      const auto run_task = [&] {
        env_->set_state(qpos, qvel, goal);
        const auto began = BenchClock::now();
        Step step;
        for (int i = 0; i < length && !step.terminated && !step.truncated; ++i) step = env_->step(action(i));
        task += seconds_since(began);
      };
      const auto run_simulator = [&] {
        alone_.start(qpos, qvel, goal);
        const auto began = BenchClock::now();
        for (int i = 0; i < length; ++i) alone_.step(std::span(controls_).subspan(i * nu, nu));
        simulator += seconds_since(began);
      };
      if (task_first) run_task(), run_simulator();
      else run_simulator(), run_task();
      done += length;
    }
    return {1e6 * task / done, 1e6 * simulator / done};
  }

 private:
  void draw_actions(int count) {
    drawn_ = count;
    actions_.resize(static_cast<std::size_t>(count) * env_->spec().action_size);
    for (double& a : actions_) a = rng_.uniform(-1, 1);
  }
  std::span<const double> action(int i) const {
    const auto size = static_cast<std::size_t>(env_->spec().action_size);
    return {actions_.data() + i * size, size};
  }

  std::unique_ptr<Env> env_;
  SimulatorAlone alone_;
  Rng rng_;
  std::vector<double> actions_, controls_;
  int drawn_ = 0;
};

/// Steps per second of `count` environments stepped together, resets included as they come.
double vector_rate(const Options& o, int threads) {
  VectorEnv envs({.id = o.id}, o.count, 7, threads);
  Rng rng(8, "bench env");
  const auto size = static_cast<std::size_t>(o.count * envs.spec().action_size);
  std::vector<double> actions(size * 16);  // drawn before the clock runs
  for (double& a : actions) a = rng.uniform(-1, 1);
  envs.reset();
  const int calls = std::max(1, o.steps / o.count);
  std::vector<double> rates;
  for (int round = 0; round < std::min(o.rounds, 15); ++round) {
    const auto began = BenchClock::now();
    for (int i = 0; i < calls; ++i) envs.step(std::span(actions).subspan(size * static_cast<std::size_t>(i % 16), size));
    rates.push_back(calls * o.count / seconds_since(began));
  }
  return spread_of(rates).median;
}

void bench_env(const Options& o) {
  Contest contest(o.id);
  contest.round(o.steps, true);
  std::vector<double> task, simulator, ratio;
  for (int i = 0; i < o.rounds; ++i) {
    const auto [ours, alone] = contest.round(o.steps, i % 2 == 0);
    task.push_back(ours), simulator.push_back(alone), ratio.push_back(ours / alone);
  }
  const Spread ours = spread_of(task), alone = spread_of(simulator), each = spread_of(ratio);
  const int threads = o.threads > 0 ? o.threads : available_cpus();
  const double together = o.count > 0 ? vector_rate(o, threads) : 0;
  if (o.json) {
    nlohmann::ordered_json out = {{"env", o.id},
                                  {"simulator", simulator_version()},
                                  {"rounds", o.rounds},
                                  {"steps", o.steps},
                                  {"us_per_step", ours.median},
                                  {"us_spread", {ours.low, ours.high}},
                                  {"simulator_us_per_step", alone.median},
                                  {"simulator_us_spread", {alone.low, alone.high}},
                                  {"ratio", ours.median / alone.median},
                                  {"ratio_spread", {each.low, each.high}}};
    if (o.count > 0) out["together"] = {{"envs", o.count}, {"threads", threads}, {"steps_per_second", together}};
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{}, random actions, {} rounds of {} steps each\n", o.id, o.rounds, o.steps);
  fmt::print("step {:.2f} us, the same {} calls alone {:.2f} us: {:.3f} times (rounds {:.3f}-{:.3f})\n", ours.median, simulator_version(),
             alone.median, ours.median / alone.median, each.low, each.high);
  if (o.count > 0)
    fmt::print("{} environments on {} threads: {:.0f} steps/s, {:.2f} times one alone\n", o.count, threads, together,
               together * ours.median * 1e-6);
}

}  // namespace

void add_bench_env(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = bench.add_subcommand("env", "Time a task's step against the same simulator calls alone");
  verb->add_option("--env", o->id, "Task, see `warmstart list envs`")->required();
  verb->add_option("--rounds", o->rounds, "Rounds of both in turns")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  verb->add_option("--steps", o->steps, "Steps in a round")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  verb->add_option("--envs", o->count, "Also step so many environments together (0 = do not)")->check(CLI::Range(0, 100'000));
  verb->add_option("--threads", o->threads, "Threads for that (default: all CPUs)")->check(CLI::Range(1, 1024));
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->callback([o] { bench_env(*o); });
}

}  // namespace warmstart
