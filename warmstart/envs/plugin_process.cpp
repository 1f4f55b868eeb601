#include "warmstart/envs/plugin_process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <utility>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/state.h"

namespace warmstart {
namespace {

using Clock = std::chrono::steady_clock;

const char* name_of(PluginCall what) {
  constexpr const char* names[] = {"loading", "create", "destroy", "reset", "step", "save", "load"};
  return names[static_cast<int>(what)];
}

constexpr const char* kLook = "`warmstart doctor --env-plugin FILE` tells more about the plug-in";

}  // namespace

PluginProcess::PluginProcess(const std::string& path, double timeout) : path_(fs::absolute(path).lexically_normal().string()) {
  if (!fs::is_regular_file(path_))
    throw usage_error("no such plug-in", path_, "give the path of a shared object as env.plugin; see docs/own-environment.md");
  start(timeout);
}

PluginProcess::~PluginProcess() { stop(1.0); }

std::shared_ptr<PluginProcess> PluginProcess::shared(const std::string& path, double timeout) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<PluginProcess>> all;
  const std::lock_guard lock(mutex);
  auto& one = all[fs::absolute(path).lexically_normal().string()];
  if (!one || !one->alive()) one = std::make_shared<PluginProcess>(path, timeout);
  return one;
}

void PluginProcess::start(double timeout) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw machine_error("no socket for the plug-in: " + errno_text(errno), path_, "close other programs");
  pid_ = ::fork();
  if (pid_ < 0) {
    ::close(ends[0]), ::close(ends[1]);
    throw machine_error("no process for the plug-in: " + errno_text(errno), path_, "close other programs");
  }
  if (pid_ == 0) plugin::serve(ends[1], path_);
  ::close(ends[1]);
  socket_ = ends[0];

  std::vector<std::uint8_t> answer;
  call(PluginCall::kLoad, 0, {}, answer, timeout);
  StateReader in(answer, path_);
  EnvSpec& s = info_.spec;
  in.get(s.id), in.get(s.summary), in.get(s.obs_size), in.get(s.action_size), in.get(s.max_episode_steps);
  in.get(s.control_seconds), in.get(s.sparse_reward), in.get(s.reports_success), in.get(info_.can_save);
  in.get(s.bounds.low), in.get(s.bounds.high);
}

void PluginProcess::call(PluginCall what, std::uint32_t instance, std::span<const std::uint8_t> in, std::vector<std::uint8_t>& out,
                         double timeout, int step) {
  const std::lock_guard lock(mutex_);
  what_ = what, step_ = step;
  if (!alive()) fail("the plug-in's process has ended before", kLook);
  const auto began = Clock::now();
  const auto left = [&] { return timeout - std::chrono::duration<double>(Clock::now() - began).count(); };
  plugin::Request request{what, instance, timeout, in.size()};
  transfer(&request, sizeof request, true, left());
  if (!in.empty()) transfer(const_cast<std::uint8_t*>(in.data()), in.size(), true, left());
  plugin::Answer answer;
  transfer(&answer, sizeof answer, false, left());
  if (answer.size > static_cast<std::uint64_t>(plugin::kMaxState)) stop(0), fail("the plug-in's answer is garbled", kLook);
  out.resize(answer.size);
  if (answer.size > 0) transfer(out.data(), out.size(), false, left());
  if (answer.status == plugin::Status::kOk) return;

  const std::string text(out.begin(), out.end());
  if (what == PluginCall::kLoad) stop(1.0);
  if (answer.status == plugin::Status::kBadNumbers) {
    const std::string where = step > 0 ? fmt::format("{}, step {} of the episode", path_, step) : path_;
    throw Error(Exit::kDiverged, fmt::format("{}: {}", name_of(what), text), where,
                "the environment must give finite numbers at all times");
  }
  fail(text, answer.status == plugin::Status::kWrongVersion ? "build it again with this version's warmstart/envs/plugin_api.h" : kLook);
}

// Sends or receives exactly `size` bytes, or ends the process when that takes longer than `timeout` seconds.
void PluginProcess::transfer(void* data, std::size_t size, bool out, double timeout) {
  const auto end = Clock::now() + std::chrono::duration<double>(std::max(timeout, 0.0));
  auto* at = static_cast<std::uint8_t*>(data);
  while (size > 0) {
    struct pollfd ready = {socket_, static_cast<short>(out ? POLLOUT : POLLIN), 0};
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    const int n = ::poll(&ready, 1, static_cast<int>(std::min(1e6, std::max(0.0, left)) * 1000) + 1);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 && left > 0) continue;
    if (n == 0) {
      stop(0);
      const bool slow = what_ == PluginCall::kStep || what_ == PluginCall::kSave || what_ == PluginCall::kRestore;
      fail("the plug-in does not answer: it hangs, or needs more time" + not_stopped(),
           slow ? "correct it, or raise env.plugin_timeout (doctor: --timeout)"
                : "correct it, or raise env.plugin_reset_timeout (doctor: --reset-timeout)");
    }
    const ssize_t moved = out ? ::send(socket_, at, size, MSG_NOSIGNAL) : ::recv(socket_, at, size, 0);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) ended();
    at += moved, size -= static_cast<std::size_t>(moved);
  }
}

// Its own code could not run to the end, and another process has no connection to the machine.
std::string PluginProcess::not_stopped() const {
  if (what_ == PluginCall::kLoad || what_ == PluginCall::kCreate || info_.can_save) return "";
  return what_ == PluginCall::kDestroy ? "; if it is a machine, only its own watchdog stops it now"
                                       : "; destroy was not called: if it is a machine, only its own watchdog stops it now";
}

void PluginProcess::ended() {
  int status = 0;
  for (int ms = 0; ::waitpid(pid_, &status, WNOHANG) == 0; ++ms) {  // it may have closed the socket and live on
    if (ms >= 1000) ::kill(pid_, SIGKILL);
    ::usleep(1000);
  }
  pid_ = -1;
  stop(0);
  if (WIFSIGNALED(status))
    fail(fmt::format("the plug-in crashed: {} (signal {}){}", ::strsignal(WTERMSIG(status)), WTERMSIG(status), not_stopped()), kLook);
  fail(fmt::format("the plug-in ended its process with exit code {}{}", WEXITSTATUS(status), not_stopped()), kLook);
}

void PluginProcess::fail(const std::string& what, const std::string& remedy) {
  const std::string step = step_ > 0 ? fmt::format(", step {} of the episode", step_) : "";
  throw machine_error(fmt::format("{}: {}", name_of(what_), what), path_ + step, remedy);
}

// Closes the connection; the process then ends by itself, or is killed after `patience` seconds.
void PluginProcess::stop(double patience) {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  if (pid_ <= 0) return;
  const auto end = Clock::now() + std::chrono::duration<double>(patience);
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (Clock::now() >= end) ::kill(pid_, SIGKILL);
    ::usleep(500);
  }
  pid_ = -1;
}

}  // namespace warmstart
