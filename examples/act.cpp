// A saved policy in a control loop: fixed rate, nothing allocated, worst-case time printed.
//   act CHECKPOINT [HZ] [SECONDS]      e.g. act runs/quick-wsrl-seed0/final.safetensors 200 5
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "warmstart/policy.h"

using namespace warmstart;
using Clock = std::chrono::steady_clock;

// Counts what this program allocates, to show that the loop allocates nothing.
static std::atomic<long> allocations{0};
void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

// Stand-ins for a robot: replace them by its drivers. Observations come in the order and units of the training data.
static void read_sensors(double t, std::span<float> obs) {
  for (std::size_t i = 0; i < obs.size(); ++i) obs[i] = static_cast<float>(0.1 * std::sin(t + static_cast<double>(i)));
}
static double sent = 0;
static void send_command(std::span<const float> action) {  // each entry between -1 and 1; SavedPolicy::bounds knows the task's own units
  for (const float a : action) sent += std::abs(a);
}

int main(int argc, char** argv) try {
  if (argc < 2) throw usage_error("arguments are missing", "command line", "act CHECKPOINT [HZ] [SECONDS]");
  const double hz = argc > 2 ? std::atof(argv[2]) : 100, seconds = argc > 3 ? std::atof(argv[3]) : 2;
  if (!(hz > 0 && seconds > 0)) throw usage_error("rate and time must be above 0", "command line", "act CHECKPOINT [HZ] [SECONDS]");

  const SavedPolicy saved = read_policy(argv[1]);  // the task itself need not be known here
  Controller controller(saved);                    // acts within the recipe's [safety]: limits that hold wherever it acts
  std::vector<float> obs(saved.obs_size()), action(saved.action_size());
  controller.act(obs, action);  // first touch of everything
  controller.begin_episode();   // and whenever the robot starts anew

  const auto period = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / hz));
  const long steps = std::lround(hz * seconds), before = allocations;
  Clock::duration worst{}, sum{};
  long late = 0;
  auto next = Clock::now();
  for (long i = 0; i < steps; ++i) {
    std::this_thread::sleep_until(next);
    const auto began = Clock::now();
    read_sensors(static_cast<double>(i) / hz, obs);
    controller.act(obs, action);
    send_command(action);
    const auto took = Clock::now() - began;
    worst = std::max(worst, took), sum += took;
    next += period;
    late += Clock::now() > next;
  }
  const long allocated = allocations - before;
  const auto us = [](Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); };
  std::printf("%ld actions at %g Hz: %.1f us mean, %.1f us at worst, %ld late, %ld allocations in the loop, mean |action| %.3f\n", steps,
              hz, us(sum) / static_cast<double>(steps), us(worst), late, allocated,
              sent / static_cast<double>(steps * long(action.size())));
  return allocated == 0 ? 0 : 5;
} catch (const Error& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return static_cast<int>(e.code());
}
