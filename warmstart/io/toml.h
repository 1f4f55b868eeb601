// TOML files as flat "section.key" values; recipes are such files.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "warmstart/core/fields.h"

namespace warmstart {

using FlatConfig = std::vector<std::pair<std::string, ConfigValue>>;

/// Throws Error(kUsage) naming file, line and remedy for a missing file, a syntax error, or a value of a kind no key has.
FlatConfig read_toml(const std::filesystem::path& path);
/// The same from text; `where` names it in errors.
FlatConfig parse_toml(const std::string& text, const std::string& where);

/// The whole file as JSON text, tables and arrays of tables included, keys in the order of the file. NaN becomes null; a date or
/// an infinite number is refused. Errors as above; `what` names the kind of file.
std::string toml_as_json(const std::filesystem::path& path, const std::string& what);

}  // namespace warmstart
