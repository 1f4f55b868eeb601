#include "warmstart/io/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

ConfigValue value_of(const toml::node& node, const std::string& key, const std::string& where) {
  if (const auto* b = node.as_boolean()) return b->get();
  if (const auto* i = node.as_integer()) return i->get();
  if (const auto* d = node.as_floating_point()) return d->get();
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* a = node.as_array()) {
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
    for (const auto& item : *a) {
      if (!item.is_number()) throw usage_error("wrong type in list", where + ", key " + key, "give a list of integers or of numbers");
      if (item.is_integer()) integers.push_back(*item.value<std::int64_t>());
      numbers.push_back(*item.value<double>());
    }
    if (integers.size() == numbers.size()) return integers;
    return numbers;
  }
  throw usage_error("unsupported kind of value", where + ", key " + key, "use true/false, a number, text or a list of numbers");
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& where, FlatConfig& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
    if (const auto* sub = node.as_table()) flatten(*sub, key, where, out);
    else out.emplace_back(key, value_of(node, key, where));
  }
}

using Json = nlohmann::ordered_json;

Json json_of(const toml::node& node, const std::string& where) {
  if (const auto* b = node.as_boolean()) return b->get();
  if (const auto* i = node.as_integer()) return i->get();
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* d = node.as_floating_point(); d && std::isnan(d->get())) return nullptr;
  else if (d && std::isfinite(d->get())) return d->get();
  if (const auto* a = node.as_array()) {
    Json out = Json::array();
    for (const auto& item : *a) out.push_back(json_of(item, where));
    return out;
  }
  const auto* table = node.as_table();
  if (!table)
    throw usage_error("unsupported kind of value", where + ", line " + std::to_string(node.source().begin.line),
                      "use true/false, a finite number, text, a list or a table");
  // the library sorts keys by name; a reader means the order of the file
  struct Entry {
    std::string key;
    const toml::node* node;
    toml::source_position at;
  };
  std::vector<Entry> entries;
  for (const auto& [key, child] : *table) entries.push_back({std::string(key.str()), &child, key.source().begin});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.at < b.at; });
  Json out = Json::object();
  for (const Entry& e : entries) out[e.key] = json_of(*e.node, where);
  return out;
}

Error syntax_error(const toml::parse_error& e, const std::string& where) {
  return usage_error("not valid TOML: " + std::string(e.description()), where + ", line " + std::to_string(e.source().begin.line),
                     "correct that line");
}

}  // namespace

FlatConfig parse_toml(const std::string& text, const std::string& where) {
  try {
    FlatConfig out;
    flatten(toml::parse(text), "", where, out);
    return out;
  } catch (const toml::parse_error& e) {
    throw syntax_error(e, where);
  }
}

std::string toml_as_json(const std::filesystem::path& path, const std::string& what) {
  if (!fs::is_regular_file(path)) throw usage_error(what + " not found", path.string(), "check the path");
  try {
    return json_of(toml::parse(read_text(path)), path.string()).dump();
  } catch (const toml::parse_error& e) {
    throw syntax_error(e, path.string());
  }
}

FlatConfig read_toml(const std::filesystem::path& path) {
  if (!fs::is_regular_file(path)) throw usage_error("recipe not found", path.string(), "`warmstart list recipes` shows the bundled ones");
  return parse_toml(read_text(path), path.string());
}

}  // namespace warmstart
