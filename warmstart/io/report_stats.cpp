#include "warmstart/io/report_stats.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace warmstart {
namespace {

constexpr double kRecovered = 0.9;  // share of the level before the switch

bool in_scope(const MetricsRow& row, Scope scope) { return (row.phase == "pretrain") == (scope == Scope::kPretrain); }

std::optional<double> value_of(const MetricsRow& row, const std::string& name) {
  for (const auto& [n, v] : row.values)
    if (n == name && std::isfinite(v)) return v;
  return {};
}

Series collect(const RunFiles& run, Scope scope, const std::string& kind, const std::string& name) {
  std::map<std::int64_t, double> by_step;  // a later row of the same step replaces the earlier one
  for (const MetricsRow& row : run.rows)
    if (row.kind == kind && in_scope(row, scope))
      if (const auto v = value_of(row, name)) by_step[row.step] = *v;
  Series out;
  for (const auto& [step, value] : by_step) out.push_back({step, value});
  return out;
}

std::optional<double> at_switch(const RunFiles& run, const std::string& name) {
  std::optional<double> found;
  for (const MetricsRow& row : run.rows)
    if (row.kind == "switch")
      if (const auto v = value_of(row, name)) found = v;
  if (found) return found;
  // run.json writes "return" and "success" for short
  for (const std::string& key : {name, name == "return_mean" ? std::string("return") : std::string("success")})
    if (const auto v = run.at_switch.find(key); v != run.at_switch.end() && (name != "normalized" || key == name)) return v->second;
  return {};
}

bool any_success(const TaskRuns& task) {
  for (const RunFiles* run : task.runs)
    for (const MetricsRow& row : run->rows)
      if ((row.kind == "eval" || row.kind == "switch") && value_of(row, "success_rate").value_or(0) > 0) return true;
  return false;
}

}  // namespace

std::vector<TaskRuns> by_task(const std::vector<RunFiles>& runs) {
  std::vector<TaskRuns> tasks;
  for (const RunFiles& run : runs) {
    auto task = std::find_if(tasks.begin(), tasks.end(), [&](const TaskRuns& t) { return t.env == run.env; });
    if (task == tasks.end()) task = tasks.insert(tasks.end(), {run.env, {}});
    task->runs.push_back(&run);
  }
  return tasks;
}

std::vector<RunGroup> group_runs(const TaskRuns& task) {
  std::vector<RunGroup> groups;
  for (const RunFiles* run : task.runs) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const RunGroup& g) { return g.label == run->label; });
    if (group == groups.end()) group = groups.insert(groups.end(), {run->label, {}});
    group->runs.push_back(run);
  }
  return groups;
}

std::string headline_metric(const TaskRuns& task) {
  for (const RunFiles* run : task.runs)
    for (const MetricsRow& row : run->rows)
      if ((row.kind == "eval" || row.kind == "switch") && value_of(row, "normalized")) return "normalized";
  return any_success(task) ? "success_rate" : "return_mean";
}

std::vector<std::string> shown_metrics(const TaskRuns& task) {
  const std::string headline = headline_metric(task);
  bool logged_any = false, returns_differ = false, normalized = false;
  for (const RunFiles* run : task.runs)
    for (const MetricsRow& row : run->rows) {
      if (row.kind != "eval" && row.kind != "switch") continue;
      const auto success = value_of(row, "success_rate"), gained = value_of(row, "return_mean");
      logged_any = logged_any || gained;
      returns_differ = returns_differ || (gained && (!success || std::abs(*gained - *success) > 1e-9));
      normalized = normalized || value_of(row, "normalized");
    }
  std::vector<std::string> out;
  if (normalized) out.emplace_back("normalized");
  // a rate that is 0 everywhere says nothing beside the return
  if (headline == "success_rate" || (headline == "normalized" && any_success(task))) out.emplace_back("success_rate");
  const bool twice = !returns_differ && std::find(out.begin(), out.end(), "success_rate") != out.end();
  if (headline == "return_mean" || (logged_any && !twice)) out.emplace_back("return_mean");
  return out;
}

bool without_update(const RunFiles& run) {
  return run.updates == 0 && std::any_of(run.rows.begin(), run.rows.end(), [](const MetricsRow& row) { return row.phase == "finetune"; });
}

int without_update(const RunGroup& group) {
  return static_cast<int>(std::count_if(group.runs.begin(), group.runs.end(), [](const RunFiles* run) { return without_update(*run); }));
}

Series evaluations(const RunFiles& run, Scope scope, const std::string& name) {
  Series out = collect(run, scope, "eval", name);
  if (scope == Scope::kOnline && (out.empty() || out.front().step > 0))
    if (const auto v = at_switch(run, name)) out.insert(out.begin(), {0, *v});
  return out;
}

Series logged(const RunFiles& run, Scope scope, const std::string& kind, const std::string& name) {
  return collect(run, scope, kind, name);
}

Series speed(const RunFiles& run, Scope scope) {
  std::map<std::int64_t, double> by_step;
  const MetricsRow* last = nullptr;
  for (const MetricsRow& row : run.timing) {
    const double now = value_of(row, "seconds").value_or(0);
    if (!last || last->phase != row.phase) {  // the phase's rate is that of its first row
      if (const auto rate = value_of(row, "steps_per_second"); rate && in_scope(row, scope)) by_step[row.step] = *rate;
    } else if (const double before = value_of(*last, "seconds").value_or(0);
               now > before && row.step > last->step && in_scope(row, scope)) {
      by_step[row.step] = static_cast<double>(row.step - last->step) / (now - before);
    }
    last = &row;
  }
  Series out;
  for (const auto& [step, rate] : by_step) out.push_back({step, rate});
  return out;
}

std::vector<std::string> names_of(const TaskRuns& task, const std::string& kind) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const RunFiles* run : task.runs)
    for (const MetricsRow& row : run->rows)
      if (row.kind == kind)
        for (const auto& [name, value] : row.values)
          if (seen.insert(name).second) names.push_back(name);
  return names;
}

Series running_mean(const Series& points, std::size_t count) {
  Series out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t from = i + 1 > count ? i + 1 - count : 0;
    double sum = 0;  // summed anew: a running sum would carry its rounding along
    for (std::size_t k = from; k <= i; ++k) sum += points[k].value;
    out.push_back({points[i].step, sum / static_cast<double>(i + 1 - from)});
  }
  return out;
}

Outcome outcome(const RunFiles& run, const std::string& name) {
  Outcome o;
  o.before = at_switch(run, name);
  const Series offline = collect(run, Scope::kPretrain, "eval", name);
  if (!o.before && !offline.empty()) o.before = offline.back().value;
  const Series online = collect(run, Scope::kOnline, "eval", name);
  if (online.empty()) return o;
  const auto lowest = std::min_element(online.begin(), online.end(), [](const Point& a, const Point& b) { return a.value < b.value; });
  o.lowest = lowest->value;
  o.last = online.back().value;
  if (without_update(run)) return o;  // the policy is the pre-trained one: what differs is chance, no drop and no recovery
  if (o.before) o.fall = std::max(0.0, *o.before - *o.lowest);
  if (!o.before || *o.before == 0) return o;
  const double level = std::abs(*o.before);
  o.drop = std::max(0.0, (*o.before - *o.lowest) / level);
  // returns may be negative: 90% of the level is 10% of its size below it
  const double enough = *o.before - (1 - kRecovered) * level;
  const auto back = std::find_if(lowest, online.end(), [&](const Point& p) { return p.value >= enough; });
  o.forgotten = back == online.end();
  if (back != online.end()) o.recovered_at = back == lowest ? 0 : back->step;
  return o;
}

GroupOutcome outcome(const RunGroup& group, const std::string& name) {
  std::vector<double> before, lowest, last, fall, drop, recovered;
  GroupOutcome out;
  const auto add = [](std::vector<double>& values, const std::optional<double>& v) {
    if (v) values.push_back(*v);
  };
  for (const RunFiles* run : group.runs) {
    const Outcome o = outcome(*run, name);
    add(before, o.before), add(lowest, o.lowest), add(last, o.last), add(fall, o.fall), add(drop, o.drop);
    if (o.recovered_at) recovered.push_back(static_cast<double>(*o.recovered_at));
    if (o.forgotten) ++out.judged, out.forgotten += *o.forgotten;
  }
  out.before = spread(before), out.lowest = spread(lowest), out.last = spread(last), out.fall = spread(fall), out.drop = spread(drop);
  out.recovered_at = spread(recovered);
  return out;
}

Spread spread(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0;
  for (const double v : values) sum += v;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {sum / static_cast<double>(values.size()), *low, *high, static_cast<int>(values.size())};
}

Aligned aligned(const std::vector<Series>& seeds) {
  std::map<std::int64_t, std::vector<double>> by_step;
  std::size_t present = 0;
  for (const Series& s : seeds) {
    present += !s.empty();
    for (const Point& p : s) by_step[p.step].push_back(p.value);
  }
  Aligned out;
  for (auto& [step, values] : by_step) {
    if (values.size() < present) continue;  // a mean over other seeds than its neighbors would jump
    out.step.push_back(step);
    out.values.push_back(std::move(values));
  }
  return out;
}

Band band(const std::vector<Series>& seeds) {
  Aligned points = aligned(seeds);
  Band out{.step = std::move(points.step), .spread = {}};
  for (const std::vector<double>& values : points.values) out.spread.push_back(spread(values));
  return out;
}

}  // namespace warmstart
