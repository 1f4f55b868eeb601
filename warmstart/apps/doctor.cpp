// `warmstart doctor`: what this machine and this build offer, what is missing, and the exact remedy.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/core/threads.h"
#include "warmstart/envs/env.h"
#include "warmstart/envs/gl_context.h"
#include "warmstart/envs/plugin_check.h"
#include "warmstart/io/report.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/nn/precision.h"
#include "warmstart/phases/action_filter.h"
#include "warmstart/phases/recipe.h"
#include "warmstart_build.h"

namespace warmstart {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kMinMemory = 1 * kGiB;  ///< a default run: networks, a buffer of some 100,000 rows, the dataset
constexpr double kMinDisk = 1 * kGiB;    ///< dataset, checkpoints and buffer segments of a few default runs

struct Problem {
  std::string what, remedy;
};

struct Findings {
  nlohmann::ordered_json json;  ///< everything, for scripts
  std::vector<std::string> lines, notes;
  std::vector<Problem> problems;

  void line(const std::string& name, const std::string& text) { lines.push_back(fmt::format("{:<10}{}", name, text)); }
};

/// The rest of the first line of `file` that starts with `key`, without blanks and the colon; "" when there is none.
std::string value_in(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) {
      const auto start = line.find_first_not_of(" \t:", key.size());
      return start == std::string::npos ? "" : line.substr(start);
    }
  return "";
}

/// Bytes this process may still take: what the kernel calls available, or what its control group leaves, in bytes.
double available_memory() {
  double available = std::atof(value_in("/proc/meminfo", "MemAvailable").c_str()) * 1024;
  double limit = 0, used = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit && std::ifstream("/sys/fs/cgroup/memory.current") >> used)
    available = std::min(available, limit - used);
  return available;
}

void look_at_build(Findings& found) {
  using namespace build;
  found.json["warmstart"] = {
      {"version", kVersion}, {"commit", kCommit}, {"compiler", kCompiler}, {"build", kType}, {"sanitizers", kSanitizers}};
  found.json["libraries"] = {{"simulator", simulator_version()}, {"onednn", kOnednnVersion}, {"hdf5", kHdf5Version}};
  found.line("warmstart", fmt::format("{} (commit {}), built {} by {}", kVersion, kCommit, kType, kCompiler));
  found.line("libraries", fmt::format("{}, oneDNN {}, HDF5 {}", simulator_version(), kOnednnVersion, kHdf5Version));
  if (*kSanitizers)
    found.notes.push_back(fmt::format("built with sanitizers ({}): several times slower than a release build", kSanitizers));
  if (std::string(kType) == "Debug" && !*kSanitizers)
    found.notes.push_back("a debug build: `make build` gives the fast one, build/release/warmstart");
}

void look_at_bf16(Findings& found) {
  Bf16Support s;
  try {
    s = bf16_support();
  } catch (const Error& error) {
    found.problems.push_back({error.what(), "unset that variable"});
    return;
  }
  found.json["bf16"] = {{"avx512_bf16", s.avx512_bf16}, {"amx_bf16", s.amx_bf16}, {"usable", s.missing.empty()}, {"emulated", s.emulate}};
  const auto yes = [](bool has) { return has ? "yes" : "no"; };
  found.line("bf16", fmt::format("avx512_bf16 {}, amx_bf16 {}; precision bf16 {}", yes(s.avx512_bf16), yes(s.amx_bf16),
                                 s.emulate           ? "is emulated, slower than fp32 (WARMSTART_BF16)"
                                 : s.missing.empty() ? "runs on them"
                                                     : "stays in fp32: " + s.missing));
}

void look_at_cpu(Findings& found) {
  const std::string model = value_in("/proc/cpuinfo", "model name");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx512 = __builtin_cpu_supports("avx512f");
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  std::string isa;
  try {
    isa = cpu::kernels().isa;
  } catch (const Error& error) {
    found.problems.push_back({error.what(), "unset WARMSTART_ISA"});
  }
  found.json["cpu"] = {{"model", model}, {"avx2", avx2}, {"avx512", avx512}, {"online", online}, {"usable", available_cpus()},
                       {"kernels", isa}};
  found.line("cpu", fmt::format("{}; AVX2 {}, AVX-512 {}; kernels in use: {}", model.empty() ? "unknown" : model, avx2 ? "yes" : "no",
                                avx512 ? "yes" : "no", isa.empty() ? "none" : isa));
  found.line("threads", fmt::format("{} usable, {} in the machine", available_cpus(), online));
  look_at_bf16(found);
  if (!avx2) found.notes.push_back("this CPU has no AVX2: everything works, several times slower");
}

void look_at_space(Findings& found) {
  const double total = std::atof(value_in("/proc/meminfo", "MemTotal").c_str()) * 1024, memory = available_memory();
  std::error_code failed;
  const fs::path here = fs::current_path(failed);
  const auto space = fs::space(here, failed);
  const double disk = failed ? 0 : static_cast<double>(space.available);
  const bool writable = access(here.c_str(), W_OK) == 0;
  found.json["memory"] = {{"total_bytes", total}, {"available_bytes", memory}};
  found.json["disk"] = {{"folder", here.string()}, {"available_bytes", disk}, {"writable", writable}};
  found.line("memory", fmt::format("{:.1f} GiB available of {:.1f}", memory / kGiB, total / kGiB));
  found.line("disk", fmt::format("{:.1f} GiB free in {}", disk / kGiB, here.string()));
  if (memory < kMinMemory)
    found.problems.push_back(
        {fmt::format("only {:.1f} GiB of memory available", memory / kGiB), "close other programs, or lower run.replay_capacity"});
  if (disk < kMinDisk)
    found.problems.push_back(
        {fmt::format("only {:.1f} GiB free in {}", disk / kGiB, here.string()), "free space, or give --out a folder on another disk"});
  if (!writable)
    found.problems.push_back({fmt::format("{} cannot be written", here.string()), "work in another folder, or give --out one"});
}

// every task is built once: the only proof that its files are there and intact
void look_at_tasks(Findings& found) {
  const char* chosen = std::getenv("WARMSTART_ASSETS");
  const bool moved = chosen && *chosen;
  const std::string root = asset_root().string();
  std::vector<std::string> missing;
  std::string reason;
  for (const EnvSpec& spec : env_specs()) {
    try {
      make_env({.id = spec.id});
    } catch (const std::exception& error) {
      if (missing.empty()) reason = error.what();
      missing.push_back(spec.id);
    }
  }
  const std::size_t all = env_specs().size();
  found.json["tasks"] = {{"registered", all}, {"missing", missing}, {"assets", root}, {"from_environment", moved}};
  found.line("tasks",
             fmt::format("{} of {} ready; descriptions from {}{}", all - missing.size(), all, root, moved ? " (WARMSTART_ASSETS)" : ""));
  if (missing.empty()) return;
  if (missing.size() > 3) missing = {missing[0], missing[1], fmt::format("{} more", missing.size() - 2)};
  found.problems.push_back(
      {fmt::format("tasks that cannot be built: {} ({})", join(missing), reason),
       moved ? "unset WARMSTART_ASSETS, or point it at a folder with gymnasium/ and gymnasium_robotics/"
             : "run `make setup` in the source folder, or set WARMSTART_ASSETS to a folder with gymnasium/ and gymnasium_robotics/"});
}

void look_at_report(Findings& found) {
  const fs::path script = plotly_script();
  const bool there = fs::exists(script);
  found.json["plotly"] = {{"path", script.string()}, {"found", there}};
  found.line("report", fmt::format("plotly.js {} {}", there ? "in" : "is not at", script.string()));
  if (!there)
    found.problems.push_back({fmt::format("plotly.js is missing ({}): `warmstart report` has no charts", script.string()),
                              "run `make setup` in the source folder"});
}

// nothing but `render` and `eval --video` needs it, so its absence is no problem
void look_at_graphics(Findings& found) {
  bool there = true;
  try {
    GlContext trial;
  } catch (const Error& error) {
    there = false;
    found.notes.push_back(error.what());
  }
  found.json["graphics"] = there;
  found.line("pictures", there ? "OpenGL without a screen works" : "no OpenGL, see the note");
}

void doctor(bool json) {
  Findings found;
  look_at_build(found);
  look_at_cpu(found);
  look_at_space(found);
  look_at_tasks(found);
  look_at_report(found);
  look_at_graphics(found);
  if (json) {
    auto problems = nlohmann::ordered_json::array();
    for (const Problem& p : found.problems) problems.push_back({{"what", p.what}, {"remedy", p.remedy}});
    found.json["notes"] = found.notes;
    found.json["problems"] = problems;
    fmt::print("{}\n", found.json.dump(2));
  } else {
    fmt::print("{}\n", join(found.lines, "\n"));
    for (const auto& note : found.notes) fmt::print("note: {}\n", note);
    for (const Problem& p : found.problems) fmt::print("problem: {}\n  remedy: {}\n", p.what, p.remedy);
    if (found.problems.empty()) fmt::print("all is fine\n");
  }
  std::fflush(stdout);
  if (const std::size_t n = found.problems.size())
    throw machine_error(fmt::format("{} problem{}", n, n > 1 ? "s" : ""), "this machine", "see the remedies above");
}

// the answer to one question: can this plug-in be trained on?
struct PluginOptions {
  std::string path, recipe;
  PluginTrial trial;
  double reset_timeout = 0;
  SafetyConfig safety;
  bool gentle = false, thorough = false;
};

// of a machine whose owner says nothing: a quarter of the range, and slowly
const SafetyConfig kGentle = {.action_low = {-0.25}, .action_high = {0.25}, .max_action_change = {0.05}};

void check_env_plugin(PluginOptions& o, bool json) {
  using Mode = PluginTrial::Mode;
  PluginTrial& trial = o.trial;
  if (o.gentle) trial.mode = Mode::kGentle;
  if (o.thorough) trial.mode = Mode::kThorough;
  if (!o.recipe.empty()) {
    const Recipe recipe = load_recipe(o.recipe, o.path.empty() ? std::vector<Override>{} : std::vector<Override>{{"env.plugin", o.path}});
    if (recipe.env.plugin.empty()) throw usage_error("the recipe names no plug-in", o.recipe, "give --env-plugin FILE as well");
    o.path = recipe.env.plugin, trial.timeouts = plugin_timeouts(recipe.env), trial.max_episode_steps = recipe.env.max_episode_steps;
    if (o.safety.off()) o.safety = recipe.safety;
  } else {
    trial.timeouts.reset = o.reset_timeout > 0 ? o.reset_timeout : trial.timeouts.step;
  }
  const bool own_limits = !o.safety.off();
  std::optional<ActionFilter> filter;  // made when the plug-in has said how many actions there are
  trial.limit = [&](std::span<double> action) {
    if (!filter) {
      const SafetyConfig& limits = own_limits ? o.safety : kGentle;
      limits.validate(static_cast<int>(action.size()));
      filter.emplace(limits, static_cast<int>(action.size()));
    }
    filter->apply(action);
  };
  trial.begin_episode = [&] {
    if (filter) filter->begin_episode();
  };
  const std::string& path = o.path;
  const PluginReport r = check_plugin(path, trial);
  std::size_t failed = 0;
  auto checks = nlohmann::ordered_json::array();
  for (const PluginCheck& c : r.checks) {
    failed += !c.passed;
    checks.push_back({{"name", c.name}, {"passed", c.passed}, {"finding", c.finding}});
    if (!json) fmt::print("{:<6} {:<14} {}\n", c.passed ? "ok" : "FAILED", c.name, c.finding);
  }
  if (json)
    fmt::print("{}\n", nlohmann::ordered_json{{"plugin", path},
                                              {"id", r.spec.id},
                                              {"obs_size", r.spec.obs_size},
                                              {"action_size", r.spec.action_size},
                                              {"action_low", r.spec.bounds.low},
                                              {"action_high", r.spec.bounds.high},
                                              {"max_episode_steps", r.spec.max_episode_steps},
                                              {"control_seconds", r.spec.control_seconds},
                                              {"can_save", r.can_save},
                                              {"gentle", r.gentle},
                                              {"episodes_ended", r.episodes_ended},
                                              {"step_mean_us", r.step_mean_us},
                                              {"step_max_us", r.step_max_us},
                                              {"checks", checks},
                                              {"passed", failed == 0}}
                           .dump(2));
  else if (failed == 0) {
    if (r.gentle)
      fmt::print("tried gently ({}): determinism, independence and saved state were not looked at; --thorough does, for a simulator\n",
                 own_limits ? "within the limits of [safety]" : "within a quarter of each action's range, changing by at most 0.05 a step");
    fmt::print("{} can be trained on: env.plugin = \"{}\"\n", r.spec.id, path);
  }
  std::fflush(stdout);
  if (failed > 0)
    throw machine_error(fmt::format("the plug-in fails {} of {} checks", failed, r.checks.size()), path,
                        "correct what is said above; warmstart/envs/plugin_api.h says what each call owes");
}

}  // namespace

void add_doctor(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("doctor", "what this machine offers, what is missing, and the remedy (exit code 5 when something is)");
  const auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "one JSON object instead of text");
  const auto plugin = std::make_shared<PluginOptions>();
  as_path(verb->add_option("--env-plugin", plugin->path, "check an environment plug-in (a shared object) instead"));
  CLI::Option* recipe =
      as_path(verb->add_option("--recipe", plugin->recipe,
                               "check this recipe's plug-in, with its timeouts, its time limit and, gently, the limits of its [safety]"));
  verb->add_option("--timeout", plugin->trial.timeouts.step, "longest step, save or load of the plug-in, s")
      ->capture_default_str()
      ->check(CLI::Range(1e-3, 1e6))
      ->excludes(recipe);
  verb->add_option("--reset-timeout", plugin->reset_timeout, "longest create, reset or destroy, s; 0 = as --timeout")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6))
      ->excludes(recipe);
  CLI::Option* gentle = verb->add_flag(
      "--gentle", plugin->gentle, "for a machine, and what a plug-in without save and load gets anyway: one environment, few slow steps");
  verb->add_flag("--thorough", plugin->thorough, "for a simulator without save and load: every test, with several environments")
      ->excludes(gentle);
  verb->add_option("--steps", plugin->trial.gentle_steps, "of the gentle trial")->capture_default_str()->check(CLI::Range(1, 100'000));
  const Fields limits = plugin->safety.fields();
  for (const Field& field : limits.list())
    verb->add_option_function<std::string>(
        "--" + field.key, [field](const std::string& text) { field.set_text(text, "command line, --" + field.key); },
        "gentle trial: " + field.doc.help);
  verb->callback([json, plugin] { plugin->path.empty() && plugin->recipe.empty() ? doctor(*json) : check_env_plugin(*plugin, *json); });
}

}  // namespace warmstart
