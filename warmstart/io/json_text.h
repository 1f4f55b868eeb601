// JSON as text, whatever bytes its strings hold.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace warmstart {

/// Bytes that are not UTF-8 (names of files, words of other programs) become U+FFFD, where dump() alone would throw. `indent` -1: one line.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace warmstart
