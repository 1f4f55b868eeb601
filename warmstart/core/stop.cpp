#include "warmstart/core/stop.h"

#include "warmstart/core/error.h"

namespace warmstart {

std::atomic<bool>& stop_requested() {
  static std::atomic<bool> stop{false};
  return stop;
}

void stop_unsaved_if_asked(const char* what) {
  if (stop_requested()) throw Error(Exit::kInterrupted, "interrupted", what, "the same command begins anew");
}

}  // namespace warmstart
