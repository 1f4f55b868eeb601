// Damaged headers can make the HDF5 library itself crash, or search for ever. While a guard lives, that ends the process with
// our message and exit code instead of a bare signal. What was saved before is safe: files are only ever replaced whole.
#pragma once
#include <sys/time.h>

#include <csignal>
#include <iterator>
#include <string>

namespace warmstart {

/// At most one at a time in a process (hold `hdf5_mutex()`); the previous signal actions return when it ends.
class CrashGuard {
 public:
  /// After a crash, or after `cpu_seconds` of the process's CPU time, `message` is written to standard error as
  /// "error: message", and the process exits with Exit::kData.
  CrashGuard(const std::string& message, double cpu_seconds);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;

 private:
  static constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGPROF};
  struct sigaction before_[std::size(kSignals)];
  struct itimerval timer_before_;
};

}  // namespace warmstart
