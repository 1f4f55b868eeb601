// What a report shows, as JSON. The page's script only draws; all statistics are made here, task by task.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/json_text.h"
#include "warmstart/io/report.h"
#include "warmstart/io/report_stats.h"
#include "warmstart/io/toml.h"

namespace warmstart {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kEpisodesOfAMean = 20;

json to_json(const Spread& s) {
  if (s.count == 0) return nullptr;
  return {{"mean", s.mean}, {"low", s.low}, {"high", s.high}, {"count", s.count}};
}

json to_json(const GroupOutcome& o) {
  return {
      {"before", to_json(o.before)}, {"lowest", to_json(o.lowest)}, {"final", to_json(o.last)}, {"fall", to_json(o.fall)},
      {"drop", to_json(o.drop)},     {"forgotten", o.forgotten},    {"judged", o.judged},       {"recovered_at", to_json(o.recovered_at)}};
}

json seed_json(const RunGroup& group, std::size_t index, const Series& points) {
  json one = {{"seed", group.runs[index]->seed}, {"run", index}, {"x", json::array()}, {"y", json::array()}};
  for (const Point& p : points) one["x"].push_back(p.step), one["y"].push_back(p.value);
  return one;
}

// one curve of a group: mean and band over seeds, and every seed by itself
json curve(const RunGroup& group, const std::vector<Series>& seeds) {
  const Band b = band(seeds);
  json out = {{"x", b.step}, {"mean", json::array()}, {"low", json::array()}, {"high", json::array()}, {"seeds", json::array()}};
  for (const Spread& s : b.spread) out["mean"].push_back(s.mean), out["low"].push_back(s.low), out["high"].push_back(s.high);
  for (std::size_t i = 0; i < seeds.size(); ++i)
    if (!seeds[i].empty()) out["seeds"].push_back(seed_json(group, i, seeds[i]));
  return out;
}

using Groups = std::vector<RunGroup>;
using Pick = std::function<Series(const RunFiles&, const std::string& name)>;

// name -> one curve per group; names that no run has are left out
json curves(const Groups& groups, const std::vector<std::string>& names, const Pick& pick) {
  json out = json::object();
  for (const std::string& name : names) {
    json of_groups = json::array();
    bool any = false;
    for (const RunGroup& group : groups) {
      std::vector<Series> seeds;
      for (const RunFiles* run : group.runs) {
        seeds.push_back(pick(*run, name));
        any = any || !seeds.back().empty();
      }
      of_groups.push_back(curve(group, seeds));
    }
    if (any) out[name] = std::move(of_groups);
  }
  return out;
}

// the curves of both phases
json by_scope(const Groups& groups, const std::vector<std::string>& names, const std::function<Pick(Scope)>& pick) {
  return {{"pretrain", curves(groups, names, pick(Scope::kPretrain))}, {"online", curves(groups, names, pick(Scope::kOnline))}};
}

Pick logged_as(Scope scope, const std::string& kind) {
  return [=](const RunFiles& run, const std::string& name) { return logged(run, scope, kind, name); };
}

// returns of online episodes: every seed's points and their running mean
json episodes(const Groups& groups) {
  json out = json::array();
  bool any = false;
  for (const RunGroup& group : groups) {
    json seeds = json::array();
    for (std::size_t i = 0; i < group.runs.size(); ++i) {
      const Series points = logged(*group.runs[i], Scope::kOnline, "episode", "return");
      if (points.empty()) continue;
      json one = seed_json(group, i, points);
      one["mean"] = json::array();
      for (const Point& p : running_mean(points, kEpisodesOfAMean)) one["mean"].push_back(p.value);
      seeds.push_back(std::move(one));
      any = true;
    }
    out.push_back(std::move(seeds));
  }
  return any ? out : json(nullptr);
}

// what the collapse monitor said, in order of its rows
json warnings(const Groups& groups) {
  json out = json::array();
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const RunFiles* run : groups[g].runs)
      for (const MetricsRow& row : run->rows) {
        if (row.kind != "monitor") continue;
        json reasons = json::array(), evidence = json::object();
        for (const auto& [name, value] : row.values) {
          // the reason comes first, and what it is told by after it
          const bool reason = &name == &row.values.front().first && name != "rolled_back_to";
          if (reason) reasons.push_back(name);
          else evidence[name] = value;
        }
        out.push_back(
            {{"group", g}, {"seed", run->seed}, {"phase", row.phase}, {"step", row.step}, {"reasons", reasons}, {"evidence", evidence}});
      }
  return out;
}

// null when a run does not say
json updates_json(const RunGroup& group) {
  std::vector<double> values;
  for (const RunFiles* run : group.runs) {
    if (!run->updates) return nullptr;
    values.push_back(static_cast<double>(*run->updates));
  }
  return to_json(spread(values));
}

json group_json(const RunGroup& group) {
  json seeds = json::array(), seconds = json::object();
  std::int64_t warm_up = 0;
  for (const RunFiles* run : group.runs) {
    seeds.push_back(run->seed);
    warm_up = std::max(warm_up, run->warm_up_steps);
  }
  for (const char* phase : {"pretrain", "warmup", "finetune"}) {
    std::vector<double> values;
    for (const RunFiles* run : group.runs)
      if (const auto s = run->seconds.find(phase); s != run->seconds.end()) values.push_back(s->second);
    seconds[phase] = to_json(spread(values));
  }
  const RunFiles& first = *group.runs.front();
  return {{"label", group.label},
          {"method", first.method},
          {"env", first.env},
          {"seeds", seeds},
          {"warm_up_steps", warm_up},
          {"seconds", seconds},
          {"updates", updates_json(group)},
          {"without_update", without_update(group)}};
}

// every evaluation as logged, for the table of exact numbers
json evaluation_rows(const std::vector<RunGroup>& groups) {
  json out = json::array();
  for (const RunGroup& group : groups)
    for (const RunFiles* run : group.runs)
      for (const MetricsRow& row : run->rows) {
        if (row.kind != "eval" && row.kind != "switch") continue;
        json values = json::object();
        for (const auto& [name, value] : row.values) values[name] = value;
        out.push_back({{"label", group.label},
                       {"seed", run->seed},
                       {"phase", row.phase},
                       {"kind", row.kind},
                       {"step", row.step},
                       {"values", values}});
      }
  return out;
}

std::string config_text(const ConfigValue& value) {
  struct Text {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return fmt::format("\"{}\"", v); }
    std::string operator()(const std::vector<std::int64_t>& v) const { return fmt::format("[{}]", fmt::join(v, ", ")); }
    std::string operator()(const std::vector<double>& v) const { return fmt::format("[{}]", fmt::join(v, ", ")); }
  };
  return std::visit(Text{}, value);
}

// key -> one text per group; seeds that differ within a group are listed
json configuration(const std::vector<RunGroup>& groups) {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<std::vector<std::string>>> values;  // key -> group -> distinct texts
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const RunFiles* run : groups[g].runs) {
      FlatConfig config;
      try {
        config = parse_toml(run->recipe, (run->folder / "recipe.toml").string());
      } catch (const Error&) {
        continue;  // the text itself is shown all the same
      }
      for (const auto& [key, value] : config) {
        if (!values.contains(key)) keys.push_back(key), values[key].resize(groups.size());
        auto& texts = values[key][g];
        const std::string text = config_text(value);
        if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
      }
    }
  std::sort(keys.begin(), keys.end());
  json out = json::array();
  for (const std::string& key : keys) {
    json of_groups = json::array(), mixed = json::array();
    std::set<std::string> distinct;
    for (const auto& texts : values[key]) {
      if (texts.size() > 1) mixed.push_back(of_groups.size());
      of_groups.push_back(fmt::format("{}", fmt::join(texts, ", ")));
      distinct.insert(of_groups.back().get<std::string>());
    }
    out.push_back({{"key", key}, {"values", of_groups}, {"differs", distinct.size() > 1}, {"mixed", mixed}});
  }
  return out;
}

// The command that makes the run again in another folder, from the recipe that it wrote; "" when it is not known how it was made.
std::string reproduction(const RunFiles& run, const json& info) {
  const auto text = [&](const char* key) {
    return info.contains(key) && info[key].is_string() ? info[key].get<std::string>() : std::string();
  };
  // as it was typed, each word fit for a shell
  const std::string command = text("command");
  const std::size_t end = command.rfind('\'', 0) == 0 ? command.find("' ") + 1 : command.find(' ');
  const std::string program = command.substr(0, end), rest = end < command.size() ? command.substr(end + 1) : "",
                    verb = rest.substr(0, rest.find(' '));
  if (run.recipe.empty() || (verb != "train" && verb != "pretrain" && verb != "finetune")) return "";
  const std::string from = text("from").empty() ? "" : " --from " + shell_word(text("from"));
  return fmt::format("{} {} {}{} --out {}", program, from.empty() ? verb : "finetune", shell_word((run.folder / "recipe.toml").string()),
                     from, shell_word(run.folder.string() + "-again"));
}

json run_json(const RunFiles& run, const std::string& label) {
  json info = json::object();
  if (!run.info.empty()) info = json::parse(run.info, nullptr, false);
  return {{"label", label},
          {"seed", run.seed},
          {"status", run.status},
          {"without_update", without_update(run)},
          {"warm_up_steps", run.warm_up_steps},
          {"folder", run.folder.string()},
          {"info", info},
          {"recipe", run.recipe},
          {"again", reproduction(run, info)}};
}

json task_json(const TaskRuns& task) {
  const Groups groups = group_runs(task);
  const std::vector<std::string> evals = {"success_rate", "return_mean", "normalized", "episode_length"};
  json out = {{"env", task.env},         {"metric", headline_metric(task)}, {"shown", shown_metrics(task)},
              {"groups", json::array()}, {"headline", json::array()},       {"runs", json::array()}};
  for (const RunGroup& group : groups) {
    out["groups"].push_back(group_json(group));
    json headline = json::object();
    for (const std::string& name : evals) headline[name] = to_json(outcome(group, name));
    out["headline"].push_back(headline);
    for (const RunFiles* run : group.runs) out["runs"].push_back(run_json(*run, group.label));
  }
  out["eval"] = by_scope(groups, evals, [](Scope scope) -> Pick {
    return [=](const RunFiles& run, const std::string& name) { return evaluations(run, scope, name); };
  });
  for (const char* kind : {"train", "diagnostics"})
    out[kind] = by_scope(groups, names_of(task, kind), [&](Scope scope) { return logged_as(scope, kind); });
  out["speed"] = by_scope(groups, {"steps_per_second"},
                          [](Scope scope) -> Pick { return [=](const RunFiles& run, const std::string&) { return speed(run, scope); }; });
  out["episodes"] = episodes(groups);
  out["warnings"] = warnings(groups);
  out["evaluations"] = evaluation_rows(groups);
  out["configuration"] = configuration(groups);
  return out;
}

std::string base64(const std::vector<std::uint8_t>& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) word = word << 8 | (k < n ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? digits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// equal pictures travel once: several runs may have begun with one policy
json films_json(const std::vector<RunFilm>& films) {
  json list = json::array(), pictures = json::array();
  for (const RunFilm& film : films) {
    json picture = nullptr;
    if (!film.picture.empty()) {
      const std::string uri = fmt::format("data:{};base64,{}", film.media_type, base64(film.picture));
      const auto known = std::find(pictures.begin(), pictures.end(), uri);
      picture = known - pictures.begin();
      if (known == pictures.end()) pictures.push_back(uri);
    }
    list.push_back({{"label", film.label},
                    {"env", film.env},
                    {"seed", film.seed},
                    {"policy", film.policy},
                    {"caption", film.caption},
                    {"picture", picture}});
  }
  return {{"list", list}, {"pictures", pictures}};
}

json study_json(const std::string& text) {
  if (text.empty()) return nullptr;
  const json study = json::parse(text, nullptr, false);
  if (!study.is_object() || !study.contains("arms") || !study["arms"].is_array())
    throw data_error("a study's summary must be a JSON object with a list \"arms\"", "report", "see docs/report.md");
  return study;
}

}  // namespace

std::string report_data(const std::vector<RunFiles>& runs, const ReportExtras& extras) {
  json out = {{"tasks", json::array()}, {"study", study_json(extras.study)}, {"films", films_json(extras.films)}};
  for (const TaskRuns& task : by_task(runs)) out["tasks"].push_back(task_json(task));
  return json_text(out);
}

}  // namespace warmstart
