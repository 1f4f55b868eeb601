#include "warmstart/io/svg_canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/text.h"
#include "warmstart/io/figure.h"

namespace warmstart {
namespace {

// after Okabe and Ito, the light ones darkened for thin lines on white
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#b85c93", "#a67200", "#3a9bd1", "#5b4a9c", "#555555"};
constexpr const char* kDashes[] = {"", "4.5 1.5", "1.2 1.2", "6 1.5 1.2 1.5", "2.6 1.3", "8 2", "4 1.2 1.2 1.2 1.2 1.2", "1 2.4"};

// XML has no place for control characters, and none for bytes that are not UTF-8
std::string xml(const std::string& text) {
  if (!is_utf8(text)) {
    std::string plain;
    for (const char c : text) plain += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    return xml(plain);
  }
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += ' ';
    else out += c;
  }
  return out;
}

double em(char c) {
  if (std::string_view("il.,:;'|!jI ").find(c) != std::string_view::npos) return 0.34;
  if (std::string_view("ft()[]r/-").find(c) != std::string_view::npos) return 0.42;
  if (std::string_view("mwMW@%").find(c) != std::string_view::npos) return 0.96;
  return c >= 'A' && c <= 'Z' ? 0.71 : 0.61;
}

// the largest of 1, 2, 2.5, 5 and 10 powers of ten that makes at least `count` steps of `span`
double round_step(double span, int count) {
  const double rough = span / count, power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double k : {2.0, 2.5, 5.0, 10.0})
    if (k * power <= rough * 1.0001) step = k * power;
  return step;
}

}  // namespace

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const char c : text)
    if ((c & 0xC0) != 0x80) width += em(c);
  return width * size;
}

std::string fitted(const std::string& text, double width, double size) {
  if (text_width(text, size) <= width) return text;
  std::string out = text;
  while (!out.empty() && text_width(out, size) + 0.9 * size > width) {
    while (!out.empty() && (out.back() & 0xC0) == 0x80) out.pop_back();  // a character is dropped whole
    if (!out.empty()) out.pop_back();
  }
  return out + "\u2026";
}

LineLook line_look(int style) {
  if (style < 0) return {"#777777", "1 1.5"};
  return {kColors[style % 8], kDashes[(style + 3 * (style / 8)) % 8]};
}

Axis::Axis(double low, double high, double from, double to, bool log) : low_(low), high_(high), from_(from), to_(to), log_(log) {
  if (log_) low_ = std::log10(low), high_ = std::log10(high);
}

double Axis::operator()(double value) const {
  const double at = log_ ? std::log10(value) : value;
  return from_ + (to_ - from_) * (at - low_) / (high_ - low_);
}

std::vector<double> Axis::ticks(int count) const {
  std::vector<double> out;
  const double slack = 1e-9 * (high_ - low_);
  if (log_) {
    const double step = std::max(1.0, std::ceil((high_ - low_) / (count + 1)));
    for (double k = std::ceil(low_ - slack); k <= high_ + slack; k += step) out.push_back(std::pow(10, k));
    if (out.size() >= 2) return out;
    out.clear();  // less than a power of ten or so: 1, 2 and 5 between
    for (double k = std::floor(low_); k <= high_; ++k)
      for (const double m : {1.0, 2.0, 5.0})
        if (const double at = k + std::log10(m); at >= low_ - slack && at <= high_ + slack) out.push_back(m * std::pow(10, k));
    return out;
  }
  const double step = round_step(high_ - low_, count);
  for (double k = std::ceil(low_ / step - 1e-9); k * step <= high_ + slack; ++k) out.push_back(k == 0 ? 0 : k * step);
  return out;
}

std::vector<std::string> tick_labels(const std::vector<double>& ticks, bool log) {
  std::vector<std::string> out;
  double largest = 0;
  for (const double t : ticks) largest = std::max(largest, std::abs(t));
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : largest;
  // as many decimals as the step needs, at most six
  int decimals = 0;
  for (double s = std::abs(step); decimals < 6 && std::abs(s - std::round(s)) > 1e-6 * std::max(1.0, s); s *= 10) ++decimals;
  for (const double t : ticks) {
    std::string text;
    if (log || largest >= 1e6 || (largest > 0 && largest < 1e-4)) text = fmt::format("{:g}", t);
    else text = fmt::format("{:.{}f}", t, decimals);
    if (text[0] == '-') text.replace(0, 1, "\u2212");
    out.push_back(text);
  }
  return out;
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, const std::string& attributes) {
  body_ += fmt::format("<line x1=\"{:.2f}\" y1=\"{:.2f}\" x2=\"{:.2f}\" y2=\"{:.2f}\" {}/>\n", x1, y1, x2, y2, attributes);
}

void SvgCanvas::rect(double x, double y, double width, double height, const std::string& attributes) {
  body_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" {}/>\n", x, y, width, height, attributes);
}

void SvgCanvas::path(const std::string& d, const std::string& attributes) { body_ += fmt::format("<path d=\"{}\" {}/>\n", d, attributes); }

void SvgCanvas::marker(double x, double y, int style, double size, const char* color) {
  const double r = size / 2;
  const std::string fill = fmt::format("fill=\"{}\"", color);
  switch (style % 4) {
    case 0:
      body_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" {}/>\n", x, y, r, fill);
      break;
    case 1:
      rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, fill);
      break;
    case 2:
      path(fmt::format("M{:.2f} {:.2f}l{:.2f} {:.2f}h{:.2f}z", x, y - 1.2 * r, 1.1 * r, 2 * r, -2.2 * r), fill);
      break;
    default:
      path(fmt::format("M{:.2f} {:.2f}l{:.2f} {:.2f}l{:.2f} {:.2f}l{:.2f} {:.2f}z", x, y - 1.3 * r, 1.3 * r, 1.3 * r, -1.3 * r, 1.3 * r,
                       -1.3 * r, -1.3 * r),
           fill);
  }
}

void SvgCanvas::text(double x, double y, const std::string& text, Anchor anchor, double size, const char* color, bool upright) {
  constexpr const char* names[] = {"start", "middle", "end"};
  const std::string turn = upright ? fmt::format(" transform=\"rotate(-90 {:.2f} {:.2f})\"", x, y) : "";
  body_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"{}\" font-size=\"{:g}\" fill=\"{}\"{}>{}</text>\n", x, y,
                       names[static_cast<int>(anchor)], size, color, turn, xml(text));
}

std::string SvgCanvas::document(double height) const {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:g}pt\" height=\"{:g}pt\" viewBox=\"0 0 {:g} {:g}\" "
             "font-family=\"Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', 'DejaVu Sans', sans-serif\">\n",
             kColumnWidth, height, kColumnWidth, height) +
         "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" + body_ + "</svg>\n";
}

}  // namespace warmstart
