#include "warmstart/data/findings.h"

#include <fmt/format.h>

#include "warmstart/core/error.h"

namespace warmstart {

void throw_problems(const Findings& findings, const std::string& source) {
  const Finding* first = nullptr;
  int problems = 0;
  for (const Finding& f : findings)
    if (f.severity == Severity::kProblem && ++problems == 1) first = &f;
  if (!first) return;
  const std::string more = problems > 1 ? fmt::format("; {} more: see `warmstart data info`", problems - 1) : "";
  throw data_error(first->text, source, first->remedy + more);
}

std::string labeled(const Finding& finding) {
  constexpr const char* labels[] = {"note", "warning", "problem"};
  return fmt::format("{}: {}", labels[static_cast<int>(finding.severity)], finding.line());
}

}  // namespace warmstart
