// The process that a plug-in runs in. Someone else's code may crash, hang or write where it should not; the run, its buffer and its
// networks live elsewhere and are saved. One process per plug-in file holds all environments of this program.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "warmstart/envs/env.h"
#include "warmstart/envs/plugin_api.h"

namespace warmstart {

enum class PluginCall : std::uint32_t { kLoad, kCreate, kDestroy, kReset, kStep, kSave, kRestore };

/// What the plug-in says of itself.
struct PluginInfo {
  EnvSpec spec;  ///< actions between -1 and 1; the process maps them to the plug-in's bounds
  bool can_save = false;
};

class PluginProcess {
 public:
  /// Starts a process and loads `path` in it. Throws Error(kUsage) when there is no such file, Error(kMachine) when it is no plug-in
  /// of this version, crashes, or takes longer than `timeout` seconds.
  PluginProcess(const std::string& path, double timeout);
  ~PluginProcess();
  PluginProcess(const PluginProcess&) = delete;

  /// The process for `path` that this program shares; a new one when there is none, or it ended.
  static std::shared_ptr<PluginProcess> shared(const std::string& path, double timeout);

  const PluginInfo& info() const { return info_; }
  const std::string& path() const { return path_; }
  bool alive() const { return socket_ >= 0; }

  /// One call for environment `instance` (ignored by kCreate). The answer replaces `out`: kCreate the new environment's
  /// number (uint32), kReset obs, kStep a warmstart_step and obs, kSave the state. `step` > 0 names the step of the episode in errors.
  /// Throws Error(kMachine) when the plug-in fails, throws, crashes or hangs (it is not alive after the last two), Error(kDiverged) for
  /// numbers that are missing or not finite.
  void call(PluginCall what, std::uint32_t instance, std::span<const std::uint8_t> in, std::vector<std::uint8_t>& out, double timeout,
            int step = 0);

 private:
  void start(double timeout);
  void transfer(void* data, std::size_t size, bool out, double timeout);
  void stop(double patience);
  [[noreturn]] void fail(const std::string& what, const std::string& remedy);
  [[noreturn]] void ended();
  std::string not_stopped() const;  ///< of a machine, after a crash or a hang

  std::string path_;
  PluginInfo info_;
  std::mutex mutex_;
  int socket_ = -1, pid_ = -1;
  PluginCall what_ = PluginCall::kLoad;  // the call under way, for errors
  int step_ = 0;
};

namespace plugin {

// What goes over the socket: a head, then `size` bytes.
struct Request {
  PluginCall what;
  std::uint32_t instance;
  double timeout;  ///< s
  std::uint64_t size;
};
enum class Status : std::uint32_t { kOk, kFailed, kBadNumbers, kWrongVersion };
struct Answer {
  Status status;
  std::uint64_t size;  ///< of the answer, or of the text of the failure
};

inline constexpr int kMaxSize = 1'000'000;            ///< of observations and actions
inline constexpr std::int64_t kMaxState = 1LL << 31;  ///< bytes

/// The other side: loads `path` and serves until the socket closes. Does not return.
[[noreturn]] void serve(int socket, const std::string& path);

}  // namespace plugin
}  // namespace warmstart
