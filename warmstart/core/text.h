// Small text helpers shared by error messages and tables.
#pragma once
#include <string>
#include <vector>

namespace warmstart {

/// Characters to insert, leave out or replace to make `b` of `a`.
int edit_distance(const std::string& a, const std::string& b);

/// The candidate with the smallest edit distance to `name` ("" when there is none).
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string join(const std::vector<std::string>& parts, const std::string& separator = ", ");

/// {"a", "b", "c"} of "a,b,c"; nothing of "".
std::vector<std::string> split(const std::string& text, char separator);

/// `word` as a POSIX shell reads it back, in single quotes where it needs them.
std::string shell_word(const std::string& word);
/// No overlong forms, no surrogates.
bool is_utf8(const std::string& text);
/// `text` as one field of a CSV file, RFC 4180.
std::string csv_field(const std::string& text);

/// "42 s", "3 min 07 s", "2 h 05 min"; whole minutes and hours are rounded down.
std::string duration_text(double seconds);

}  // namespace warmstart
