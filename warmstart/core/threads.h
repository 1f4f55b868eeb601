// A fixed team of threads for fork-join loops. Which thread runs a task is left to chance; what a task computes must not
// depend on it, so results are the same bits on any number of threads.
#pragma once
#include <functional>
#include <memory>

namespace warmstart {

class ThreadTeam {
 public:
  /// `threads` >= 1, the caller included. Each worker runs OpenMP libraries with one thread.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  int size() const;

  /// Calls task(index, worker) for every index in [0, tasks), worker in [0, size()); returns when all are done.
  /// Lower indices start first. An exception from a task is rethrown here. Not reentrant.
  void for_each(int tasks, const std::function<void(int index, int worker)>& task);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

/// Number of CPUs this process may run on.
int available_cpus();

}  // namespace warmstart
