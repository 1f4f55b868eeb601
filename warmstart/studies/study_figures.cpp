#include "warmstart/studies/study_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/text.h"
#include "warmstart/io/figure.h"

namespace warmstart {
namespace {

// how a measure is called on an axis, and its unit: a level is in units of the study's metric, a fraction is shown as percent
enum class Unit { kLevel, kFraction, kPlain };
struct Words {
  const char *measure, *text;
  Unit unit;
};
constexpr Words kWords[] = {
    {"before", "before the switch", Unit::kLevel},
    {"lowest", "lowest after the switch", Unit::kLevel},
    {"final", "at the end", Unit::kLevel},
    {"best", "best after the switch", Unit::kLevel},
    {"area", "mean over the steps", Unit::kLevel},
    {"regret", "regret", Unit::kLevel},
    {"success", "success rate at the end", Unit::kFraction},
    {"drop", "drop after the switch", Unit::kFraction},
    {"forgotten", "seeds that forgot", Unit::kFraction},
    {"steps_to_threshold", "steps to the threshold", Unit::kPlain},
    {"steps_to_recover", "steps to recover", Unit::kPlain},
    {"seconds", "seconds online", Unit::kPlain},
    {"pretrain_seconds", "seconds of pre-training", Unit::kPlain},
    {"steps_per_second", "environment steps per second", Unit::kPlain},
};

std::string metric_name(const std::string& metric) {
  return metric == "success_rate"  ? "success rate"
         : metric == "normalized"  ? "normalized score"
         : metric == "return_mean" ? "return"
                                   : metric;
}

std::vector<double> values_of(const StudyResults& results, const PlannedArm& arm, const std::string& measure) {
  std::vector<double> out;
  for (const StudyRun* run : results.runs_of(arm))
    if (run->files)
      for (const auto& [name, value] : named(run->measures))
        if (name == measure && value) out.push_back(*value);
  return out;
}

bool idle(const StudyResults& results, const PlannedArm& arm) {
  const auto runs = results.runs_of(arm);
  return std::any_of(runs.begin(), runs.end(), [](const StudyRun* run) { return run->idle(); });
}

}  // namespace

std::vector<std::pair<std::string, Figure>> study_figures(const StudyResults& results) {
  const StudyPlan& plan = *results.plan;
  const bool rate = plan.metric == "success_rate";
  std::vector<std::pair<std::string, Figure>> out;
  for (const std::string& task : plan.tasks)
    for (const auto& [measure, text, unit] : kWords) {
      IntervalFigure figure{.x_label = unit == Unit::kLevel ? fmt::format("{}, {}", metric_name(plan.metric), text) : text,
                            .percent = unit == Unit::kFraction || (unit == Unit::kLevel && rate)};
      const bool level = std::string(measure) == "before" || std::string(measure) == "lowest" || std::string(measure) == "final";
      if (level && !std::isnan(plan.threshold_of(task))) figure.mark = plan.threshold_of(task);
      std::string csv = kTidyHeader;
      bool any = false;
      for (const PlannedArm& arm : plan.arms) {
        if (arm.task != task) continue;
        const Summary s = results.summary(arm, measure);
        any = any || s.count;
        const double none = std::nan("");
        figure.rows.push_back(
            {arm.arm + (idle(results, arm) ? " (no update)" : ""), s.count ? s.mean : none, s.count ? s.iqm : none, s.low, s.high});
        for (const StudyRun* run : results.runs_of(arm)) {
          if (!run->files) continue;
          for (const auto& [name, value] : named(run->measures))
            if (name == measure && value)
              csv +=
                  fmt::format("{},{},{},,,{},{}\n", csv_field(run->files->folder.string()), csv_field(arm.arm), run->seed, measure, *value);
        }
      }
      if (!any) continue;
      out.push_back({task,
                     {fmt::format("arms-{}", file_name(measure)),
                      fmt::format("{}. Dots: mean over seeds; diamonds: interquartile mean; lines: {:g}% bootstrap interval of the mean.{}",
                                  figure.x_label, 100 * plan.interval, figure.mark ? " Dashed: the study's threshold." : ""),
                      figure_svg(figure), csv}});
    }
  return out;
}

std::vector<LatexTable> study_tables(const StudyResults& results, const FigureStyle& asked) {
  const StudyPlan& plan = *results.plan;
  FigureStyle style = asked;
  style.coverage = plan.interval;
  const bool percent = plan.metric == "success_rate";
  const double scale = percent ? 100 : 1;
  std::vector<LatexTable> out;
  for (const std::string& task : plan.tasks) {
    LatexTable table;
    table.caption = fmt::format(
        "{}, {}{}: {}. Before: at the switch to online learning; lowest: of the evaluations after it; final: mean of those in the last "
        "tenth "
        "of the steps; area: mean along the curve. Drop: how far it fell below the level before, as a percentage of that level.",
        latex_escaped(task), metric_name(plan.metric), percent ? " (\\%)" : "", latex_spread_words(style));
    table.label = "tab:" + file_name(plan.name + " " + task);
    table.head = {"arm", "seeds", "before", "lowest", "final", "area", "drop (\\%)"};
    double largest = 0;
    for (const PlannedArm& arm : plan.arms)
      if (arm.task == task)
        for (const char* measure : {"before", "lowest", "final"})
          for (const double v : values_of(results, arm, measure)) largest = std::max(largest, scale * std::abs(v));
    const int digits = largest >= 20 ? 1 : largest >= 2 ? 2 : 3;
    for (const PlannedArm& arm : plan.arms) {
      if (arm.task != task) continue;
      const auto runs = results.runs_of(arm);
      std::vector<std::string> row = {
          latex_escaped(arm.arm) + (idle(results, arm) ? " (no update)" : ""),
          std::to_string(std::count_if(runs.begin(), runs.end(), [](const StudyRun* r) { return r->files.has_value(); }))};
      for (const char* measure : {"before", "lowest", "final", "area"})
        row.push_back(latex_cell(values_of(results, arm, measure), style, scale, digits));
      row.push_back(latex_cell(values_of(results, arm, "drop"), style, 100, 0));
      table.rows.push_back(std::move(row));
    }
    out.push_back(std::move(table));
  }
  return out;
}

}  // namespace warmstart
