// The plots of a report as figures for a paper: SVG, the numbers behind each as tidy CSV, a caption, and a LaTeX table.
#pragma once
#include <string>
#include <vector>

#include "warmstart/io/report_stats.h"
#include "warmstart/io/seed_stats.h"

namespace warmstart {

enum class SpreadKind { kInterval, kDeviation, kRange };  ///< bootstrap interval, sample standard deviation, smallest to largest seed

/// What lines and bands are over the seeds of a method.
struct FigureStyle {
  Center center = Center::kMean;
  SpreadKind band = SpreadKind::kInterval;
  double coverage = 0.95;  ///< of the interval
};

/// One plot. The CSV is tidy: run,method,seed,phase,step,metric,value.
struct Figure {
  std::string name;  ///< fit for a file's name
  std::string caption, svg, csv;
};

inline constexpr const char* kTidyHeader = "run,method,seed,phase,step,metric,value\n";

/// Every plot of one task; plots without a point are left out.
std::vector<Figure> report_figures(const TaskRuns& task, const FigureStyle& style);

/// What lines and bands are, in words: "mean of 3 seeds, band: 95% bootstrap interval of the mean".
std::string style_words(const FigureStyle& style, const std::vector<RunGroup>& groups);

/// `text` as LaTeX shows it literally.
std::string latex_escaped(const std::string& text);
/// "81.7 {\scriptsize [75.0, 88.3]}" or "81.7 $\pm$ 3.1"; "--" for no value, no spread for one. Values are multiplied by `scale`.
std::string latex_cell(const std::vector<double>& values, const FigureStyle& style, double scale, int digits);
/// What the spread in a cell is, for a caption: "mean over seeds, in brackets its 95\% bootstrap interval".
std::string latex_spread_words(const FigureStyle& style);

/// A floating table in the manner of booktabs; cells and caption are LaTeX already. The first column is left-aligned.
struct LatexTable {
  std::string caption, label;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};
std::string latex_text(const std::vector<LatexTable>& tables);

/// The headline numbers of each task.
std::vector<LatexTable> report_tables(const std::vector<TaskRuns>& tasks, const FigureStyle& style);

/// Lower case, digits and hyphens: a name for a file.
std::string file_name(const std::string& text);

}  // namespace warmstart
