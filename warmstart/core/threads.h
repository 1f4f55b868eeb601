// A fixed team of threads for fork-join loops. Which thread runs a task is left to chance; what a task computes must not
// depend on it, so results are the same bits on any number of threads.
#pragma once
#include <memory>
#include <type_traits>
#include <vector>

namespace warmstart {

class ThreadTeam {
 public:
  /// `threads` >= 1, the caller included. Each worker runs OpenMP libraries with one thread.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  int size() const;

  /// Calls task(index, worker) for every index in [0, tasks), worker in [0, size()); returns when all are done.
  /// Lower indices start first. An exception from a task is rethrown here. Not reentrant.
  template <class Task>
  void for_each(int tasks, Task&& task) {  // by address: a std::function would allocate for every loop of a training step
    using T = std::remove_reference_t<Task>;
    run(
        tasks, [](const void* t, int index, int worker) { (*const_cast<T*>(static_cast<const T*>(t)))(index, worker); }, &task);
  }

 private:
  using Call = void (*)(const void* task, int index, int worker);
  void run(int tasks, Call call, const void* task);

  struct Shared;
  std::unique_ptr<Shared> shared_;
};

/// The seconds of every task of every loop, in order.
using LoopTimes = std::vector<std::vector<double>>;
/// From now on teams of one thread append their loops to `times` (null ends it), for studies of schedules. Not thread safe.
void record_loops(LoopTimes* times);

/// Number of CPUs this process may run on.
int available_cpus();

}  // namespace warmstart
