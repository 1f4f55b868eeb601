#include "warmstart/io/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/io/svg_canvas.h"

namespace warmstart {
namespace {

constexpr double kPlotHeight = 112;  // of a line plot, without legend and axes
constexpr double kLegendRow = 10.5;
constexpr double kSample = 17;  // of a line, in the legend
constexpr double kGap = 3;
const char* const kAxisStroke = "stroke=\"#000\" stroke-width=\"0.6\"";
const char* const kGrid = "stroke=\"#dddddd\" stroke-width=\"0.4\"";

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double v) {
    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  }
  bool empty() const { return low > high; }
  // with room at either end; a single value gets some too
  Range roomy(double fraction) const {
    const double span = high > low ? high - low : std::max(std::abs(high) * 0.2, 1e-6);
    return {low - fraction * span, high + fraction * span};
  }
};

struct LegendItem {
  std::string label;
  int style;
};

// the legend's rows, as many items in each as fit
std::vector<std::vector<LegendItem>> legend_rows(const std::vector<LegendItem>& items, double width) {
  std::vector<std::vector<LegendItem>> rows;
  double used = 0;
  for (LegendItem item : items) {
    item.label = fitted(item.label, width - kSample - kGap, kFontSize);
    const double need = kSample + kGap + text_width(item.label, kFontSize) + 8;
    if (rows.empty() || used + need - 8 > width) rows.emplace_back(), used = 0;
    rows.back().push_back(item);
    used += need;
  }
  return rows;
}

// `boxes`: a filled square instead of a line
void draw_legend(SvgCanvas& canvas, const std::vector<std::vector<LegendItem>>& rows, double left, bool markers, bool boxes = false) {
  double y = 8;
  for (const auto& row : rows) {
    double x = left;
    for (const LegendItem& item : row) {
      const LineLook look = line_look(item.style);
      if (boxes) {
        canvas.rect(x + 8, y - 6, 7, 7, fmt::format("fill=\"{}\"", look.color));
      } else {
        canvas.line(x, y - 2.6, x + kSample, y - 2.6,
                    fmt::format("stroke=\"{}\" stroke-width=\"1.3\"{}", look.color,
                                *look.dash ? fmt::format(" stroke-dasharray=\"{}\"", look.dash) : ""));
        if (markers) canvas.marker(x + kSample / 2, y - 2.6, item.style, 3.6, look.color);
      }
      canvas.text(x + kSample + kGap, y, item.label, Anchor::kStart);
      x += kSample + kGap + text_width(item.label, kFontSize) + 8;
    }
    y += kLegendRow;
  }
}

// steps in units that a tick can show: divisor and what the axis then counts in
std::pair<double, std::string> unit_of(double largest) {
  if (largest >= 1e6) return {1e6, " (millions)"};
  if (largest >= 1e4) return {1e3, " (thousands)"};
  return {1, ""};
}

// the points of a line that can be drawn, as one path for each stretch without a gap
std::string path_of(const std::vector<double>& xs, const std::vector<double>& ys, const Axis& x, const Axis& y, bool log) {
  std::string d;
  bool pen = false;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (!std::isfinite(ys[i]) || (log && ys[i] <= 0)) {
      pen = false;
      continue;
    }
    d += fmt::format("{}{:.2f} {:.2f}", pen ? 'L' : 'M', x(xs[i]), y(ys[i]));
    pen = true;
  }
  return d;
}

std::string band_of(const FigureLine& line, const Axis& x, const Axis& y) {
  std::string d;
  for (std::size_t i = 0; i < line.x.size(); ++i) d += fmt::format("{}{:.2f} {:.2f}", i ? 'L' : 'M', x(line.x[i]), y(line.high[i]));
  for (std::size_t i = line.x.size(); i-- > 0;) d += fmt::format("L{:.2f} {:.2f}", x(line.x[i]), y(line.low[i]));
  return d + "z";
}

Range values_of(const LineFigure& f) {
  Range range;
  const auto add = [&](double v) {
    if (!f.log_y || v > 0) range.add(v);
  };
  for (const FigureLine& line : f.lines)
    for (const auto* values : {&line.y, &line.low, &line.high})
      for (const double v : *values) add(v);
  for (const FigureLevel& level : f.levels) add(level.y);
  return range;
}

Range y_range(const LineFigure& f, double scale) {
  Range range = values_of(f);
  if (range.empty()) range = {0, 1};
  if (f.percent && range.low >= 0 && range.high <= 1) return {-2, 102};
  if (f.log_y) return {range.low / 1.2, range.high * 1.2};
  range = {range.low * scale, range.high * scale};
  // a scale that begins at zero says more, where it costs little
  const bool from_zero = range.low >= 0 && range.low < 0.4 * range.high;
  Range roomy = range.roomy(0.05);
  if (from_zero) roomy.low = 0;
  return roomy;
}

}  // namespace

std::string figure_svg(const LineFigure& f) {
  SvgCanvas canvas;
  const double scale = f.percent ? 100 : 1;
  Range steps;
  std::size_t longest = 0;
  std::vector<LegendItem> items;
  for (const FigureLine& line : f.lines) {
    for (const double v : line.x) steps.add(v);
    longest = std::max(longest, line.x.size());
    if (!line.label.empty() && !line.x.empty()) items.push_back({line.label, line.style});
  }
  steps.add(0), steps.add(f.shaded_to);
  for (const auto& strip : f.strips) steps.add(strip.to);
  if (steps.high <= steps.low) steps.high = steps.low + 1;
  const auto [unit, unit_name] = unit_of(steps.high);
  const bool markers = longest <= 15;

  // sizes, from the outside in
  const auto rows = legend_rows(items, kColumnWidth - 8);
  const double above = (rows.empty() ? 4 : 4 + kLegendRow * static_cast<double>(rows.size())) + (f.shaded_to > 0 ? 8.5 : 0);
  const double top = above, bottom = top + kPlotHeight, height = bottom + 25;
  const Range values = y_range(f, scale);
  Axis y(values.low, values.high, bottom, top, f.log_y);
  const std::vector<double> y_ticks = y.ticks(4);
  const std::vector<std::string> y_texts = tick_labels(y_ticks, f.log_y);
  double widest = 0;
  for (const std::string& text : y_texts) widest = std::max(widest, text_width(text, kFontSize));
  // half of the last label stands beyond the axis
  const std::string last = tick_labels(Axis(steps.low / unit, steps.high / unit, 0, 1).ticks(4)).back();
  const double left = 11 + widest + 6, right = kColumnWidth - std::max(6.0, text_width(last, kFontSize) / 2 + 1);
  const Axis x(steps.low / unit, steps.high / unit, left, right);
  const auto at = [&](double step) { return x(step / unit); };

  draw_legend(canvas, rows, 4, markers);
  if (f.shaded_to > 0) {
    canvas.rect(left, top, at(f.shaded_to) - left, kPlotHeight, "fill=\"#000\" fill-opacity=\"0.07\"");
    canvas.text(left, top - 2, f.shade, Anchor::kStart, kSmallFont, "#555");
  }
  for (std::size_t i = 0; i < f.strips.size(); ++i)
    canvas.rect(left, bottom - 2.6 * static_cast<double>(i + 1), at(f.strips[i].to) - left, 2,
                fmt::format("fill=\"{}\" fill-opacity=\"0.6\"", line_look(f.strips[i].style).color));
  for (std::size_t i = 0; i < y_ticks.size(); ++i) {
    canvas.line(left, y(y_ticks[i]), right, y(y_ticks[i]), kGrid);
    canvas.line(left - 2.5, y(y_ticks[i]), left, y(y_ticks[i]), kAxisStroke);
    canvas.text(left - 4, y(y_ticks[i]) + 2.8, y_texts[i], Anchor::kEnd);
  }
  const std::vector<double> x_ticks = x.ticks(4);
  const std::vector<std::string> x_texts = tick_labels(x_ticks);
  for (std::size_t i = 0; i < x_ticks.size(); ++i) {
    canvas.line(x(x_ticks[i]), bottom, x(x_ticks[i]), bottom + 2.5, kAxisStroke);
    canvas.text(x(x_ticks[i]), bottom + 10.5, x_texts[i], Anchor::kMiddle);
  }
  canvas.text((left + right) / 2, bottom + 21, f.x_label + unit_name, Anchor::kMiddle);
  canvas.text(8, (top + bottom) / 2, fitted(f.y_label + (f.percent ? " (%)" : ""), kPlotHeight + 20, kFontSize), Anchor::kMiddle, kFontSize,
              "#000", true);

  const auto scaled = [&](std::vector<double> v, double by) {
    for (double& value : v) value *= by;
    return v;
  };
  std::vector<FigureLine> lines = f.lines;
  for (FigureLine& line : lines)
    line.x = scaled(line.x, 1 / unit), line.y = scaled(line.y, scale), line.low = scaled(line.low, scale),
    line.high = scaled(line.high, scale);
  for (const FigureLine& line : lines) {
    const bool drawable = !line.low.empty() && line.x.size() > 1 && (!f.log_y || *std::min_element(line.low.begin(), line.low.end()) > 0);
    if (drawable) canvas.path(band_of(line, x, y), fmt::format("fill=\"{}\" fill-opacity=\"0.17\"", line_look(line.style).color));
  }
  for (const FigureLevel& level : f.levels)
    if (!f.log_y || level.y > 0)
      canvas.line(left, y(level.y * scale), right, y(level.y * scale),
                  fmt::format("stroke=\"{}\" stroke-width=\"0.8\" stroke-dasharray=\"1 1.5\"", line_look(level.style).color));
  for (const FigureLine& line : lines) {
    const LineLook look = line_look(line.style);
    canvas.path(path_of(line.x, line.y, x, y, f.log_y),
                fmt::format("fill=\"none\" stroke=\"{}\" stroke-width=\"1.3\" stroke-linejoin=\"round\"{}", look.color,
                            *look.dash ? fmt::format(" stroke-dasharray=\"{}\"", look.dash) : ""));
    if (!markers) continue;
    for (std::size_t i = 0; i < line.x.size(); ++i)
      if (std::isfinite(line.y[i]) && (!f.log_y || line.y[i] > 0)) canvas.marker(x(line.x[i]), y(line.y[i]), line.style, 3.6, look.color);
  }
  canvas.line(left, top, left, bottom, kAxisStroke);
  canvas.line(left, bottom, right, bottom, kAxisStroke);
  return canvas.document(height);
}

namespace {

constexpr double kRow = 14;

// rows of labels at the left, an axis below: what interval plots and bars share
struct RowFrame {
  double left, right, top, bottom;
  double middle(std::size_t row) const { return top + kRow * (static_cast<double>(row) + 0.5); }
};

RowFrame row_frame(SvgCanvas& canvas, const std::vector<std::string>& labels, double top) {
  double widest = 0;
  for (const std::string& label : labels) widest = std::max(widest, text_width(label, kFontSize));
  const double room = std::min(widest, 0.45 * kColumnWidth);
  const RowFrame frame{room + 8, kColumnWidth - 12, top, top + kRow * static_cast<double>(std::max<std::size_t>(labels.size(), 1))};
  for (std::size_t i = 0; i < labels.size(); ++i)
    canvas.text(frame.left - 5, frame.middle(i) + 2.8, fitted(labels[i], room, kFontSize), Anchor::kEnd);
  return frame;
}

void row_axis(SvgCanvas& canvas, const RowFrame& frame, const Axis& x, const std::string& label) {
  const std::vector<double> ticks = x.ticks(3);
  const std::vector<std::string> texts = tick_labels(ticks);
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    canvas.line(x(ticks[i]), frame.top, x(ticks[i]), frame.bottom, kGrid);
    canvas.line(x(ticks[i]), frame.bottom, x(ticks[i]), frame.bottom + 2.5, kAxisStroke);
    canvas.text(x(ticks[i]), frame.bottom + 10.5, texts[i], Anchor::kMiddle);
  }
  canvas.line(frame.left, frame.bottom, frame.right, frame.bottom, kAxisStroke);
  const double width = text_width(label, kFontSize), middle = (frame.left + frame.right) / 2;
  // centered below the axis as long as the page is wide enough
  canvas.text(std::min(middle, kColumnWidth - 4 - width / 2), frame.bottom + 21, fitted(label, kColumnWidth - 8, kFontSize),
              Anchor::kMiddle);
}

}  // namespace

std::string figure_svg(const IntervalFigure& f) {
  SvgCanvas canvas;
  const double scale = f.percent ? 100 : 1;
  std::vector<std::string> labels;
  Range range;
  for (const FigureRow& row : f.rows) {
    labels.push_back(row.label);
    for (const double v : {row.mean, row.iqm, row.low, row.high}) range.add(scale * v);
  }
  if (f.mark) range.add(scale * *f.mark);
  if (range.empty()) range = {0, 1};
  const RowFrame frame = row_frame(canvas, labels, 6);
  range = range.roomy(0.06);
  const Axis x(range.low, range.high, frame.left, frame.right);
  row_axis(canvas, frame, x, f.x_label + (f.percent ? " (%)" : ""));
  if (f.mark)
    canvas.line(x(scale * *f.mark), frame.top, x(scale * *f.mark), frame.bottom,
                "stroke=\"#555\" stroke-width=\"0.8\" stroke-dasharray=\"3 2\"");
  for (std::size_t i = 0; i < f.rows.size(); ++i) {
    const FigureRow& row = f.rows[i];
    const char* color = line_look(static_cast<int>(i)).color;
    const double y = frame.middle(i);
    if (std::isfinite(row.low) && std::isfinite(row.high))
      canvas.line(x(scale * row.low), y, x(scale * row.high), y, fmt::format("stroke=\"{}\" stroke-width=\"1.8\"", color));
    if (std::isfinite(row.iqm)) {
      const double at = x(scale * row.iqm), r = 3.4;
      canvas.path(fmt::format("M{:.2f} {:.2f}l{} {}l{} {}l{} {}z", at, y - r, r, r, -r, r, -r, -r),
                  fmt::format("fill=\"#fff\" stroke=\"{}\" stroke-width=\"0.9\"", color));
    }
    if (std::isfinite(row.mean)) canvas.marker(x(scale * row.mean), y, 0, 4.6, color);
  }
  return canvas.document(frame.bottom + 25);
}

std::string figure_svg(const BarFigure& f) {
  SvgCanvas canvas;
  std::vector<LegendItem> items;
  double longest = 0;
  for (std::size_t p = 0; p < f.parts.size(); ++p) items.push_back({f.parts[p].label, static_cast<int>(p)});
  for (std::size_t i = 0; i < f.labels.size(); ++i) {
    double sum = 0;
    for (const auto& part : f.parts) sum += part.values[i];
    longest = std::max(longest, sum);
  }
  const auto rows = legend_rows(items, kColumnWidth - 8);
  draw_legend(canvas, rows, 4, false, true);
  const RowFrame frame = row_frame(canvas, f.labels, 6 + kLegendRow * static_cast<double>(rows.size()));
  const Axis x(0, longest > 0 ? 1.03 * longest : 1, frame.left, frame.right);
  row_axis(canvas, frame, x, f.x_label);
  for (std::size_t i = 0; i < f.labels.size(); ++i) {
    double from = 0;
    for (std::size_t p = 0; p < f.parts.size(); ++p) {
      const double to = from + f.parts[p].values[i];
      canvas.rect(x(from), frame.middle(i) - 4.5, x(to) - x(from), 9, fmt::format("fill=\"{}\"", line_look(static_cast<int>(p)).color));
      from = to;
    }
  }
  return canvas.document(frame.bottom + 25);
}

}  // namespace warmstart
