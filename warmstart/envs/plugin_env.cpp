#include "warmstart/envs/plugin_env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <utility>

#include "warmstart/core/files.h"
#include "warmstart/envs/plugin_process.h"

namespace warmstart {
namespace {

std::span<const std::uint8_t> bytes_of(const void* data, std::size_t size) { return {static_cast<const std::uint8_t*>(data), size}; }

class PluginEnv : public Env {
 public:
  PluginEnv(EnvSpec spec, std::shared_ptr<PluginProcess> process, const PluginTimeouts& timeouts, std::shared_ptr<void> claim = {})
      : spec_(std::move(spec)), claim_(std::move(claim)), process_(std::move(process)), timeouts_(timeouts), obs_(spec_.obs_size) {
    process_->call(PluginCall::kCreate, 0, {}, answer_, timeouts_.reset);
    std::memcpy(&instance_, answer_.data(), std::min(answer_.size(), sizeof instance_));
  }
  ~PluginEnv() override {
    if (!process_->alive()) return;
    try {
      process_->call(PluginCall::kDestroy, instance_, {}, answer_, timeouts_.reset);
    } catch (const Error& error) {  // the numbers do not depend on it, but a machine does
      std::fprintf(stderr, "warning: %s\n", error.what());
    }
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(Rng& rng) override {
    const std::uint64_t seed = rng.bits64();
    take_obs(call(PluginCall::kReset, bytes_of(&seed, sizeof seed), 0, timeouts_.reset));
    elapsed_ = 0, running_ = true;
  }

  Step step(std::span<const double> action) override {
    if (!running_) throw step_after_end(spec_.id);
    check_action(action, spec_);
    auto answer = call(PluginCall::kStep, bytes_of(action.data(), action.size_bytes()), elapsed_ + 1, timeouts_.step);
    warmstart_step got;
    std::memcpy(&got, answer.data(), sizeof got);
    take_obs(answer.subspan(sizeof got));
    ++elapsed_;
    const bool truncated = got.truncated != 0 || elapsed_ >= spec_.max_episode_steps;
    running_ = got.terminated == 0 && !truncated;
    return {.reward = got.reward,
            .terminated = got.terminated != 0,
            .truncated = truncated,
            .success = spec_.reports_success && got.success != 0};
  }

  std::span<const double> obs() const override { return obs_; }
  bool can_save() const override { return !failed_ && process_->alive() && process_->info().can_save; }

  void save(StateWriter& out) const override {
    out.put(spec_.id), out.put(obs_), out.put(elapsed_), out.put(running_);
    std::span<const std::uint8_t> state;
    if (begun()) state = call(PluginCall::kSave, {}, 0, timeouts_.step);
    out.put_bytes(state.data(), state.size());
  }
  void load(StateReader& in) override {
    std::string id;
    in.get(id);
    std::vector<double> obs;
    in.get(obs);
    if (id != spec_.id || obs.size() != obs_.size())
      throw data_error(fmt::format("saved state belongs to {} with {} observations", id, obs.size()), spec_.id,
                       "resume with the plug-in that was saved");
    in.get(elapsed_), in.get(running_);
    const auto state = in.next();
    if (begun()) call(PluginCall::kRestore, state, 0, timeouts_.step);
    obs_ = obs;
  }

 private:
  bool begun() const { return running_ || elapsed_ > 0; }  // before its first reset there is no state
  std::span<const std::uint8_t> call(PluginCall what, std::span<const std::uint8_t> in, int step, double timeout) const {
    failed_ = true;  // unless the call comes back
    process_->call(what, instance_, in, answer_, timeout, step);
    failed_ = false;
    return answer_;
  }
  void take_obs(std::span<const std::uint8_t> bytes) {
    std::memcpy(obs_.data(), bytes.data(), std::min(bytes.size(), obs_.size() * sizeof(double)));
  }

  EnvSpec spec_;
  std::shared_ptr<void> claim_;  // on the one machine; given back when the environment is destroyed
  std::shared_ptr<PluginProcess> process_;
  PluginTimeouts timeouts_;
  std::uint32_t instance_ = 0;
  std::vector<double> obs_;
  std::int32_t elapsed_ = 0;
  bool running_ = false;
  mutable bool failed_ = false;
  mutable std::vector<std::uint8_t> answer_;  // of the last call; its own, for environments of one process may step in parallel
};

}  // namespace

PluginTimeouts plugin_timeouts(const EnvConfig& config) {
  return {config.plugin_timeout, config.plugin_reset_timeout > 0 ? config.plugin_reset_timeout : config.plugin_timeout};
}

namespace {

// specs stay where they are when a process ends: others hold references
struct KnownSpecs {
  std::mutex mutex;
  std::list<std::pair<std::string, EnvSpec>> all;  ///< path -> spec, the newest in front
};
KnownSpecs& known_specs() {
  static KnownSpecs known;
  return known;
}

}  // namespace

const EnvSpec& plugin_spec(const std::string& path, const PluginTimeouts& timeouts) {
  const EnvSpec spec = PluginProcess::shared(path, timeouts.reset)->info().spec;
  KnownSpecs& known = known_specs();
  const std::lock_guard lock(known.mutex);
  const auto same = [](const EnvSpec& a, const EnvSpec& b) {
    return a.id == b.id && a.obs_size == b.obs_size && a.action_size == b.action_size && a.max_episode_steps == b.max_episode_steps &&
           a.control_seconds == b.control_seconds && a.sparse_reward == b.sparse_reward && a.reports_success == b.reports_success &&
           a.bounds == b.bounds;
  };
  for (auto at = known.all.begin(); at != known.all.end(); ++at)
    if (at->first == path && same(at->second, spec)) {
      known.all.splice(known.all.begin(), known.all, at);  // references stay
      return known.all.front().second;
    }
  return known.all.emplace_front(path, spec).second;
}

const EnvSpec* known_plugin_spec(const std::string& path) {
  KnownSpecs& known = known_specs();
  const std::lock_guard lock(known.mutex);
  for (const auto& [name, spec] : known.all)
    if (name == path) return &spec;
  return nullptr;
}

bool is_machine(const EnvConfig& config) {
  return !config.plugin.empty() && !PluginProcess::shared(config.plugin, plugin_timeouts(config).reset)->info().can_save;
}

namespace {

// What cannot be copied may be a machine, and two environments would move one machine by turns.
std::shared_ptr<void> claim_machine(const PluginProcess& process) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<void>> held;
  if (process.info().can_save) return nullptr;
  const std::lock_guard lock(mutex);
  std::weak_ptr<void>& holder = held[process.path()];
  if (!holder.expired())
    throw usage_error("a second environment of a plug-in without save and load: it may be a machine, and there is one", process.path(),
                      "end the first one before, or give a simulator save and load");
  auto claim = std::make_shared<char>();
  holder = claim;
  return claim;
}

}  // namespace

std::unique_ptr<Env> make_plugin_env(EnvSpec spec, const std::string& path, const PluginTimeouts& timeouts) {
  auto process = PluginProcess::shared(path, timeouts.reset);
  auto claim = claim_machine(*process);
  return std::make_unique<PluginEnv>(std::move(spec), std::move(process), timeouts, std::move(claim));
}

std::unique_ptr<Env> make_plugin_env(EnvSpec spec, std::shared_ptr<PluginProcess> process, const PluginTimeouts& timeouts) {
  return std::make_unique<PluginEnv>(std::move(spec), std::move(process), timeouts);
}

}  // namespace warmstart
