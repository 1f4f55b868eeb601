// Our policy and the written file side by side, on drawn observations.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "warmstart/agents/policy.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/io/onnx.h"
#include "warmstart/phases/export/export.h"

namespace warmstart {
namespace {

constexpr int kEpisodes = 8, kSteps = 32;  // of each, so that the filter begins and runs

/// What was asked of the policy and what it did.
struct Trial {
  Matrix obs, noise, previous, action;  // [N,O], [N,A]
};

// observations of several sizes, so that both the middle and the ends of the squash are met, in the units that `n` takes
Trial play(const ExportedActor& from, bool stochastic, const ObsNormalizer& n) {
  const int rows = kEpisodes * kSteps, a = from.action_size();
  Trial t{Matrix(rows, from.obs_size()), Matrix(rows, a), Matrix(rows, a), Matrix(rows, a)};
  Policy policy(std::make_shared<Actor>(from.actor), Rng(0, "export check, actions"), from.exploration_noise);
  ActionFilter filter(from.safety, a);
  Rng rng(0, "export check");
  FloatVector previous;
  for (int i = 0; i < rows; ++i) {
    if (i % kSteps == 0) filter.begin_episode(), previous = filter.rest();
    const std::span obs(t.obs.row(i), static_cast<std::size_t>(t.obs.cols()));
    const std::span action(t.action.row(i), static_cast<std::size_t>(a));
    rng.fill_normal(obs);
    for (float& x : obs) x *= std::ldexp(0.25f, i / kSteps % 5);
    if (n.on())  // as far from the middle in the task's own units
      for (std::size_t j = 0; j < obs.size(); ++j) obs[j] = n.mean()[j] + obs[j] / n.scale()[j];
    Rng same = policy.rng();
    same.fill_normal({t.noise.row(i), static_cast<std::size_t>(a)});
    policy.act(obs, !stochastic, action);
    filter.apply(action);
    std::copy(previous.begin(), previous.end(), t.previous.row(i));
    previous.assign(action.begin(), action.end());
  }
  return t;
}

// every entry of action [N,A] by convert(entry, center, half) of its coordinate
template <class Convert>
Matrix converted(const ExportedActor& from, Matrix action, Convert&& convert) {
  if (from.units.off() || action.cols() != from.action_size()) return action;
  const FloatVector center = from.units.center(from.action_size()), half = from.units.half(from.action_size());
  for (int i = 0; i < action.rows(); ++i)
    for (int j = 0; j < action.cols(); ++j) action.row(i)[j] = convert(action.row(i)[j], center[j], half[j]);
  return action;
}

// from the policy's units to the machine's
Matrix in_units(const ExportedActor& from, Matrix action) {
  return converted(from, std::move(action), [](float a, float center, float half) { return center + half * a; });
}

// and back, so that one tolerance holds for every machine
Matrix in_policy_units(const ExportedActor& from, Matrix action) {
  return converted(from, std::move(action), [](float a, float center, float half) { return (a - center) / half; });
}

// numbers far from 0 in a narrow range are rounded more coarsely than the policy's
double allowed(const ExportedActor& from) {
  if (from.units.off()) return kExportTolerance;
  const FloatVector center = from.units.center(from.action_size()), half = from.units.half(from.action_size());
  double ratio = 1;
  for (std::size_t j = 0; j < half.size(); ++j) ratio = std::max(ratio, 1 + std::abs(static_cast<double>(center[j]) / half[j]));
  return kExportTolerance + 2 * ratio * std::numeric_limits<float>::epsilon();
}

// NaN counts as infinitely far
double difference(const Matrix& a, const Matrix& b, const fs::path& path) {
  if (a.size() != b.size()) throw data_error(fmt::format("{} numbers instead of {}", b.size(), a.size()), path.string(), "export it again");
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a.data()[i]) - b.data()[i]);
    largest = d <= largest ? largest : std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return largest;
}

double check_onnx(const ExportedActor& from, bool stochastic, const fs::path& path) {
  const OnnxModel model = decode_onnx(read_text(path), path.string());
  const Trial t = play(from, stochastic, from.actor.normalizer);
  const auto out = evaluate_onnx(model, {{"obs", t.obs}, {"noise", t.noise}, {"previous_action", in_units(from, t.previous)}});
  return difference(t.action, in_policy_units(from, out.at("action")), path);
}

double check_tensors(const ExportedActor& from, const fs::path& path) {
  const ExportedActor back = actor_of(read_safetensors(path), path.string());
  const ObsNormalizer& drawn_for = from.actor.normalizer;  // the same observations for both
  double largest = 0;
  for (const bool stochastic : {false, true})
    largest = std::max(largest, difference(play(from, stochastic, drawn_for).action, play(back, stochastic, drawn_for).action, path));
  Matrix ends(2, from.action_size());
  for (int j = 0; j < ends.cols(); ++j) ends.row(0)[j] = -1, ends.row(1)[j] = 1;
  return std::max(largest, difference(ends, in_policy_units(from, in_units(back, ends)), path));
}

struct Workshop {
  const ScratchFolder folder{"export"};
  const fs::path path = folder.path();
  /// Runs a command line of the shell in this folder; true when it ends well.
  bool run(const std::string& command) const {
    return std::system(fmt::format("cd {} && {}", shell_word(path.string()), command).c_str()) == 0;
  }
};

// reads rows of obs and noise, writes actions; an argument asks for samples
std::string driver(const ExportedActor& from) {
  const bool stateful = from.safety.has_memory();
  const auto call = [&](const char* kind, const char* noise) {
    return fmt::format("{}_{}({}obs, {}action);", from.name, kind, stateful ? "&state, " : "", noise);
  };
  return fmt::format(
      "#include \"policy.c\"\n#include <stdio.h>\nint main(int argc, char** argv) {{\n  float obs[{0}], noise[{1}], action[{1}];\n"
      "  int row = 0;\n{2}  (void)argv;\n"
      "  while (fread(obs, sizeof *obs, {0}, stdin) == {0} && fread(noise, sizeof *noise, {1}, stdin) == {1}) {{\n"
      "    if (row++ % {3} == 0) {{ {4} }}\n    if (argc > 1) {5}\n    else {6}\n"
      "    fwrite(action, sizeof *action, {1}, stdout);\n  }}\n  return 0;\n}}\n",
      from.obs_size(), from.action_size(), stateful ? fmt::format("  {}_state state;\n", from.name) : "", kSteps,
      stateful ? fmt::format("{}_reset(&state);", from.name) : "", call("sample", "noise, "), call("act", ""));
}

std::optional<double> check_c(const ExportedActor& from, const fs::path& path) {
  const Workshop shop;
  if (!shop.run("command -v cc >/dev/null 2>&1")) return {};
  const std::string header = c_header_path(path).filename().string();
  fs::copy_file(path, shop.path / "policy.c");
  fs::copy_file(c_header_path(path), shop.path / header);
  write_atomically(shop.path / "main.c", driver(from));
  if (!shop.run("cc -std=c99 -Wall -Wextra -pedantic -Werror -O1 main.c -o check -lm >compiler.txt 2>&1"))
    throw machine_error("the C file does not compile: " + read_text(shop.path / "compiler.txt").substr(0, 500), path.string(),
                        "report this with your compiler's version, or export to another format");
  double largest = 0;
  for (const bool stochastic : {false, true}) {
    const Trial t = play(from, stochastic, from.actor.normalizer);
    std::string input;
    for (int i = 0; i < t.obs.rows(); ++i)
      for (const Matrix* m : {&t.obs, &t.noise})
        input.append(reinterpret_cast<const char*>(m->row(i)), static_cast<std::size_t>(m->cols()) * sizeof(float));
    write_atomically(shop.path / "input", input);
    if (!shop.run(fmt::format("./check {} <input >output", stochastic ? "sample" : "")))
      throw machine_error("the compiled C file does not run", path.string(), "report this with your compiler's version");
    const std::string output = read_text(shop.path / "output");
    Matrix action(static_cast<int>(output.size() / sizeof(float)) / from.action_size(), from.action_size());
    if (action.size() > 0) std::memcpy(action.data(), output.data(), action.size() * sizeof(float));
    largest = std::max(largest, difference(t.action, in_policy_units(from, std::move(action)), path));
  }
  return largest;
}

}  // namespace

std::optional<double> check_export(const ExportedActor& from, ExportFormat format, bool stochastic, const fs::path& path) {
  std::optional<double> seen;
  if (format == ExportFormat::kOnnx) seen = check_onnx(from, stochastic, path);
  else if (format == ExportFormat::kC) seen = check_c(from, path);
  else seen = check_tensors(from, path);
  if (seen && !(*seen <= allowed(from)))
    throw machine_error(fmt::format("the exported file acts differently: by {:.3g}, allowed are {:.0e}", *seen, allowed(from)),
                        path.string(), "do not use it; report this with the checkpoint");
  return seen;
}

std::optional<double> write_export(const ExportedActor& from, ExportFormat format, bool stochastic, const fs::path& path) {
  // under their own names in a folder beside them, for the source includes its header
  const fs::path folder = path.string() + fmt::format(".unchecked{}", ::getpid());
  std::error_code none;
  try {
    if (!fs::create_directory(folder, none))
      throw machine_error("cannot write: " + errno_text(none.value()), path.string(), "choose a folder that exists and may be written to");
    const fs::path unchecked = folder / path.filename(), header = c_header_path(unchecked);
    if (format == ExportFormat::kOnnx) write_atomically(unchecked, onnx_text(from, stochastic));
    else if (format == ExportFormat::kC)
      write_atomically(unchecked, c_source(from, header.filename().string())),
          write_atomically(header, c_header(from, header.filename().string()));
    else write_safetensors(unchecked, actor_tensors(from));
    const std::optional<double> seen = check_export(from, format, stochastic, unchecked);
    if (format == ExportFormat::kC) fs::rename(header, c_header_path(path));
    fs::rename(unchecked, path);
    fs::remove(folder);
    return seen;
  } catch (...) {
    fs::remove_all(folder, none);
    throw;
  }
}

ExportFormat export_format(const std::string& word) {
  if (word == "onnx") return ExportFormat::kOnnx;
  if (word == "c") return ExportFormat::kC;
  if (word == "safetensors") return ExportFormat::kSafetensors;
  throw usage_error("unknown format " + word, "--format", "give onnx, c or safetensors");
}

ExportedActor exported_actor(const AgentFile& file, const std::string& name) {
  const Recipe& recipe = file.recipe;
  return {.actor = file.agent.actor,
          .exploration_noise = exploration_noise(file),
          .safety = recipe.safety,
          .units = {.low = file.bounds.low, .high = file.bounds.high},
          .units_from = file.bounds.low.empty() ? "in the policy's units" : "in the task's units, from the checkpoint",
          .env = recipe.env.id,
          .label = recipe.label,
          .name = name};
}

}  // namespace warmstart
