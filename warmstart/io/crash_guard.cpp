#include "warmstart/io/crash_guard.h"

#include <unistd.h>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

std::string text;  // prepared beforehand: a signal handler may not allocate

void leave(int) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(static_cast<int>(Exit::kData));
}

}  // namespace

CrashGuard::CrashGuard(const std::string& message, double cpu_seconds) {
  text = "error: " + message + "\n";
  struct sigaction action = {};
  action.sa_handler = leave;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &action, &before_[i]);
  struct itimerval limit = {};
  limit.it_value.tv_sec = static_cast<time_t>(cpu_seconds) + 1;
  setitimer(ITIMER_PROF, &limit, &timer_before_);
}

CrashGuard::~CrashGuard() {
  setitimer(ITIMER_PROF, &timer_before_, nullptr);
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

}  // namespace warmstart
