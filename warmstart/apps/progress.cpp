#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "warmstart/apps/run_options.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

std::string phase_title(Phase phase) {
  switch (phase) {
    case Phase::kPretrain:
      return "pre-train";
    case Phase::kWarmup:
      return "warm-up";
    case Phase::kFinetune:
      return "fine-tune";
    default:
      return "done";
  }
}

}  // namespace

std::function<void(const Progress&)> progress_display(const std::string& title) {
  struct State {
    bool terminal = ::isatty(2);
    bool open = false;  // a line is being overwritten
    std::chrono::steady_clock::time_point last{};
  };
  auto state = std::make_shared<State>();
  return [state, title](const Progress& p) {
    if (!p.note.empty()) {
      fmt::print(stderr, "{}{}  {}\n", state->open ? "\r\x1b[K" : "", title, p.note);
      state->open = false;
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!state->terminal && now - state->last < std::chrono::seconds(10)) return;
    state->last = now;
    std::string line = fmt::format("{}  {:<9} {:>8}/{} {:3.0f}%  {:.0f} steps/s  {} left", title, phase_title(p.phase), p.step, p.steps,
                                   100.0 * static_cast<double>(p.step) / static_cast<double>(std::max<std::int64_t>(p.steps, 1)),
                                   p.steps_per_second, duration_text(p.seconds_left));
    if (!p.activity.empty()) line = fmt::format("{}  {:<9} {}", title, phase_title(p.phase), p.activity);
    if (p.last_return) line += fmt::format("  return {:.2f}", *p.last_return);
    if (p.last_success) line += fmt::format("  success {:.0f}%", 100 * *p.last_success);
    if (p.late_fraction) line += fmt::format("  late {:.0f}%, worst {:.3g} s", 100 * *p.late_fraction, p.worst_gap.value_or(0));
    fmt::print(stderr, "{}{}{}", state->terminal ? "\r" : "", line, state->terminal ? "\x1b[K" : "\n");
    std::fflush(stderr);
    state->open = state->terminal;
  };
}

std::function<void(int, std::int64_t)> evaluation_display(int episodes) {
  using Clock = std::chrono::steady_clock;
  auto next = std::make_shared<Clock::time_point>(Clock::now() + std::chrono::seconds(1));
  return [=](int episode, std::int64_t step) {
    if (Clock::now() < *next) return;
    const bool terminal = ::isatty(2);
    *next = Clock::now() + (terminal ? std::chrono::milliseconds(200) : std::chrono::seconds(10));
    fmt::print(stderr, "{}evaluating: episode {} of {}, step {}{}", terminal ? "\r" : "", episode, episodes, step,
               terminal ? "\x1b[K" : "\n");
    std::fflush(stderr);
  };
}

}  // namespace warmstart
