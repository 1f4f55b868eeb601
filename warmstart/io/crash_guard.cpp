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

CrashGuard::CrashGuard(const std::string& message) {
  text = "error: " + message + "\n";
  struct sigaction action = {};
  action.sa_handler = leave;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

CrashGuard::~CrashGuard() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

}  // namespace warmstart
