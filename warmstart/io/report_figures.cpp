#include "warmstart/io/report_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "warmstart/core/text.h"
#include "warmstart/io/figure.h"

namespace warmstart {
namespace {

constexpr std::int64_t kResamples = 2000;  // for each point of a band
constexpr double kSameLevel = 0.02;        // of the range that is drawn: levels that nobody could tell apart
constexpr const char* kOnlineSteps = "environment steps since the switch";
constexpr const char* kOfflineSteps = "gradient steps";

using Groups = std::vector<RunGroup>;
using Pick = std::function<Series(const RunFiles&)>;

// a number of a run as a line of a figure
struct Drawn {
  std::string metric;  // as it is logged
  std::string label;   // "" = the method's
  int style = -1;      // -1 = the method's
  Pick pick;
};

struct Plot {
  std::string name, title, y_label;
  Scope scope = Scope::kOnline;
  bool percent = false, log = false, levels = false;
  std::vector<Drawn> drawn;
};

class Maker {
 public:
  Maker(const TaskRuns& task, const FigureStyle& style)
      : task_(task), groups_(group_runs(task)), style_(style), bootstrap_(style.coverage, kResamples) {}

  void add(const Plot& plot);
  void add_episodes();
  void add_seconds();
  const Groups& groups() const { return groups_; }
  std::vector<Figure> figures;

 private:
  FigureLine line_of(const std::vector<Series>& seeds);
  std::string rows_of(const RunFiles& run, Scope scope, const std::string& metric, const Series& points) const;
  void mark_warmup(LineFigure& figure) const;
  std::string caption(const std::string& title, const LineFigure& figure, bool levels) const;

  const TaskRuns& task_;
  Groups groups_;
  FigureStyle style_;
  Bootstrap bootstrap_;
};

FigureLine Maker::line_of(const std::vector<Series>& seeds) {
  FigureLine line;
  const Aligned points = aligned(seeds);
  for (std::size_t i = 0; i < points.step.size(); ++i) {
    const std::vector<double>& values = points.values[i];
    line.x.push_back(static_cast<double>(points.step[i]));
    line.y.push_back(center_of(values, style_.center));
    if (values.size() < 2) continue;
    std::pair<double, double> band = {spread(values).low, spread(values).high};
    if (style_.band == SpreadKind::kInterval) band = bootstrap_.interval(values, style_.center);
    if (style_.band == SpreadKind::kDeviation) band = {line.y.back() - deviation_of(values), line.y.back() + deviation_of(values)};
    line.low.push_back(band.first), line.high.push_back(band.second);
  }
  if (line.low.size() != line.x.size()) line.low.clear(), line.high.clear();
  return line;
}

std::string Maker::rows_of(const RunFiles& run, Scope scope, const std::string& metric, const Series& points) const {
  std::string out;
  for (const Point& p : points) {
    const char* phase = scope == Scope::kPretrain ? "pretrain" : p.step <= run.warm_up_steps ? "warmup" : "finetune";
    out += fmt::format("{},{},{},{},{},{},{}\n", csv_field(run.folder.string()), csv_field(run.label), csv_field(run.seed), phase, p.step,
                       csv_field(metric), p.value);
  }
  return out;
}

// the background is shaded for a warmup that all methods have; else each that has one gets a strip
void Maker::mark_warmup(LineFigure& figure) const {
  std::vector<std::int64_t> ends;
  for (const RunGroup& group : groups_) {
    std::int64_t end = 0;
    for (const RunFiles* run : group.runs) end = std::max(end, run->warm_up_steps);
    ends.push_back(end);
  }
  const bool alike = std::all_of(ends.begin(), ends.end(), [&](std::int64_t end) { return end == ends.front(); });
  if (alike) figure.shaded_to = ends.empty() ? 0 : static_cast<double>(ends.front());
  for (std::size_t g = 0; !alike && g < ends.size(); ++g)
    if (ends[g] > 0) figure.strips.push_back({static_cast<double>(ends[g]), static_cast<int>(g)});
}

std::string Maker::caption(const std::string& title, const LineFigure& figure, bool levels) const {
  std::string out = fmt::format("{}. {}.", title, style_words(style_, groups_));
  const char* what = "warmup, where the pre-trained policy collects and nothing learns.";
  if (figure.shaded_to > 0) out += fmt::format(" Shaded: {}", what);
  if (!figure.strips.empty()) out += fmt::format(" Strips at the bottom, in a method's color: its {}", what);
  if (levels) out += " Dotted: the pre-trained policy at the switch.";
  return out;
}

void Maker::add(const Plot& plot) {
  LineFigure figure{.x_label = plot.scope == Scope::kOnline ? kOnlineSteps : kOfflineSteps,
                    .y_label = plot.y_label,
                    .percent = plot.percent,
                    .log_y = plot.log};
  if (plot.scope == Scope::kOnline) mark_warmup(figure);
  std::string csv = kTidyHeader;
  bool any = false;
  for (const Drawn& drawn : plot.drawn)
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      std::vector<Series> seeds;
      for (const RunFiles* run : groups_[g].runs) {
        seeds.push_back(drawn.pick(*run));
        csv += rows_of(*run, plot.scope, drawn.metric, seeds.back());
      }
      FigureLine line = line_of(seeds);
      // one method alone needs no name
      line.label = !drawn.label.empty() ? drawn.label : groups_.size() > 1 ? groups_[g].label : "";
      line.style = drawn.style >= 0 ? drawn.style : static_cast<int>(g);
      any = any || !line.x.empty();
      if (plot.levels && !line.x.empty() && line.x.front() == 0) figure.levels.push_back({line.y.front(), line.style});
      figure.lines.push_back(std::move(line));
    }
  if (!any) return;
  // methods that share their initialization have one level, up to what the episodes of an evaluation differ by
  double low = INFINITY, high = -INFINITY, sum = 0;
  for (const FigureLine& line : figure.lines)
    for (const double v : line.y) low = std::min(low, v), high = std::max(high, v);
  for (const FigureLevel& level : figure.levels) sum += level.y;
  const double mean = sum / static_cast<double>(std::max<std::size_t>(figure.levels.size(), 1));
  const auto same = [&](const FigureLevel& l) { return std::abs(l.y - mean) <= kSameLevel * (high - low); };
  if (figure.levels.size() > 1 && std::all_of(figure.levels.begin(), figure.levels.end(), same)) figure.levels = {{mean, -1}};
  figures.push_back({plot.name, caption(plot.title, figure, plot.levels), figure_svg(figure), csv});
}

// Returns of online episodes end at other steps in each seed: means of equal parts of the steps are drawn.
void Maker::add_episodes() {
  std::size_t fewest = 0;
  double last = 0;
  for (const RunFiles* run : task_.runs) {
    const Series points = logged(*run, Scope::kOnline, "episode", "return");
    if (points.empty()) continue;
    fewest = fewest == 0 ? points.size() : std::min(fewest, points.size());
    last = std::max(last, static_cast<double>(points.back().step));
  }
  if (fewest < 4) return;
  const std::size_t parts = std::clamp<std::size_t>(fewest / 4, 2, 40);
  const double width = last / static_cast<double>(parts);
  LineFigure figure{.x_label = kOnlineSteps, .y_label = "return"};
  mark_warmup(figure);
  std::string csv = kTidyHeader;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::vector<Series> seeds;
    for (const RunFiles* run : groups_[g].runs) {
      const Series points = logged(*run, Scope::kOnline, "episode", "return");
      csv += rows_of(*run, Scope::kOnline, "episode_return", points);
      std::map<std::size_t, std::vector<double>> in_part;
      for (const Point& p : points)
        in_part[std::min(parts - 1, static_cast<std::size_t>(static_cast<double>(p.step) / width))].push_back(p.value);
      Series means;
      for (const auto& [part, values] : in_part)
        means.push_back({static_cast<std::int64_t>((static_cast<double>(part) + 0.5) * width), center_of(values, Center::kMean)});
      seeds.push_back(std::move(means));
    }
    FigureLine line = line_of(seeds);
    line.label = groups_.size() > 1 ? groups_[g].label : "", line.style = static_cast<int>(g);
    figure.lines.push_back(std::move(line));
  }
  figures.push_back(
      {"episodes",
       caption(fmt::format("Returns of online episodes, exploration included, averaged over {:.0f} steps", width), figure, false),
       figure_svg(figure), csv});
}

void Maker::add_seconds() {
  constexpr std::pair<const char*, const char*> kPhases[] = {
      {"pretrain", "pre-training"}, {"warmup", "warmup"}, {"finetune", "fine-tuning"}};
  BarFigure figure;
  std::string csv = kTidyHeader;
  double longest = 0;
  for (const auto& [phase, name] : kPhases) figure.parts.push_back({name, {}});
  for (const RunGroup& group : groups_) {
    figure.labels.push_back(group.label);
    double sum = 0;
    for (std::size_t p = 0; p < std::size(kPhases); ++p) {
      std::vector<double> values;
      for (const RunFiles* run : group.runs)
        if (const auto s = run->seconds.find(kPhases[p].first); s != run->seconds.end()) {
          values.push_back(s->second);
          csv += fmt::format("{},{},{},{},,seconds,{}\n", csv_field(run->folder.string()), csv_field(run->label), csv_field(run->seed),
                             kPhases[p].first, s->second);
        }
      figure.parts[p].values.push_back(values.empty() ? 0 : center_of(values, Center::kMean));
      sum += figure.parts[p].values.back();
    }
    longest = std::max(longest, sum);
  }
  if (longest <= 0) return;
  const auto [unit, name] = longest < 120 ? std::pair{1, "seconds"} : longest < 7200 ? std::pair{60, "minutes"} : std::pair{3600, "hours"};
  figure.x_label = fmt::format("wall-clock {}", name);
  for (auto& part : figure.parts)
    for (double& v : part.values) v /= unit;
  figures.push_back({"seconds", "Wall-clock time of a run by phase, mean over seeds; evaluations included.", figure_svg(figure), csv});
}

// measured numbers that belong into one figure when there is one method: stem, title, axis, percent, log
struct Family {
  const char *stem, *title, *y_label;
  bool percent, log;
};
constexpr Family kFamilies[] = {
    {"q", "Q-values of actions that were taken", "Q", false, false},
    {"td_error", "TD error", "|TD error|", false, false},
    {"below_pretrained", "Fraction of targets below the pre-trained Q", "targets below the pre-trained Q", true, false},
    {"kl", "KL divergence of the policy from the pre-trained one", "KL (nats)", false, false},
    {"action_distance", "Distance of the most likely action from the pre-trained policy's", "action distance", false, false},
    {"disagreement", "Standard deviation of Q over the critics", "std of Q", false, false},
    {"saturation", "Fraction of action entries at the bound", "saturated actions", true, false},
    {"chatter", "Mean absolute second difference of consecutive actions", "|second difference|", false, false},
    {"norm", "Norm of the parameters", "parameter norm", false, true},
    {"gradient_norm", "Norm of the gradient of one update", "gradient norm", false, true},
    {"update_norm", "Norm of the step of one update", "update norm", false, true},
    {"dormant", "Fraction of hidden units that are close to silent", "dormant units", true, false},
};
constexpr std::pair<const char*, const char*> kSets[] = {{"offline", "offline"}, {"warmup", "warmup"}, {"online", "online"}};
constexpr std::pair<const char*, const char*> kNets[] = {{"actor", "policy"}, {"critic", "critics"}};

Pick logged_as(Scope scope, const std::string& kind, const std::string& name) {
  return [=](const RunFiles& run) { return logged(run, scope, kind, name); };
}

void add_diagnostics(Maker& maker, const TaskRuns& task) {
  const std::vector<std::string> names = names_of(task, "diagnostics");
  std::set<std::string> left(names.begin(), names.end());
  for (const Family& family : kFamilies) {
    std::vector<Drawn> drawn;
    const auto take = [&](const std::string& name, const char* label, int style) {
      if (left.erase(name)) drawn.push_back({name, label, style, logged_as(Scope::kOnline, "diagnostics", name)});
    };
    int style = 0;
    for (const auto& [set, label] : kSets) take(fmt::format("{}_{}", family.stem, set), label, style++);
    style = 0;
    for (const auto& [net, label] : kNets) take(fmt::format("{}_{}", net, family.stem), label, style++);
    const auto plot = [&](const std::string& name, const std::string& title) {
      return Plot{.name = "diagnostics-" + file_name(name),
                  .title = title,
                  .y_label = family.y_label,
                  .percent = family.percent,
                  .log = family.log};
    };
    if (maker.groups().size() == 1) {
      Plot together = plot(family.stem, family.title);
      together.drawn = std::move(drawn);
      maker.add(together);
      continue;
    }
    for (Drawn& one : drawn) {
      Plot alone = plot(one.metric, fmt::format("{}: {}", family.title, one.label));
      one.label = "", one.style = -1;
      alone.drawn = {std::move(one)};
      maker.add(alone);
    }
  }
  for (const std::string& name : names)
    if (left.contains(name))
      maker.add({.name = "diagnostics-" + file_name(name),
                 .title = name,
                 .y_label = name,
                 .drawn = {{name, "", -1, logged_as(Scope::kOnline, "diagnostics", name)}}});
}

}  // namespace

std::string style_words(const FigureStyle& style, const std::vector<RunGroup>& groups) {
  std::size_t fewest = groups.empty() ? 0 : groups[0].runs.size(), most = 0;
  for (const RunGroup& group : groups) fewest = std::min(fewest, group.runs.size()), most = std::max(most, group.runs.size());
  if (most == 1) return "One seed: no band, and a difference may be chance";
  const std::string center = style.center == Center::kMean ? "mean" : "interquartile mean";
  const std::string band = style.band == SpreadKind::kInterval
                               ? fmt::format("{:g}% bootstrap interval of the {}", 100 * style.coverage, center)
                           : style.band == SpreadKind::kDeviation ? "one sample standard deviation to either side"
                                                                  : "smallest to largest seed";
  return fmt::format("Lines: {} over {} seeds; bands: {}", center,
                     fewest == most ? std::to_string(most) : fmt::format("{} to {}", fewest, most), band);
}

std::vector<Figure> report_figures(const TaskRuns& task, const FigureStyle& style) {
  Maker maker(task, style);
  const std::map<std::string, std::string> titles = {
      {"success_rate", "Success rate"}, {"return_mean", "Return"}, {"normalized", "Normalized score"}};
  for (const Scope scope : {Scope::kOnline, Scope::kPretrain})
    for (const std::string& name : shown_metrics(task)) {
      std::string label = titles.at(name);
      label[0] = static_cast<char>(std::tolower(label[0]));
      maker.add({.name = (scope == Scope::kOnline ? "eval-" : "pretrain-eval-") + file_name(name),
                 .title = titles.at(name) + (scope == Scope::kOnline ? " after the switch" : " in pre-training"),
                 .y_label = label,
                 .scope = scope,
                 .percent = name == "success_rate",
                 .levels = scope == Scope::kOnline,
                 .drawn = {{name, "", -1, [=](const RunFiles& run) { return evaluations(run, scope, name); }}}});
    }
  maker.add_episodes();
  add_diagnostics(maker, task);
  for (const Scope scope : {Scope::kOnline, Scope::kPretrain})
    for (const std::string& name : names_of(task, "train"))
      maker.add({.name = (scope == Scope::kOnline ? "train-" : "pretrain-") + file_name(name),
                 .title = fmt::format("{}, {}", name, scope == Scope::kOnline ? "fine-tuning" : "pre-training"),
                 .y_label = name,
                 .scope = scope,
                 .drawn = {{name, "", -1, logged_as(scope, "train", name)}}});
  for (const Scope scope : {Scope::kOnline, Scope::kPretrain})
    maker.add({.name = scope == Scope::kOnline ? "speed" : "pretrain-speed",
               .title = "Steps per second of wall-clock time",
               .y_label = "steps/s",
               .scope = scope,
               .drawn = {{"steps_per_second", "", -1, [=](const RunFiles& run) { return speed(run, scope); }}}});
  maker.add_seconds();
  return std::move(maker.figures);
}

std::string file_name(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80 && std::isalnum(u)) out += static_cast<char>(std::tolower(u));
    else if (!out.empty() && out.back() != '-') out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "unnamed" : out;
}

}  // namespace warmstart
