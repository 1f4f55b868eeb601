// The page of a report: a fixed template with the data and plotly.js filled in.
#include <fmt/format.h>

#include <cassert>
#include <string_view>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/report.h"

namespace warmstart {
namespace {

const char* const kTemplate =
#include "report_template.inc"
    ;

// JSON that cannot end its <script> element or open a comment
std::string inside_script(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') out += "\\u003c";
    else if (c == '>') out += "\\u003e";
    else if (c == '&') out += "\\u0026";
    else out += c;
  }
  return out;
}

std::string read_plotly(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw machine_error("plotly.min.js is missing", path.string(), "run `make setup`");
  std::string script = read_text(path);
  // inside a string of the script "<\/" means the same; as it is it would end the element
  for (std::size_t at = 0; (at = script.find("</script", at)) != std::string::npos; at += 3) script.replace(at, 2, "<\\/");
  return script;
}

// Fills the template's places, which come in this order; what is filled in may hold their names.
std::string filled(std::initializer_list<std::pair<std::string_view, std::string_view>> places) {
  std::string_view rest = kTemplate;
  std::string page;
  for (const auto& [mark, text] : places) {
    const auto at = rest.find(mark);
    assert(at != std::string_view::npos);
    page += rest.substr(0, at);
    page += text;
    rest.remove_prefix(at + mark.size());
  }
  return page += rest;
}

}  // namespace

std::string report_page(const std::string& data, const fs::path& plotly_js, bool live) {
  const std::string data_text = inside_script(data), plotly = read_plotly(plotly_js);
  return filled({{"%SERVER%", live ? "'self'" : "'none'"}, {"%LIVE%", live ? "yes" : "no"}, {"%DATA%", data_text}, {"%PLOTLY%", plotly}});
}

void write_report(const std::vector<RunFiles>& runs, const fs::path& html, const fs::path& plotly_js, const ReportExtras& extras) {
  if (runs.empty()) throw usage_error("no runs to report on", html.string(), "name at least one run folder");
  write_atomically(html, report_page(report_data(runs, extras), plotly_js));
}

}  // namespace warmstart
