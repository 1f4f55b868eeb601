#include "warmstart/io/minari_spaces.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

// Python writes Infinity and NaN, which are no JSON: they become strings, which bounds() understands
std::string quoted_infinities(const std::string& text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto word = [&](const char* w) { return !in_string && text.compare(i, std::char_traits<char>::length(w), w) == 0; };
    const char* found = nullptr;
    for (const char* w : {"-Infinity", "Infinity", "NaN"})
      if (!found && word(w)) found = w;
    if (found) {
      out.append("\"").append(found).append("\"");
      i += std::char_traits<char>::length(found);
      continue;
    }
    if (text[i] == '\\' && in_string && i + 1 < text.size()) out += text[i++];
    else if (text[i] == '"') in_string = !in_string;
    out += text[i++];
  }
  return out;
}

nlohmann::json parse_space(const std::string& text, const std::string& where) {
  auto space = nlohmann::json::parse(quoted_infinities(text), nullptr, false);
  if (!space.is_object() || !space.contains("type") || !space["type"].is_string())
    throw data_error("space that cannot be understood: " + text.substr(0, 60), where, "remove metadata.json to go by the arrays alone");
  return space;
}

/// "low" or "high" of a Box: nested lists, or one number for all.
void add_bounds(const nlohmann::json& value, const std::string& where, std::vector<double>& out) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (value.is_array())
    for (const auto& part : value) add_bounds(part, where, out);
  else if (value.is_number()) out.push_back(value.get<double>());
  else if (value == "Infinity") out.push_back(kInfinity);
  else if (value == "-Infinity") out.push_back(-kInfinity);
  else if (value == "NaN") out.push_back(std::numeric_limits<double>::quiet_NaN());
  else throw data_error("bound of a space that is no number: " + value.dump().substr(0, 60), where, "write the space's bounds as numbers");
}

std::vector<double> bounds(const nlohmann::json& box, const char* side, const std::string& where) {
  std::vector<double> out;
  if (box.contains(side)) add_bounds(box[side], where + ", " + side, out);
  std::size_t entries = 1;
  for (const auto& n : box.value("shape", nlohmann::json::array()))
    if (n.is_number_unsigned()) entries *= n.get<std::size_t>();
  if (out.size() == 1 && entries > 1 && entries < 65536) out.assign(entries, out[0]);
  return out;
}

void check_space(const nlohmann::json& space, const std::string& key, const std::string& where, bool dict_allowed) {
  const std::string type = space.is_object() && space.contains("type") && space["type"].is_string() ? space["type"] : "unknown";
  if (type == "Dict" && dict_allowed) {
    const auto parts = space.value("subspaces", nlohmann::json::object());
    for (const auto& [name, part] : parts.items()) check_space(part, key + "/" + name, where, true);
    return;
  }
  if (type != "Box") throw data_error(fmt::format("'{}' is a {} space", key, type), where, kOnlyBoxes);
  const auto shape = space.value("shape", nlohmann::json::array());
  if (space.value("dtype", "") == "uint8" && shape.size() >= 2)
    throw data_error(fmt::format("'{}' holds images, shape {}", key, shape.dump()), where, kOnlyBoxes);
}

}  // namespace

MinariDescription describe_minari(const ArrayFile& file) {
  MinariDescription d;
  const std::filesystem::path json_path = std::filesystem::path(file.path()).parent_path() / "metadata.json";
  std::map<std::string, std::string> texts;
  std::string where = file.path();
  if (std::filesystem::exists(json_path)) {
    where = json_path.string();
    const auto json = nlohmann::json::parse(read_text(json_path), nullptr, false);
    if (!json.is_object()) throw data_error("metadata.json is damaged", where, "copy or download the dataset again");
    for (const auto& [name, value] : json.items()) texts[name] = value.is_string() ? value.get<std::string>() : value.dump();
  } else {
    for (const auto& [name, value] : file.text_attributes()) texts[name] = value;
  }
  if (texts.contains("observation_space")) {
    check_space(parse_space(texts["observation_space"], where + ", observation_space"), "observation_space", where, true);
    d.observations_described = true;
  }
  if (texts.contains("action_space")) {
    const auto space = parse_space(texts["action_space"], where + ", action_space");
    check_space(space, "action_space", where, false);
    d.actions_described = true;
    d.action_low = bounds(space, "low", where + ", action_space"), d.action_high = bounds(space, "high", where + ", action_space");
  }
  const auto number = [&](const char* name) {
    const auto value = nlohmann::json::parse(texts[name], nullptr, false);
    return value.is_number_integer() ? value.get<long long>() : -1;
  };
  d.total_episodes = number("total_episodes"), d.total_steps = number("total_steps");
  for (const char* name : {"dataset_id", "algorithm_name", "minari_version"})
    if (texts.contains(name)) d.metadata[name] = texts[name];
  const auto env = nlohmann::json::parse(texts["env_spec"], nullptr, false);
  if (env.is_object() && env.contains("id") && env["id"].is_string()) d.metadata["env"] = env["id"].get<std::string>();
  return d;
}

}  // namespace warmstart
