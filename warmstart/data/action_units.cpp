#include "warmstart/data/action_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/data/dataset.h"

namespace warmstart {
namespace {

constexpr double kOvershoot = 1e-3;  // of half the range: recorded policies exceed it by rounding

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
}

std::string text_of(const std::vector<double>& values) {
  return all_equal(values) ? fmt::format("{:g}", values.front()) : fmt::format("[{:g}]", fmt::join(values, ", "));
}

std::string said(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

std::vector<double> spread(const std::vector<double>& values, std::size_t size, double otherwise) {
  if (values.empty()) return std::vector<double>(size, otherwise);
  return values.size() == 1 ? std::vector<double>(size, values.front()) : values;
}

// infinite bounds, and those of another size, say nothing
ActionRange usable(const std::vector<double>& low, const std::vector<double>& high, std::size_t size) {
  ActionRange r{spread(low, size, -1), spread(high, size, 1)};
  if ((low.empty() && high.empty()) || r.low.size() != size || r.high.size() != size) return {};
  for (std::size_t j = 0; j < size; ++j)
    if (!std::isfinite(r.low[j]) || !std::isfinite(r.high[j]) || !(r.low[j] < r.high[j])) return {};
  return r;
}

double at(const std::vector<double>& values, std::size_t j, double otherwise) { return values.empty() ? otherwise : values[j]; }

bool same(const ActionRange& a, const ActionRange& b, std::size_t size) {
  for (std::size_t j = 0; j < size; ++j) {
    const double width = at(a.high, j, 1) - at(a.low, j, -1);
    if (std::abs(at(a.low, j, -1) - at(b.low, j, -1)) > 1e-5 * width || std::abs(at(a.high, j, 1) - at(b.high, j, 1)) > 1e-5 * width)
      return false;
  }
  return true;
}

double percent(std::size_t part, std::size_t all) { return all ? 100.0 * static_cast<double>(part) / static_cast<double>(all) : 0; }

const char* const kAsTheyAre = "--action-low -1 --action-high 1";

}  // namespace

bool ActionRange::unit() const {
  return std::all_of(low.begin(), low.end(), [](double v) { return v == -1; }) &&
         std::all_of(high.begin(), high.end(), [](double v) { return v == 1; });
}

std::string ActionRange::text() const { return low.empty() ? "-1 .. 1" : text_of(low) + " .. " + text_of(high); }

void ActionUnits::apply(Matrix& actions) const {
  if (file.unit()) return;
  for (int t = 0; t < actions.rows(); ++t)
    for (int j = 0; j < actions.cols(); ++j) {
      const auto k = static_cast<std::size_t>(j);
      actions(t, j) = static_cast<float>(2 * (actions(t, j) - file.low[k]) / (file.high[k] - file.low[k]) - 1);
    }
}

void ActionUnits::describe(StepsLayout& layout) const {
  if (!known) return;
  layout.metadata[kActionUnits] = kUnitActions;
  layout.action_low = stands.unit() ? std::vector<double>{} : stands.low;
  layout.action_high = stands.unit() ? std::vector<double>{} : stands.high;
}

void ActionCount::add(const Matrix& actions, const ActionRange& range) {
  for (int t = 0; t < actions.rows(); ++t)
    for (int j = 0; j < actions.cols(); ++j) {
      const double a = actions(t, j);
      if (!std::isfinite(a)) continue;
      min = entries ? std::min(min, a) : a, max = entries ? std::max(max, a) : a;
      ++entries;
      const auto k = static_cast<std::size_t>(j);
      const double low = at(range.low, k, -1), high = at(range.high, k, 1), slack = kOvershoot * (high - low) / 2;
      beyond_unit += std::abs(a) > 1 + kOvershoot;
      beyond_range += a < low - slack || a > high + slack;
    }
}

ActionUnits action_units(const StepsLayout& layout, const DatasetOptions& o, const std::function<ActionCount(const ActionRange&)>& count,
                         Findings& findings) {
  const auto A = static_cast<std::size_t>(layout.action_size);
  const bool unit = said(layout.metadata, kActionUnits) == kUnitActions || layout.metadata.contains("collector_version") ||
                    said(layout.metadata, "policy") == "replay buffer";
  const ActionRange own = usable(layout.action_low, layout.action_high, A);
  const bool task_known = !o.task.empty();
  const ActionRange task = usable(o.task_low, o.task_high, A);

  if (!o.action_low.empty() || !o.action_high.empty()) {
    const ActionRange given = usable(o.action_low, o.action_high, A);
    if (given.low.empty()) {
      add_problem(findings,
                  fmt::format("action bounds {} do not fit actions of size {}",
                              ActionRange{spread(o.action_low, A, -1), spread(o.action_high, A, 1)}.text(), A),
                  "give one number or one for each coordinate, and a low value below the high one (--action-low, --action-high; "
                  "data.action_low, data.action_high)");
      return {};
    }
    if (unit && !given.unit()) {
      add_problem(findings, fmt::format("the file says that its actions are -1 .. 1 already, not {}", given.text()),
                  "leave out --action-low and --action-high (data.action_low and data.action_high)");
      return {};
    }
    add_note(findings, given.unit() ? std::string("actions are taken as -1 .. 1, as asked for")
                                    : fmt::format("actions are mapped from {} to -1 .. 1, as asked for", given.text()));
    return {given, task_known ? task : given.unit() ? own : given, true};
  }
  if (unit) {
    if (task_known && !own.low.empty() && !same(own, task, A))
      add_problem(findings, fmt::format("the file's actions of -1 .. 1 stand for {}, those of {} for {}", own.text(), o.task, task.text()),
                  fmt::format("record the data again; {} takes them as they are", kAsTheyAre));
    return {{}, own.low.empty() ? task : own, true};
  }
  if (!own.low.empty()) {
    if (task_known && !same(own, task, A)) {
      add_problem(findings, fmt::format("the file was recorded with actions of {}, {} takes {}", own.text(), o.task, task.text()),
                  fmt::format("say what -1 .. 1 is in the file with --action-low and --action-high (data.action_low, data.action_high): {} "
                              "when both mean the same units, {} when the file's range stands for the task's",
                              task.text(), own.text()));
      return {};
    }
    if (own.unit()) return {{}, task, true};
    add_note(findings, fmt::format("actions are mapped from the file's own bounds, {}, to -1 .. 1", own.text()));
    return {own, own, true};
  }
  if (!task_known || task.unit()) return {{}, {}, task_known};

  // the task's units or -1 .. 1: the values decide where they can
  const ActionCount seen = count(task);
  const double beyond_unit = percent(seen.beyond_unit, seen.entries), beyond_task = percent(seen.beyond_range, seen.entries);
  const std::string range = fmt::format("actions of {:.4g} .. {:.4g} were seen", seen.min, seen.max);
  if (beyond_unit > 100 * kMayClip && beyond_task <= 100 * kMayClip) {
    add_note(findings, fmt::format("{}: they are in the units of {} and mapped from {} to -1 .. 1", range, o.task, task.text()));
    return {task, task, true};
  }
  if (seen.beyond_unit == 0) {
    add_warning(findings, fmt::format("{}; they are taken as -1 .. 1, which stands for the {} of {}", range, task.text(), o.task),
                fmt::format("when they are in the task's own units, give its bounds as --action-low and --action-high (data.action_low and "
                            "data.action_high); {} says that they are not",
                            kAsTheyAre));
    return {{}, task, true};
  }
  add_problem(findings,
              fmt::format("{}: {:.2g}% of the entries lie beyond -1 .. 1 and {:.2g}% beyond the {} that {} takes", range, beyond_unit,
                          beyond_task, task.text(), o.task),
              "say what -1 and 1 are in the file with --action-low and --action-high (data.action_low and data.action_high)");
  return {};
}

}  // namespace warmstart
