// The policy as a file for other programs: an ONNX model, one C99 file, or a safetensors file. Each is read back (the C file is
// compiled and run) and compared with our own policy before it is left in place. docs/export.md.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "warmstart/nn/network.h"
#include "warmstart/phases/action_filter.h"
#include "warmstart/phases/agent_file.h"

namespace warmstart {

enum class ExportFormat { kOnnx, kC, kSafetensors };
/// Throws Error(kUsage) naming the valid words.
ExportFormat export_format(const std::string& word);

/// A machine's own units: -1 becomes low, 1 becomes high. Lists as in SafetyConfig; both empty = the policy's units.
struct ActionUnits {
  std::vector<double> low, high;

  Fields fields();
  bool off() const { return low.empty() && high.empty(); }
  /// Throws Error(kUsage) for one without the other, another length than `action_size`, or a range without inside.
  void validate(int action_size) const;
  /// [A] each: machine = center + half * policy
  FloatVector center(int action_size) const;
  FloatVector half(int action_size) const;
};

/// What is exported.
struct ExportedActor {
  Actor actor;
  double exploration_noise = 0;  ///< as Agent::exploration_noise: 0 samples from the policy
  SafetyConfig safety;           ///< in the policy's units, applied before `units`
  ActionUnits units;
  std::string units_from = "in the policy's units";  ///< who said so, for the file
  std::string env, label;
  std::string name = "policy";  ///< of the C functions and the ONNX graph: letters, digits, _

  int obs_size() const { return actor.spec.obs; }
  int action_size() const { return actor.spec.action; }
};

/// The actor of an agent file as it acts after the phase that wrote it.
ExportedActor exported_actor(const AgentFile& file, const std::string& name);

/// A comparison allows so much: sums run in another order and tanh, exp are other libraries', which is some 1e-7 a layer; a wrong
/// weight, layout or formula is far above.
constexpr double kExportTolerance = 1e-5;

/// Range of every action that the file answers, "-20 to 10, 0 to 0.5", for people.
std::string action_range(const ExportedActor& actor);

/// Writes `path`, and of a C file the header beside it, under a temporary name, checks it as check_export does, and moves it into place; a
/// file that fails is removed and an older one stays. `stochastic` (ONNX only): the model samples, with one more input "noise". Returns the
/// largest difference seen, or nothing when a C file could not be run because there is no C compiler.
std::optional<double> write_export(const ExportedActor& actor, ExportFormat format, bool stochastic, const std::filesystem::path& path);

/// Compares the file's actions with our policy's on drawn observations, deterministic and (where it can) sampled, the filter
/// included. Throws Error(kMachine) for a larger difference than kExportTolerance, Error(kData) for a file that cannot be read.
std::optional<double> check_export(const ExportedActor& actor, ExportFormat format, bool stochastic, const std::filesystem::path& path);

// one file each
std::string onnx_text(const ExportedActor& actor, bool stochastic);
/// `header` is the name by which the source includes what c_header gives.
std::string c_source(const ExportedActor& actor, const std::string& header);
std::string c_header(const ExportedActor& actor, const std::string& header);
/// The header's path beside a C file: its name with .h in place of .c, or added.
std::filesystem::path c_header_path(const std::filesystem::path& source);
SafeTensors actor_tensors(const ExportedActor& actor);
/// The reverse of actor_tensors; throws Error(kData).
ExportedActor actor_of(const SafeTensors& file, const std::string& where);

}  // namespace warmstart
