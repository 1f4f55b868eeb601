// Small text helpers shared by error messages and tables.
#pragma once
#include <string>
#include <vector>

namespace warmstart {

/// The candidate with the smallest edit distance to `name` ("" when there is none).
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string join(const std::vector<std::string>& parts, const std::string& separator = ", ");

}  // namespace warmstart
