#include "warmstart/core/threads.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace warmstart {
namespace {

// A library that forks its own OpenMP team inside a worker would fight for cores and change the summation order.
void one_openmp_thread() {
#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
}

LoopTimes* recorded = nullptr;

template <class Call>
void record(int tasks, Call call, const void* task) {
  std::vector<double> seconds(tasks > 0 ? tasks : 0);
  for (int i = 0; i < tasks; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(task, i, 0);
    seconds[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  recorded->push_back(std::move(seconds));
}

constexpr int kSpins = 2000;  // about 10-50 us: shorter than the gap between two loops of a training step

}  // namespace

struct ThreadTeam::Shared {
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<int> next{0}, active{0};
  int tasks = 0;
  Call call = nullptr;
  const void* task = nullptr;
  std::exception_ptr failure;
  bool stop = false;
  std::vector<std::thread> threads;

  void run(int worker) {
    for (int i; (i = next.fetch_add(1)) < tasks;) {
      try {
        call(task, i, worker);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  }

  void loop(int worker) {
    one_openmp_thread();
    std::uint64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && generation.load(std::memory_order_acquire) == seen; ++spin) __builtin_ia32_pause();
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || generation.load() != seen; });
        if (stop) return;
        seen = generation.load();
      }
      run(worker);
      if (active.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        std::lock_guard lock(mutex);
        finished.notify_one();
      }
    }
  }
};

ThreadTeam::ThreadTeam(int threads) : shared_(std::make_unique<Shared>()) {
  one_openmp_thread();
  for (int worker = 1; worker < threads; ++worker) shared_->threads.emplace_back([s = shared_.get(), worker] { s->loop(worker); });
}

ThreadTeam::~ThreadTeam() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->wake.notify_all();
  for (auto& t : shared_->threads) t.join();
}

int ThreadTeam::size() const { return static_cast<int>(shared_->threads.size()) + 1; }

void ThreadTeam::run(int tasks, Call call, const void* task) {
  one_openmp_thread();  // the caller need not be the thread that made the team
  Shared& s = *shared_;
  if (tasks <= 1 || s.threads.empty()) {
    if (recorded) record(tasks, call, task);
    else
      for (int i = 0; i < tasks; ++i) call(task, i, 0);
    return;
  }
  {
    std::lock_guard lock(s.mutex);
    s.tasks = tasks, s.call = call, s.task = task, s.failure = nullptr;
    s.next.store(0);
    s.active.store(static_cast<int>(s.threads.size()));
    s.generation.fetch_add(1, std::memory_order_release);
  }
  s.wake.notify_all();
  s.run(0);
  for (int spin = 0; spin < kSpins && s.active.load(std::memory_order_acquire) != 0; ++spin) __builtin_ia32_pause();
  std::unique_lock lock(s.mutex);
  s.finished.wait(lock, [&] { return s.active.load() == 0; });
  if (s.failure) std::rethrow_exception(s.failure);
}

void record_loops(LoopTimes* times) { recorded = times; }

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace warmstart
