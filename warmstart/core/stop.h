// A request to stop, as Ctrl-C makes one.
#pragma once
#include <atomic>

namespace warmstart {

/// Set from a signal handler. A run then saves and stops before its next step; other long work ends with stop_unsaved_if_asked.
std::atomic<bool>& stop_requested();

/// Throws Error(kInterrupted) when a stop was asked for: for work that leaves nothing behind when it is broken off. `what` was going on.
void stop_unsaved_if_asked(const char* what);

}  // namespace warmstart
