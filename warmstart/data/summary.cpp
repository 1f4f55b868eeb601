#include "warmstart/data/summary.h"

#include <fmt/format.h>

#include <cmath>

#include "warmstart/core/text.h"
#include "warmstart/io/json_text.h"

namespace warmstart {
namespace {

constexpr int kBarWidth = 40;

std::string range_text(const ValueRange& r) {
  std::string text = fmt::format("{:.6g} .. {:.6g}, mean {:.6g}", r.min, r.max, r.mean);
  if (r.bad) text += fmt::format("; {} NaN or infinite, first in row {}", r.bad, r.first_bad);
  return text;
}

nlohmann::json range_json(const ValueRange& r) {
  nlohmann::json json = {{"min", r.min}, {"mean", r.mean}, {"max", r.max}, {"non_finite", r.bad}};
  if (r.bad) json["first_non_finite_row"] = r.first_bad;
  return json;
}

}  // namespace

void ValueRange::add(std::span<const float> values, std::size_t cols, std::size_t first) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (!std::isfinite(v)) {
      if (bad++ == 0) first_bad = first + i / cols;
      continue;
    }
    min = good ? std::min(min, v) : v;
    max = good ? std::max(max, v) : v;
    sum += v;
    ++good;
  }
  if (good) mean = sum / static_cast<double>(good);
}

ValueRange range_of(std::span<const float> values, std::size_t cols) {
  ValueRange r;
  r.add(values, cols);
  return r;
}

DatasetSummary summarize(CheckedSteps& reader, int histogram_bins) {
  const StepsLayout& layout = reader.layout();
  DatasetSummary s;
  s.steps = layout.steps;
  s.obs_size = layout.obs_size, s.action_size = layout.action_size;
  s.has_next_observations = layout.has_next && layout.steps > 0;
  s.format = format_name(layout.format), s.observation_keys = layout.observation_keys;
  s.infos = layout.infos, s.metadata = layout.metadata;
  const auto clip = static_cast<float>(DatasetOptions{}.action_clip);
  D4rlFile slab;
  std::size_t lost = 0;  // steps without a known next observation, if none are stored
  bool open_end = false;
  for (std::size_t done = 0; done < s.steps; done += slab.rewards.size()) {
    reader.read(kSlabSteps, slab);
    s.observations.add({slab.observations.data(), slab.observations.size()}, static_cast<std::size_t>(std::max(s.obs_size, 1)), done);
    s.actions.add({slab.actions.data(), slab.actions.size()}, static_cast<std::size_t>(std::max(s.action_size, 1)), done);
    s.rewards.add(slab.rewards, 1, done);
    for (std::size_t i = 0; i < slab.actions.size(); ++i) s.clipped_actions += std::abs(slab.actions.data()[i]) > clip;
    for (std::size_t i = 0; i < slab.rewards.size(); ++i) {
      s.terminals += slab.terminals[i], s.timeouts += slab.timeouts[i];
      open_end = !slab.terminals[i] && !slab.timeouts[i];
      lost += slab.timeouts[i] && !slab.terminals[i];
    }
  }
  s.findings = reader.findings();
  const std::vector<Episode>& episodes = reader.trajectories();
  s.episodes = episodes.size();
  s.transitions = s.has_next_observations ? s.steps : s.steps - lost - open_end;
  std::vector<float> returns;
  for (const Episode& e : episodes) {
    s.length_min = returns.empty() ? e.length : std::min(s.length_min, e.length);
    s.length_max = std::max(s.length_max, e.length);
    returns.push_back(static_cast<float>(e.reward_sum));
  }
  s.unfinished = open_end;
  if (!episodes.empty()) s.length_mean = static_cast<double>(s.steps) / static_cast<double>(episodes.size());
  s.returns = range_of(returns, 1);
  s.return_histogram.assign(static_cast<std::size_t>(histogram_bins), 0);
  const double width = s.returns.max - s.returns.min;
  for (const float r : returns) {
    if (!std::isfinite(r)) continue;
    const auto bin = width > 0 ? static_cast<std::size_t>((r - s.returns.min) / width * histogram_bins) : 0;
    ++s.return_histogram[std::min(bin, s.return_histogram.size() - 1)];
  }
  return s;
}

std::string summary_text(const DatasetSummary& s, const std::string& path) {
  std::string text = fmt::format("{}\n", path);
  const auto line = [&](const char* name, const std::string& value) { text += fmt::format("  {:<14} {}\n", name, value); };
  line("format", s.format + (s.observation_keys.empty() ? "" : ", observations flattened: " + join(s.observation_keys)));
  line("steps", fmt::format("{} ({} transitions{})", s.steps, s.transitions, s.has_next_observations ? ", next observations stored" : ""));
  line("sizes", fmt::format("observation {}, action {}", s.obs_size, s.action_size));
  line("episodes", fmt::format("{}, length {} .. {}, mean {:.1f}", s.episodes, s.length_min, s.length_max, s.length_mean));
  line("ends", fmt::format("{} terminals, {} timeouts{}", s.terminals, s.timeouts, s.unfinished ? ", last episode unfinished" : ""));
  line("rewards", range_text(s.rewards));
  line("actions",
       range_text(s.actions) + (s.clipped_actions ? fmt::format("; {} entries beyond +-0.99999 will be clipped", s.clipped_actions) : ""));
  line("observations", range_text(s.observations));
  line("returns", range_text(s.returns));
  const std::size_t tallest = *std::max_element(s.return_histogram.begin(), s.return_histogram.end());
  const double width = (s.returns.max - s.returns.min) / static_cast<double>(s.return_histogram.size());
  for (std::size_t i = 0; tallest > 0 && i < s.return_histogram.size(); ++i) {
    if (width == 0 && i > 0) break;  // all returns are equal
    const auto bar = (s.return_histogram[i] * kBarWidth + tallest - 1) / tallest;
    text += fmt::format("    {:>10.4g} .. {:<10.4g} {:<40} {}\n", s.returns.min + width * static_cast<double>(i),
                        s.returns.min + width * static_cast<double>(i + 1), std::string(bar, '#'), s.return_histogram[i]);
  }
  for (const auto& [name, cols] : s.infos) line("info", fmt::format("{} ({})", name, cols));
  for (const auto& [name, value] : s.metadata) line("metadata", fmt::format("{} = {}", name, value));
  for (const Finding& f : s.findings) text += "  " + labeled(f) + "\n";
  return text;
}

std::string summary_json(const DatasetSummary& s, const std::string& path) {
  nlohmann::json found = {{"problems", nlohmann::json::array()}, {"warnings", nlohmann::json::array()}, {"notes", nlohmann::json::array()}};
  for (const Finding& f : s.findings)
    found[f.severity == Severity::kProblem ? "problems" : f.severity == Severity::kWarning ? "warnings" : "notes"].push_back(f.line());
  nlohmann::json json = {{"file", path},
                         {"format", s.format},
                         {"observation_keys", s.observation_keys},
                         {"steps", s.steps},
                         {"transitions", s.transitions},
                         {"observation_size", s.obs_size},
                         {"action_size", s.action_size},
                         {"has_next_observations", s.has_next_observations},
                         {"episodes",
                          {{"count", s.episodes},
                           {"length_min", s.length_min},
                           {"length_mean", s.length_mean},
                           {"length_max", s.length_max},
                           {"terminals", s.terminals},
                           {"timeouts", s.timeouts},
                           {"unfinished", s.unfinished}}},
                         {"rewards", range_json(s.rewards)},
                         {"actions", range_json(s.actions)},
                         {"observations", range_json(s.observations)},
                         {"returns", range_json(s.returns)},
                         {"return_histogram", s.return_histogram},
                         {"clipped_actions", s.clipped_actions},
                         {"infos", s.infos},
                         {"metadata", s.metadata}};
  json.update(found);
  // metadata may hold bytes that are no UTF-8
  return json_text(json, 2) + "\n";
}

}  // namespace warmstart
