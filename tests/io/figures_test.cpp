// Figures and tables for papers: what is drawn lies where the numbers say, and the text around it is valid. Whole files are read back by
// other programs in tests/apps/figures_test.py.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "report_runs.h"
#include "warmstart/core/text.h"
#include "warmstart/io/figure.h"
#include "warmstart/io/report_figures.h"
#include "warmstart/io/svg_canvas.h"

namespace warmstart {
namespace {

TEST(FigureAxis, RoundTicksWithinTheAxis) {
  EXPECT_EQ(Axis(-2, 102, 0, 1).ticks(4), (std::vector<double>{0, 25, 50, 75, 100}));
  EXPECT_EQ(Axis(0, 300, 0, 1).ticks(4), (std::vector<double>{0, 50, 100, 150, 200, 250, 300}));
  EXPECT_EQ(Axis(-0.5, 0.5, 0, 1).ticks(4), (std::vector<double>{-0.5, -0.25, 0, 0.25, 0.5}));
  EXPECT_EQ(Axis(8, 1200, 0, 1, true).ticks(4), (std::vector<double>{10, 100, 1000}));
  EXPECT_EQ(Axis(1.5, 8, 0, 1, true).ticks(4), (std::vector<double>{2, 5}));
  EXPECT_EQ(tick_labels({0, 0.25, 0.5}), (std::vector<std::string>{"0.00", "0.25", "0.50"}));
  EXPECT_EQ(tick_labels({-50, 0, 50}), (std::vector<std::string>{"\u221250", "0", "50"}));
  EXPECT_EQ(tick_labels({0.01, 1, 100}, true), (std::vector<std::string>{"0.01", "1", "100"}));
}

TEST(FigureAxis, PlacesValues) {
  const Axis linear(10, 20, 100, 0), log(1, 100, 0, 10, true);
  EXPECT_EQ(linear(10), 100);
  EXPECT_EQ(linear(15), 50);
  EXPECT_EQ(log(10), 5);
}

TEST(FigureText, FitsAndStaysWhole) {
  EXPECT_EQ(fitted("WSRL", 100, 8), "WSRL");
  const std::string long_name = "a name \u00e4\u00f6\u00fc that goes on and on and on", cut = fitted(long_name, 60, 8);
  EXPECT_LE(text_width(cut, 8), 60);
  EXPECT_EQ(cut.substr(cut.size() - 3), "\u2026");
  for (double width = 8; width < 150; width += 3) EXPECT_TRUE(is_utf8(fitted(long_name, width, 8))) << width;
}

TEST(FigureLooks, NoTwoOfThirtyTwoLinesAreAlike) {
  for (int a = 0; a < 32; ++a)
    for (int b = 0; b < a; ++b)
      EXPECT_FALSE(std::string(line_look(a).color) == line_look(b).color && std::string(line_look(a).dash) == line_look(b).dash)
          << a << " " << b;
}

// the points of the only thick line of a figure
std::vector<std::pair<double, double>> drawn(const std::string& svg) {
  const auto end = svg.find("\" fill=\"none\""), begin = svg.rfind("d=\"", end) + 3;
  std::vector<std::pair<double, double>> out;
  for (const char* at = svg.c_str() + begin; at < svg.c_str() + end;) {
    char* next = nullptr;
    const double x = std::strtod(at + 1, &next);
    out.emplace_back(x, std::strtod(next, &next));
    at = next;
  }
  return out;
}

TEST(FigureSvg, ALineLiesWhereItsNumbersSay) {
  const LineFigure f{
      .x_label = "steps", .y_label = "rate", .percent = true, .lines = {{.label = "a", .x = {0, 50, 100}, .y = {0, 1, 0.5}}}};
  const auto points = drawn(figure_svg(f));
  ASSERT_EQ(points.size(), 3u);
  EXPECT_NEAR(points[1].first - points[0].first, points[2].first - points[1].first, 0.02);
  EXPECT_LT(points[1].second, points[2].second);  // up is less
  EXPECT_NEAR(points[0].second - points[1].second, 2 * (points[2].second - points[1].second), 0.03);
  for (const auto& [x, y] : points) {
    EXPECT_GT(x, 0);
    EXPECT_LT(x, kColumnWidth);
  }
  // what is not finite makes a gap, and what a logarithm does not know is left out
  const LineFigure gaps{.log_y = true, .lines = {{.x = {0, 1, 2, 3}, .y = {1, std::nan(""), -5, 1000}}}};
  EXPECT_EQ(drawn(figure_svg(gaps)).size(), 2u);
  EXPECT_EQ(figure_svg(gaps).find("nan"), std::string::npos);
}

TEST(FigureSvg, TheWarmupIsShadedWhereThereIsOne) {
  LineFigure f{.lines = {{.label = "a", .x = {0, 100}, .y = {1, 2}}}};
  EXPECT_EQ(figure_svg(f).find("fill-opacity=\"0.07\""), std::string::npos);
  EXPECT_EQ(figure_svg(f).find(">warmup<"), std::string::npos);
  f.shaded_to = 50;
  EXPECT_NE(figure_svg(f).find("fill-opacity=\"0.07\""), std::string::npos);
  EXPECT_NE(figure_svg(f).find(">warmup<"), std::string::npos);
}

TEST(FigureSvg, NamesAreText) {
  const IntervalFigure f{.x_label = "x", .rows = {{"K<b>2</b> & \"5\"\x01", 1, 2, 0, 3}, {"none", NAN, NAN, NAN, NAN}}};
  const std::string svg = figure_svg(f);
  EXPECT_NE(svg.find(">K&lt;b&gt;2&lt;/b&gt; &amp; &quot;5&quot; <"), std::string::npos) << svg;
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_NE(figure_svg(IntervalFigure{.rows = {{"bad \xff", 1, 1, 1, 1}}}).find(">bad ?<"), std::string::npos);
}

// ---- what is made of runs ----

const Figure& named(const std::vector<Figure>& figures, const std::string& name) {
  for (const Figure& f : figures)
    if (f.name == name) return f;
  static const Figure none;
  ADD_FAILURE() << name;
  return none;
}

TEST(ReportFigures, HoldTheNumbersOfTheMetrics) {
  const std::vector<RunFiles> runs = {in_memory(story(0.9), "WSRL", "0"), in_memory(story(0.7), "WSRL", "1"),
                                      in_memory(story(0.3), "a, b", "0")};
  const auto figures = report_figures(by_task(runs)[0], {.band = SpreadKind::kRange});
  const Figure& success = named(figures, "eval-success-rate");
  EXPECT_EQ(
      success.csv,
      "run,method,seed,phase,step,metric,value\n"
      "memory,WSRL,0,warmup,0,success_rate,0.5\nmemory,WSRL,0,finetune,100,success_rate,0.2\nmemory,WSRL,0,finetune,200,success_rate,0.9\n"
      "memory,WSRL,1,warmup,0,success_rate,0.5\nmemory,WSRL,1,finetune,100,success_rate,0.2\nmemory,WSRL,1,finetune,200,success_rate,0.7\n"
      "memory,\"a, b\",0,warmup,0,success_rate,0.5\nmemory,\"a, b\",0,finetune,100,success_rate,0.2\n"
      "memory,\"a, b\",0,finetune,200,success_rate,0.3\n");
  EXPECT_NE(success.caption.find("mean over 1 to 2 seeds; bands: smallest to largest"), std::string::npos) << success.caption;
  // the mean of 0.9 and 0.7 lies where one run's 0.8 would
  const std::vector<RunFiles> mean = {in_memory(story(0.8), "WSRL"), in_memory(story(0.3), "a, b")};
  EXPECT_EQ(drawn(success.svg), drawn(named(report_figures(by_task(mean)[0], {}), "eval-success-rate").svg));
  EXPECT_EQ(named(figures, "pretrain-critic-loss").csv.find("finetune"), std::string::npos);
  EXPECT_NE(named(figures, "train-critic-loss").csv.find("memory,WSRL,1,finetune,100,critic_loss,0.75\n"), std::string::npos);
}

TEST(ReportFigures, AReturnThatIsTheSuccessRateIsShownOnce) {
  auto rows = story(0.9);
  EXPECT_EQ(shown_metrics(by_task({in_memory(rows)})[0]), (std::vector<std::string>{"success_rate", "return_mean"}));
  for (MetricsRow& row : rows)
    if (row.kind != "train") row.values[0].second = row.values[1].second;  // return_mean, success_rate
  const std::vector<RunFiles> runs = {in_memory(rows)};
  EXPECT_EQ(shown_metrics(by_task(runs)[0]), std::vector<std::string>{"success_rate"});
  for (const Figure& f : report_figures(by_task(runs)[0], {})) EXPECT_EQ(f.name.find("return"), std::string::npos) << f.name;
}

// ---- LaTeX ----

TEST(Latex, EscapesWhatIsSpecial) {
  EXPECT_EQ(latex_escaped("50% of_a & {b} $5 #1 ~^\\ <x|y>"),
            "50\\% of\\_a \\& \\{b\\} \\$5 \\#1 \\textasciitilde{}\\textasciicircum{}\\textbackslash{} "
            "\\textless{}x\\textbar{}y\\textgreater{}");
}

TEST(Latex, CellsSayWhatTheyAreAMeanOf) {
  EXPECT_EQ(latex_cell({}, {}, 1, 1), "--");
  EXPECT_EQ(latex_cell({0.875}, {}, 100, 1), "87.5");
  EXPECT_EQ(latex_cell({-1, -2}, {.band = SpreadKind::kRange}, 1, 1), "$-$1.5 {\\scriptsize [$-$2.0, $-$1.0]}");
  // numpy.std([1, 2, 4, 8], ddof=1) = 3.0956959368344519; scipy.stats.trim_mean([1, 2, 4, 8], 0.25) = 3
  EXPECT_EQ(latex_cell({1, 2, 4, 8}, {.band = SpreadKind::kDeviation}, 1, 3), "3.750 $\\pm$ 3.096");
  EXPECT_EQ(latex_cell({1, 2, 4, 8}, {.center = Center::kIqm, .band = SpreadKind::kRange}, 1, 1), "3.0 {\\scriptsize [1.0, 8.0]}");
  const Summary s = summarise({1, 2, 4, 8}, 0.95, 10000);
  EXPECT_EQ(latex_cell({1, 2, 4, 8}, {}, 1, 3), fmt::format("3.750 {{\\scriptsize [{:.3f}, {:.3f}]}}", s.low, s.high));
}

TEST(Latex, TheTableHasTheHeadlineNumbers) {
  RunFiles idle = in_memory(story(0.9), "idle_1", "0");
  idle.updates = 0, idle.env = "maze";
  std::vector<RunFiles> runs = {in_memory(story(0.9), "WSRL", "0"), in_memory(story(0.3), "WSRL", "1"), idle};
  runs[0].env = runs[1].env = "maze";
  const std::string text = latex_text(report_tables(by_task(runs), {.band = SpreadKind::kDeviation}));
  EXPECT_NE(text.find("WSRL & 2 & 50.0 $\\pm$ 0.0 & 20.0 $\\pm$ 0.0 & 60.0 $\\pm$ 42.4 & 60.0 & 1 of 2 & 200 \\\\"), std::string::npos)
      << text;
  // a run without an update fell from nothing
  EXPECT_NE(text.find("idle\\_1 (no update) & 1 & 50.0 & 20.0 & 90.0 & -- & -- & -- \\\\"), std::string::npos) << text;
  EXPECT_NE(text.find("sample standard deviation"), std::string::npos);
  EXPECT_NE(text.find("\\toprule"), std::string::npos);
}

}  // namespace
}  // namespace warmstart
