// What a look at a dataset finds, in the same words for whoever looks: `data info`, `verify`, `pack`, `convert` and training.
#pragma once
#include <string>
#include <vector>

namespace warmstart {

/// kNote: how something is read; kWarning: it works, and may not be meant so; kProblem: nothing is trained on it.
enum class Severity { kNote, kWarning, kProblem };

struct Finding {
  Severity severity = Severity::kNote;
  std::string text;    ///< what, with key and row
  std::string remedy;  ///< "" where there is nothing to do
  std::string line() const { return remedy.empty() ? text : text + ": " + remedy; }
};

using Findings = std::vector<Finding>;

inline void add_note(Findings& to, const std::string& text) { to.push_back({Severity::kNote, text, ""}); }
inline void add_warning(Findings& to, const std::string& text, const std::string& remedy) {
  to.push_back({Severity::kWarning, text, remedy});
}
inline void add_problem(Findings& to, const std::string& text, const std::string& remedy) {
  to.push_back({Severity::kProblem, text, remedy});
}

/// Throws Error(kData) of the first problem, naming `source`, and how many more there are.
void throw_problems(const Findings& findings, const std::string& source);

/// "note: ...", "warning: ...", "problem: ...".
std::string labeled(const Finding& finding);

}  // namespace warmstart
