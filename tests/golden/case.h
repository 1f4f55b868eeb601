// Updates recorded from the public reference implementation: the files of a case, its configuration, and its draws.
#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "warmstart/agents/registry.h"
#include "warmstart/io/safetensors.h"

namespace warmstart::golden {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// JSON as Python writes it: Infinity and NaN literals become the strings "inf", "-inf", "nan".
Json parse_json(const std::string& text);

struct Case {
  std::string name;  ///< prefix of all tensor names
  std::string agent;
  Json sidecar;
  SafeTensors file;

  bool has(const std::string& key) const { return file.tensors.contains(name + "/" + key); }
  const Tensor& at(const std::string& key) const { return file.at(name + "/" + key, "golden case " + name); }
  /// The rest of every key that begins with `prefix`.
  std::vector<std::string> under(const std::string& prefix) const;
};

/// Files with a sidecar that has the key "call" (or cannot be read, so that the replay reports it), sorted.
std::vector<fs::path> find_cases(const fs::path& folder);
Case read_case(const fs::path& path);

/// Everything a replay needs to know. Throws std::runtime_error naming a recorded key that cannot be honoured.
struct Setup {
  std::string agent;
  AgentSettings settings;
  ActorSpec actor;
  CriticSpec critic;
  int updates = 0, utd = 1;
};
Setup read_setup(const Case& c);

/// Serves the recorded draws of one update by name, each exactly once.
class RecordedNoise : public Noise {
 public:
  /// `finished(j)` is called when gradient step j is over, except after the last.
  RecordedNoise(const Case& c, int update, std::function<void(int)> finished)
      : case_(c), prefix_(std::to_string(update) + "/draws/"), finished_(std::move(finished)) {}

  void normal(Draw draw, int actions_per_state, MatrixView out) override;
  void uniform(Draw draw, int actions_per_state, MatrixView out) override;
  void subset(Draw draw, int n, bool with_replacement, std::span<int> out) override;
  void keep(Draw draw, double share, MatrixView out) override;
  void next_step() override;
  /// Recorded draws that nobody asked for.
  std::vector<std::string> unused() const;

 private:
  const Tensor& take(const std::string& name);
  void copy_state_major(const std::string& name, int actions_per_state, MatrixView out);

  const Case& case_;
  std::string prefix_;
  std::function<void(int)> finished_;
  int step_ = -1;
  std::set<std::string> taken_;
};

}  // namespace warmstart::golden
