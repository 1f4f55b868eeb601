// Damaged headers can make the HDF5 library itself crash. While a guard lives, that ends the process with our message and
// exit code instead of a bare signal. What was saved before is safe: files are only ever replaced whole.
#pragma once
#include <csignal>
#include <iterator>
#include <string>

namespace warmstart {

/// At most one at a time in a process (hold `hdf5_mutex()`); the previous signal actions return when it ends.
class CrashGuard {
 public:
  /// `message` is written to standard error as "error: message", then the process exits with Exit::kData.
  explicit CrashGuard(const std::string& message);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;

 private:
  static constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
  struct sigaction before_[std::size(kSignals)];
};

}  // namespace warmstart
