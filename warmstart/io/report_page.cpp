// The HTML report: data as JSON inside a fixed template. The page's script only draws; all statistics are made here.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/report.h"
#include "warmstart/io/report_stats.h"
#include "warmstart/io/toml.h"

namespace warmstart {
namespace {

using json = nlohmann::ordered_json;

const char* const kTemplate =
#include "report_template.inc"
    ;

json to_json(const Spread& s) {
  if (s.count == 0) return nullptr;
  return {{"mean", s.mean}, {"low", s.low}, {"high", s.high}, {"count", s.count}};
}

json to_json(const GroupOutcome& o) {
  return {{"before", to_json(o.before)}, {"lowest", to_json(o.lowest)}, {"final", to_json(o.last)},
          {"drop", to_json(o.drop)},     {"forgotten", o.forgotten},    {"judged", o.judged}};
}

// one curve of a group: mean and band over seeds, and every seed by itself
json curve(const RunGroup& group, const std::vector<Series>& seeds) {
  const Band b = band(seeds);
  json out = {{"x", b.step}, {"mean", json::array()}, {"low", json::array()}, {"high", json::array()}, {"seeds", json::array()}};
  for (const Spread& s : b.spread) out["mean"].push_back(s.mean), out["low"].push_back(s.low), out["high"].push_back(s.high);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    if (seeds[i].empty()) continue;
    json one = {{"seed", group.runs[i]->seed}, {"x", json::array()}, {"y", json::array()}};
    for (const Point& p : seeds[i]) one["x"].push_back(p.step), one["y"].push_back(p.value);
    out["seeds"].push_back(std::move(one));
  }
  return out;
}

using Pick = Series (*)(const RunFiles&, Scope, const std::string&);

// name -> one curve per group; names that no run has are left out
json curves(const std::vector<RunGroup>& groups, Pick pick, Scope scope, const std::vector<std::string>& names) {
  json out = json::object();
  for (const std::string& name : names) {
    json of_groups = json::array();
    bool any = false;
    for (const RunGroup& group : groups) {
      std::vector<Series> seeds;
      for (const RunFiles* run : group.runs) {
        seeds.push_back(pick(*run, scope, name));
        any = any || !seeds.back().empty();
      }
      of_groups.push_back(curve(group, seeds));
    }
    if (any) out[name] = std::move(of_groups);
  }
  return out;
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
  return {{"label", group.label}, {"method", first.method},   {"env", first.env},
          {"seeds", seeds},       {"warm_up_steps", warm_up}, {"seconds", seconds}};
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
    json of_groups = json::array();
    std::set<std::string> distinct;
    for (const auto& texts : values[key]) {
      of_groups.push_back(fmt::format("{}", fmt::join(texts, ", ")));
      distinct.insert(of_groups.back().get<std::string>());
    }
    out.push_back({{"key", key}, {"values", of_groups}, {"differs", distinct.size() > 1}});
  }
  return out;
}

json run_json(const RunFiles& run, const std::string& label) {
  json info = json::object();
  if (!run.info.empty()) info = json::parse(run.info, nullptr, false);
  return {{"label", label}, {"seed", run.seed},    {"status", run.status}, {"folder", run.folder.string()},
          {"info", info},   {"recipe", run.recipe}};
}

json page_data(const std::vector<RunFiles>& runs) {
  const std::vector<RunGroup> groups = group_runs(runs);
  const std::vector<std::string> evals = {"success_rate", "return_mean", "normalized", "episode_length"};
  const std::vector<std::string> trained = training_names(runs);
  json out = {{"metric", headline_metric(runs)}, {"groups", json::array()}, {"headline", json::array()}, {"runs", json::array()}};
  for (const RunGroup& group : groups) {
    out["groups"].push_back(group_json(group));
    json headline = json::object();
    for (const std::string& name : evals) headline[name] = to_json(outcome(group, name));
    out["headline"].push_back(headline);
    for (const RunFiles* run : group.runs) out["runs"].push_back(run_json(*run, group.label));
  }
  out["eval"] = {{"pretrain", curves(groups, evaluations, Scope::kPretrain, evals)},
                 {"online", curves(groups, evaluations, Scope::kOnline, evals)}};
  out["train"] = {{"pretrain", curves(groups, training, Scope::kPretrain, trained)},
                  {"online", curves(groups, training, Scope::kOnline, trained)}};
  out["evaluations"] = evaluation_rows(groups);
  out["configuration"] = configuration(groups);
  return out;
}

// JSON that cannot end its <script> element or open a comment
std::string script_json(const json& data) {
  const std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') out += "\\u003c";
    else if (c == '>') out += "\\u003e";
    else if (c == '&') out += "\\u0026";
    else out += c;
  }
  return out;
}

std::string read_plotly(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw machine_error("plotly.min.js is missing", path.string(), "run `make setup`");
  std::string script = read_text(path);
  // inside a string of the script "<\/" means the same; as it is it would end the element
  for (std::size_t at = 0; (at = script.find("</script", at)) != std::string::npos; at += 3) script.replace(at, 2, "<\\/");
  return script;
}

}  // namespace

void write_report(const std::vector<RunFiles>& runs, const fs::path& html, const fs::path& plotly_js) {
  if (runs.empty()) throw usage_error("no runs to report on", html.string(), "name at least one run folder");
  const std::string plotly = read_plotly(plotly_js);
  // both places are found before either is filled: what is filled in may hold their names
  const std::string_view page_template = kTemplate, data_mark = "@DATA@", plotly_mark = "@PLOTLY@";
  const auto data_at = page_template.find(data_mark), plotly_at = page_template.find(plotly_mark);
  assert(data_at < plotly_at && plotly_at != std::string_view::npos);
  std::string page(page_template.substr(0, data_at));
  page += script_json(page_data(runs));
  page += page_template.substr(data_at + data_mark.size(), plotly_at - data_at - data_mark.size());
  page += plotly;
  page += page_template.substr(plotly_at + plotly_mark.size());
  write_atomically(html, page);
}

}  // namespace warmstart
