// Figures for a paper, as SVG: one column wide, 8 pt text that stays text, colors and line styles that survive color blindness and a
// black-and-white printer. Nothing is measured here; report_figures.h says what is drawn.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace warmstart {

/// A line with its band. `low` and `high` are empty (no band) or as long as `x`.
struct FigureLine {
  std::string label;  ///< in the legend; "" = not in it
  int style = 0;      ///< which color and line style; the same number looks the same in every figure
  std::vector<double> x, y, low, high;
};

/// A level that lines are compared with, drawn thin and dotted over the whole width.
struct FigureLevel {
  double y = 0;
  int style = -1;  ///< of the line it belongs to; -1 = gray
};

/// A plot of lines. Lengths are points (1/72 inch).
struct LineFigure {
  std::string x_label, y_label;
  bool percent = false;  ///< values are fractions, shown as percent from 0 to 100
  bool log_y = false;    ///< values that are not positive are then left out
  double shaded_to = 0;  ///< x up to which the background is shaded, the warmup; 0 = nothing
  std::string shade = "warmup";
  struct Strip {
    double to = 0;
    int style = 0;
  };
  std::vector<Strip> strips;  ///< at the bottom, from x = 0: warmups that only some lines have
  std::vector<FigureLine> lines;
  std::vector<FigureLevel> levels;
};

/// One row of an interval plot; a number that is not finite is left out.
struct FigureRow {
  std::string label;
  double mean = 0, iqm = 0, low = 0, high = 0;
};

/// A number of every arm with its interval, arms from top to bottom.
struct IntervalFigure {
  std::string x_label;
  bool percent = false;
  std::optional<double> mark;  ///< a value with a dashed line, as a threshold
  std::vector<FigureRow> rows;
};

/// Stacked bars, one for each label; `parts[p].values[i]` is the length of part p of bar i.
struct BarFigure {
  struct Part {
    std::string label;
    std::vector<double> values;
  };
  std::string x_label;
  std::vector<std::string> labels;
  std::vector<Part> parts;
};

inline constexpr double kColumnWidth = 234;  ///< 3.25 inches

/// SVG documents, valid XML whatever the labels hold.
std::string figure_svg(const LineFigure& figure);
std::string figure_svg(const IntervalFigure& figure);
std::string figure_svg(const BarFigure& figure);

}  // namespace warmstart
