#include "tests/golden/case.h"

#include <algorithm>
#include <stdexcept>

#include "warmstart/core/files.h"

namespace warmstart::golden {

Json parse_json(const std::string& text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      out += text[i++];
      out += text[i];
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    bool replaced = false;
    if (!quoted)
      for (const auto& [from, to] : {std::pair{"-Infinity", "\"-inf\""}, {"Infinity", "\"inf\""}, {"NaN", "\"nan\""}})
        if (!replaced && text.compare(i, std::string(from).size(), from) == 0) {
          out += to;
          i += std::string(from).size() - 1;
          replaced = true;
        }
    if (!replaced) out += text[i];
  }
  return Json::parse(out);
}

std::vector<std::string> Case::under(const std::string& prefix) const {
  std::vector<std::string> out;
  const std::string full = name + "/" + prefix;
  for (const auto& [key, tensor] : file.tensors)
    if (key.starts_with(full)) out.push_back(key.substr(full.size()));
  return out;
}

std::vector<fs::path> find_cases(const fs::path& folder) {
  std::vector<fs::path> out;
  if (!fs::is_directory(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const fs::path sidecar = fs::path(entry.path()).replace_extension(".json");
    if (!fs::exists(sidecar)) continue;
    try {
      if (!parse_json(read_text(sidecar)).contains("call")) continue;
    } catch (const std::exception&) {
      // kept: reading it again in the replay says what is wrong
    }
    out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Case read_case(const fs::path& path) {
  Case c;
  c.sidecar = parse_json(read_text(fs::path(path).replace_extension(".json")));
  c.name = c.sidecar.value("case", path.stem().string());
  c.agent = c.sidecar.at("agent").get<std::string>();
  c.file = read_safetensors(path);
  return c;
}

void RecordedNoise::next_step() {
  if (step_ >= 0) finished_(step_);
  ++step_;
}

const Tensor& RecordedNoise::take(const std::string& name) {
  const std::string key = prefix_ + "u" + std::to_string(step_) + "/" + name;
  if (!case_.has(key)) throw std::runtime_error("a draw that was never recorded: " + key);
  if (!taken_.insert(key).second) throw std::runtime_error("drawn twice: " + key);
  return case_.at(key);
}

void RecordedNoise::copy_state_major(const std::string& name, int n, MatrixView out) {
  const auto values = take(name).f32();
  if (values.size() != out.size()) throw std::runtime_error("draw of another size: " + name);
  const int states = out.rows / n;
  // Policy noise lies as [n, B, A]; random actions already as [B, n, A].
  const bool action_major = !name.ends_with("cql_random_actions");
  for (int b = 0; b < states; ++b)
    for (int k = 0; k < n; ++k) {
      const std::size_t from = action_major ? static_cast<std::size_t>(k) * states + b : static_cast<std::size_t>(b) * n + k;
      std::copy_n(values.data() + from * out.cols, out.cols, out.row(b * n + k));
    }
}

void RecordedNoise::normal(Draw draw, int actions_per_state, MatrixView out) { copy_state_major(draw.name(), actions_per_state, out); }

void RecordedNoise::uniform(Draw draw, int actions_per_state, MatrixView out) { copy_state_major(draw.name(), actions_per_state, out); }

void RecordedNoise::keep(Draw draw, double, MatrixView out) {
  const auto values = take(draw.name()).u8();
  if (values.size() != out.size()) throw std::runtime_error("draw of another size: " + draw.name());
  for (std::size_t i = 0; i < out.size(); ++i) out.data[i] = values[i] ? 1.0f : 0.0f;
}

void RecordedNoise::subset(Draw draw, int n, bool, std::span<int> out) {
  const auto values = take(draw.name()).i32();
  if (values.size() != out.size()) throw std::runtime_error("subset of another size: " + draw.name());
  for (int i : values)
    if (i < 0 || i >= n) throw std::runtime_error("subset outside the ensemble: " + draw.name());
  std::copy(values.begin(), values.end(), out.begin());
}

std::vector<std::string> RecordedNoise::unused() const {
  std::vector<std::string> out;
  for (const auto& key : case_.under(prefix_))
    if (!taken_.contains(prefix_ + key)) out.push_back(prefix_ + key);
  return out;
}

}  // namespace warmstart::golden
