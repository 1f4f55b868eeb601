// What the figures are drawn with: an SVG document of one column's width, axes, and text whose width is estimated.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace warmstart {

inline constexpr double kFontSize = 8, kSmallFont = 7;

/// Width of `text` in points: an estimate, on the side of a wide sans-serif font.
double text_width(std::string_view text, double size);
/// `text`, shortened with an ellipsis to at most `width`.
std::string fitted(const std::string& text, double width, double size);

/// A color and a dash pattern ("" = solid). Eight colors; the dash changes with each, so that no two of 32 are alike.
struct LineLook {
  const char* color;
  const char* dash;
};
LineLook line_look(int style);

/// One axis: where values go, and the round numbers in between.
class Axis {
 public:
  /// `low` < `high`; `from` and `to` are where they stand on the page. A logarithmic axis needs positive values.
  Axis(double low, double high, double from, double to, bool log = false);
  double operator()(double value) const;
  /// About `count` round values within the axis.
  std::vector<double> ticks(int count) const;

 private:
  double low_, high_, from_, to_;
  bool log_;
};

/// Tick labels of equal decimals; a logarithmic axis has 0.01, 1, 100, or powers of ten.
std::vector<std::string> tick_labels(const std::vector<double>& ticks, bool log = false);

enum class Anchor { kStart, kMiddle, kEnd };

class SvgCanvas {
 public:
  /// Stroke attributes are SVG's, e.g. `stroke-width="1"`.
  void line(double x1, double y1, double x2, double y2, const std::string& attributes);
  void rect(double x, double y, double width, double height, const std::string& attributes);
  void path(const std::string& d, const std::string& attributes);
  void marker(double x, double y, int style, double size, const char* color);
  void text(double x, double y, const std::string& text, Anchor anchor, double size = kFontSize, const char* color = "#000",
            bool upright = false);
  /// The document: kColumnWidth wide, `height` high, on white.
  std::string document(double height) const;

 private:
  std::string body_;
};

}  // namespace warmstart
