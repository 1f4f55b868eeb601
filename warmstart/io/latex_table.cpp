// The LaTeX table of a report.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/io/report_figures.h"

namespace warmstart {
namespace {

// three digits or so, whatever the size of the levels
int digits_of(double largest) { return largest >= 20 ? 1 : largest >= 2 ? 2 : 3; }

std::vector<double> values_of(const RunGroup& group, const std::string& metric, std::optional<double> Outcome::*number) {
  std::vector<double> out;
  for (const RunFiles* run : group.runs)
    if (const auto v = outcome(*run, metric).*number) out.push_back(*v);
  return out;
}

}  // namespace

std::string latex_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '|':
        out += "\\textbar{}";
        break;
      case '"':
        out += "''";
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\', out += c;
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string latex_cell(const std::vector<double>& values, const FigureStyle& style, double scale, int digits) {
  if (values.empty()) return "--";
  const auto number = [&](double v) {
    const std::string text = fmt::format("{:.{}f}", scale * v, digits);
    return text[0] == '-' ? "$-$" + text.substr(1) : text;
  };
  const std::string center = number(center_of(values, style.center));
  if (values.size() < 2) return center;
  if (style.band == SpreadKind::kDeviation) return fmt::format("{} $\\pm$ {}", center, number(deviation_of(values)));
  const Spread range = spread(values);
  std::pair<double, double> ends = {range.low, range.high};
  if (style.band == SpreadKind::kInterval) ends = Bootstrap(style.coverage, 10000).interval(values, style.center);
  return fmt::format("{} {{\\scriptsize [{}, {}]}}", center, number(ends.first), number(ends.second));
}

std::string latex_spread_words(const FigureStyle& style) {
  const std::string center = style.center == Center::kMean ? "mean" : "interquartile mean";
  if (style.band == SpreadKind::kDeviation) return center + " over seeds $\\pm$ sample standard deviation";
  if (style.band == SpreadKind::kRange) return center + " over seeds, in brackets the smallest and the largest";
  return fmt::format("{} over seeds, in brackets its {:g}\\% bootstrap confidence interval", center, 100 * style.coverage);
}

std::string latex_text(const std::vector<LatexTable>& tables) {
  std::string out = "% \\usepackage{booktabs}\n";
  for (const LatexTable& table : tables) {
    out += fmt::format(
        "\n\\begin{{table*}}[t]\n\\centering\n\\footnotesize\n\\setlength{{\\tabcolsep}}{{3pt}}\n\\caption{{{}}}\n\\label{{{}}}\n\\begin{{"
        "tabular}}"
        "{{l{}}}\n\\toprule\n",
        table.caption, table.label, std::string(table.head.size() - 1, 'r'));
    out += fmt::format("{} \\\\\n\\midrule\n", fmt::join(table.head, " & "));
    for (const auto& row : table.rows) out += fmt::format("{} \\\\\n", fmt::join(row, " & "));
    out += "\\bottomrule\n\\end{tabular}\n\\end{table*}\n";
  }
  return out;
}

std::vector<LatexTable> report_tables(const std::vector<TaskRuns>& tasks, const FigureStyle& style) {
  std::vector<LatexTable> out;
  for (const TaskRuns& task : tasks) {
    const std::string metric = headline_metric(task);
    const bool percent = metric == "success_rate";
    const double scale = percent ? 100 : 1;
    const auto groups = group_runs(task);
    double largest = 0;
    for (const RunGroup& group : groups)
      for (const auto number : {&Outcome::before, &Outcome::lowest, &Outcome::last})
        for (const double v : values_of(group, metric, number)) largest = std::max(largest, scale * std::abs(v));
    const int digits = digits_of(largest);
    LatexTable table;
    const char* what = percent ? "success rate (\\%)" : metric == "normalized" ? "normalized score" : "return";
    table.caption = fmt::format(
        "{}{}: {}. Before: at the switch to online learning; lowest and final: of the evaluations after it. Drop: how far it fell below "
        "the "
        "level before, as a percentage of that level. Forgotten: seeds that never came back to 90\\% of it. Recovered: environment steps "
        "from the switch until they did, of those that did.",
        task.env.empty() ? "" : latex_escaped(task.env) + ", ", what, latex_spread_words(style));
    if (task.env.empty()) table.caption[0] = static_cast<char>(std::toupper(table.caption[0]));
    table.label = "tab:" + file_name(task.env.empty() ? "results" : task.env);
    table.head = {"method", "seeds", "before", "lowest", "final", "drop (\\%)", "forgotten", "recovered"};
    for (const RunGroup& group : groups) {
      const GroupOutcome o = outcome(group, metric);
      const auto level = [&](std::optional<double> Outcome::*number) {
        return latex_cell(values_of(group, metric, number), style, scale, digits);
      };
      const int idle = without_update(group);
      const std::string note = idle == 0                                     ? ""
                               : idle == static_cast<int>(group.runs.size()) ? " (no update)"
                                                                             : fmt::format(" ({} without update)", idle);
      table.rows.push_back({latex_escaped(group.label) + note, std::to_string(group.runs.size()), level(&Outcome::before),
                            level(&Outcome::lowest), level(&Outcome::last), o.drop.count ? fmt::format("{:.1f}", 100 * o.drop.mean) : "--",
                            o.judged ? fmt::format("{} of {}", o.forgotten, o.judged) : "--",
                            o.recovered_at.count ? fmt::format("{:.0f}", o.recovered_at.mean) : "--"});
    }
    out.push_back(std::move(table));
  }
  return out;
}

}  // namespace warmstart
