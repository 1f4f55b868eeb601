// run.json: what a report says about how a run was made.
#include <fmt/format.h>
#include <sys/resource.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "warmstart/core/files.h"
#include "warmstart/core/threads.h"
#include "warmstart/core/version.h"
#include "warmstart/io/json_text.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

// largest resident memory of this process until now; seeds that share it share the number
std::int64_t peak_memory_mib() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss / 1024 : 0;
}

// Text of a folder's run.json; "" when there is none.
std::string told(const std::filesystem::path& folder, const char* key) {
  const std::filesystem::path file = folder / "run.json";
  if (!std::filesystem::exists(file)) return "";
  const auto info = nlohmann::json::parse(read_text(file), nullptr, false);
  return info.is_object() && info.contains(key) && info[key].is_string() ? info[key].get<std::string>() : "";
}

}  // namespace

std::string run_status(const std::filesystem::path& folder) { return told(folder, "status"); }
std::string run_start(const std::filesystem::path& folder) { return told(folder, "from"); }

void Run::write_info(const std::string& status) {
  auto changes = nlohmann::ordered_json::array();
  for (const auto& [where, change] : state.changes)
    changes.push_back({{"at", where}, {"key", change.key}, {"was", change.was}, {"now", change.now}});
  nlohmann::ordered_json info = {
      {"name", recipe.name},
      {"label", recipe.label},
      {"method", fmt::format("{} -> {}", recipe.pretrain.agent, recipe.finetune.agent)},
      {"env", recipe.env.id},
      {"seed", recipe.run.seed},
      {"status", status},
      {"from", options.from.string()},
      {"command", options.command},
      {"seconds", {{"pretrain", state.seconds[0]}, {"warmup", state.seconds[1]}, {"finetune", state.seconds[2]}}},
      {"steps",
       {{"pretrain", state.pretrain_steps}, {"warmup", std::min(state.online_steps, warm_up_steps())}, {"online", state.online_steps}}},
      {"warm_up_steps", warm_up_steps()},
      {"updates", state.updates},
      {"first_update", state.first_update < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(state.first_update)},
      {"changes", changes},
      {"peak_memory_mib", peak_memory_mib()},
      {"version", WARMSTART_VERSION},
      {"compiler", fmt::format("g++ {}", __VERSION__)},
      {"cpu", cpu_model()},
      {"cpus", available_cpus()},
      {"threads", options.threads},
      {"isa", cpu::kernels().isa},
      {"backend", recipe.run.backend},
      {"precision", precision_name(precision)},
  };
  if (const double period = control_period(); period > 0) {
    const ControlRate& c = state.control;
    info["control"] = {
        {"period_seconds", period}, {"steps", c.steps}, {"late", c.late}, {"mean_gap_seconds", c.mean()}, {"worst_gap_seconds", c.worst}};
    if (const std::string text = control_warning(); !text.empty()) info["control"]["warning"] = text;
  }
  write_atomically(options.folder / "run.json", json_text(info, 2) + "\n");
}

}  // namespace warmstart
