// The side of a plug-in's process: loads the shared object, makes its calls, and checks what it gives back.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "warmstart/core/state.h"
#include "warmstart/envs/action_bounds.h"
#include "warmstart/envs/plugin_process.h"

namespace warmstart::plugin {
namespace {

struct Failure {
  Status status;
  std::string text;
};

Failure failed(std::string text) { return {Status::kFailed, std::move(text)}; }

// A NaN that no arithmetic makes: a number that still holds it was not written. Behind the observation lies a guard of them.
constexpr std::uint64_t kUnwritten = 0x7ff4'5741'524d'5354;
constexpr int kGuard = 64;
constexpr double kFarewell = 5;  // s that the last calls of destroy may take together

bool unwritten(double x) { return std::bit_cast<std::uint64_t>(x) == kUnwritten; }

// Learning is done in single precision.
bool fits(double x) { return std::abs(x) <= std::numeric_limits<float>::max(); }

void check_number(double x, const std::string& name) {
  if (unwritten(x)) throw Failure{Status::kBadNumbers, name + " was not written"};
  if (!fits(x)) throw Failure{Status::kBadNumbers, fmt::format("{} is {}", name, x)};
}

const warmstart_plugin& load(const std::string& path) {
  void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object) throw failed(fmt::format("it cannot be loaded ({})", ::dlerror()));
  const auto entry = reinterpret_cast<const warmstart_plugin* (*)()>(::dlsym(object, "warmstart_env_plugin"));
  if (!entry) throw failed("it does not export warmstart_env_plugin");
  const warmstart_plugin* p = entry();
  if (!p) throw failed("warmstart_env_plugin() returned NULL");
  if (p->version != WARMSTART_PLUGIN_VERSION)
    throw Failure{Status::kWrongVersion,
                  fmt::format("it was built for version {} of the plug-in interface, this is {}", p->version, WARMSTART_PLUGIN_VERSION)};
  if (p->size != sizeof(warmstart_plugin))
    throw Failure{Status::kWrongVersion,
                  fmt::format("its description has {} bytes, this version's has {}", p->size, sizeof(warmstart_plugin))};
  if (!p->id || !*p->id) throw failed("it names no id");
  if (!p->create || !p->destroy || !p->reset || !p->step) throw failed("create, destroy, reset or step is NULL");
  if (!p->save != !p->load) throw failed("it has one of save and load: give both or neither");
  for (const auto& [name, size] : {std::pair{"obs_size", p->obs_size}, std::pair{"action_size", p->action_size}})
    if (size < 1 || size > kMaxSize) throw failed(fmt::format("{} is {}: it must be between 1 and {}", name, size, kMaxSize));
  if (p->max_episode_steps < 1) throw failed(fmt::format("max_episode_steps is {}: give a time limit", p->max_episode_steps));
  if (!std::isfinite(p->control_seconds) || p->control_seconds < 0) throw failed(fmt::format("control_seconds is {}", p->control_seconds));
  for (int k = 0; k < p->action_size; ++k) {
    const double low = p->action_low ? p->action_low[k] : -1, high = p->action_high ? p->action_high[k] : 1;
    if (!std::isfinite(low) || !std::isfinite(high) || low >= high)
      throw failed(fmt::format("the bounds of action {} are {} and {}", k, low, high));
  }
  return *p;
}

class Server {
 public:
  explicit Server(const warmstart_plugin& plugin) : p_(plugin), obs_(p_.obs_size + kGuard), action_(p_.action_size) {
    const auto size = static_cast<std::size_t>(p_.action_size);
    bounds_.low.assign(size, -1.0), bounds_.high.assign(size, 1.0);
    if (p_.action_low) bounds_.low.assign(p_.action_low, p_.action_low + p_.action_size);
    if (p_.action_high) bounds_.high.assign(p_.action_high, p_.action_high + p_.action_size);
  }

  std::vector<std::uint8_t> describe() const {
    StateWriter out;
    out.put(std::string(p_.id)), out.put(std::string(p_.summary ? p_.summary : "an environment of one's own"));
    out.put(p_.obs_size), out.put(p_.action_size), out.put(p_.max_episode_steps);
    out.put(p_.control_seconds), out.put(p_.sparse_reward != 0), out.put(p_.reports_success != 0), out.put(p_.save != nullptr);
    const bool own_units = p_.action_low || p_.action_high;
    out.put(own_units ? bounds_.low : std::vector<double>()), out.put(own_units ? bounds_.high : std::vector<double>());
    return out.bytes();
  }

  void destroy_all() {
    for (void*& env : envs_)
      if (env) p_.destroy(std::exchange(env, nullptr));
  }

  void handle(const Request& request, std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out) {
    out.clear();
    switch (request.what) {
      case PluginCall::kLoad:
        out = describe();
        return;
      case PluginCall::kCreate:
        return create(out);
      case PluginCall::kDestroy:
        p_.destroy(std::exchange(env(request), nullptr));
        return;
      case PluginCall::kReset: {
        std::uint64_t seed = 0;
        std::memcpy(&seed, in.data(), std::min(in.size(), sizeof seed));
        prepare();
        require(p_.reset(env(request), seed, obs_.data()), env(request));
        return give_obs(out);
      }
      case PluginCall::kStep:
        return step(env(request), in, out);
      case PluginCall::kSave:
        return save(env(request), out);
      case PluginCall::kRestore:
        require(p_.load(env(request), in.data(), static_cast<std::int64_t>(in.size())), env(request));
        return;
    }
  }

 private:
  void*& env(const Request& request) { return envs_.at(request.instance); }

  std::string reason(void* env, const std::string& otherwise) const {
    const char* text = p_.error ? p_.error(env) : nullptr;
    return text && *text ? text : otherwise;
  }
  void require(int code, void* env) const {
    if (code != 0) throw failed("the plug-in reports: " + reason(env, fmt::format("code {}", code)));
  }

  void create(std::vector<std::uint8_t>& out) {
    void* made = p_.create();
    if (!made) throw failed("the plug-in reports: " + reason(nullptr, "no environment"));
    const auto number = static_cast<std::uint32_t>(envs_.size());
    envs_.push_back(made);
    append(out, &number, sizeof number);
  }

  void step(void* env, const std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out) {
    std::memcpy(action_.data(), in.data(), std::min(in.size(), action_.size() * sizeof(double)));
    bounds_.from_unit(action_);
    prepare();
    constexpr std::int32_t kNever = INT32_MIN + 7;
    warmstart_step result{std::bit_cast<double>(kUnwritten), kNever, kNever, kNever};
    require(p_.step(env, action_.data(), obs_.data(), &result), env);
    check_number(result.reward, "the reward");
    for (const auto& [name, flag] :
         {std::pair{"terminated", result.terminated}, std::pair{"truncated", result.truncated}, std::pair{"success", result.success}})
      if (flag == kNever) throw Failure{Status::kBadNumbers, fmt::format("{} was not written", name)};
    append(out, &result, sizeof result);
    give_obs(out);
  }

  void save(void* env, std::vector<std::uint8_t>& out) {
    const std::int64_t size = p_.save(env, nullptr, 0);
    if (size < 0) throw failed("the plug-in reports: " + reason(env, fmt::format("code {}", size)));
    if (size > kMaxState) throw failed(fmt::format("a state of {} bytes", size));
    out.resize(static_cast<std::size_t>(size));
    const std::int64_t written = size > 0 ? p_.save(env, out.data(), size) : 0;
    if (written < 0) throw failed("the plug-in reports: " + reason(env, fmt::format("code {}", written)));
    if (written != size) throw failed(fmt::format("save gave {} bytes after it announced {}", written, size));
  }

  void prepare() { std::fill(obs_.begin(), obs_.end(), std::bit_cast<double>(kUnwritten)); }
  void give_obs(std::vector<std::uint8_t>& out) const {
    for (int i = 0; i < kGuard; ++i)
      if (!unwritten(obs_[p_.obs_size + i]))
        throw Failure{Status::kBadNumbers, fmt::format("more than obs_size = {} numbers were written to obs", p_.obs_size)};
    for (int i = 0; i < p_.obs_size; ++i)
      if (!fits(obs_[i])) check_number(obs_[i], fmt::format("obs[{}]", i));
    append(out, obs_.data(), p_.obs_size * sizeof(double));
  }
  static void append(std::vector<std::uint8_t>& out, const void* data, std::size_t size) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    out.insert(out.end(), p, p + size);
  }

  const warmstart_plugin& p_;
  std::vector<void*> envs_;
  std::vector<double> obs_, action_;
  ActionBounds bounds_;
};

bool receive(int socket, void* data, std::size_t size) {
  for (auto* at = static_cast<std::uint8_t*>(data); size > 0;) {
    const ssize_t n = ::recv(socket, at, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n, size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool send_all(int socket, const void* data, std::size_t size) {
  for (auto* at = static_cast<const std::uint8_t*>(data); size > 0;) {
    const ssize_t n = ::send(socket, at, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n, size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Whoever waits for us kills us when a call takes too long; this timer does it when nobody waits any more.
class Leash {
 public:
  Leash() {
    struct sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL, event.sigev_signo = SIGKILL;
    made_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  }
  void set(double seconds) const {
    struct itimerspec at = {};
    at.it_value.tv_sec = static_cast<time_t>(std::min(seconds, 1e9));
    if (made_) ::timer_settime(timer_, 0, &at, nullptr);
  }

 private:
  timer_t timer_;
  bool made_;
};

}  // namespace

void serve(int socket, const std::string& path) {
  // nothing of the program's but this socket and the terminal; standard output belongs to its results
  if (socket != 3) ::dup3(socket, 3, O_CLOEXEC), socket = 3;
  ::close_range(4, ~0u, 0);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) std::signal(s, SIG_IGN);  // the program decides, and saves first
  for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF}) std::signal(s, SIG_DFL);
  const Leash leash;
  std::unique_ptr<Server> server;
  std::vector<std::uint8_t> in, out;
  for (Request request; receive(socket, &request, sizeof request);) {
    Status status = Status::kOk;
    const auto fail_with = [&](Status s, const std::string& text) { status = s, out.assign(text.begin(), text.end()); };
    leash.set(request.timeout + 5);
    try {
      in.resize(request.size);
      if (!receive(socket, in.data(), in.size())) break;
      if (!server) server = std::make_unique<Server>(load(path));
      server->handle(request, in, out);
    } catch (const Failure& failure) {
      fail_with(failure.status, failure.text);
    } catch (const std::exception& e) {
      fail_with(Status::kFailed, fmt::format("the plug-in threw an exception: {}", e.what()));
    } catch (...) {
      fail_with(Status::kFailed, "the plug-in threw an exception of unknown type");
    }
    leash.set(0);
    const Answer answer{status, out.size()};
    if (!send_all(socket, &answer, sizeof answer) || !send_all(socket, out.data(), out.size())) break;
  }
  // a program that was killed could not say good-bye: the machine must not go on with the last command
  leash.set(kFarewell);
  try {
    if (server) server->destroy_all();
  } catch (...) {
  }
  ::_exit(0);
}

}  // namespace warmstart::plugin
