// `warmstart list` and `warmstart explain`: what there is, from the same lists the program runs on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/install.h"
#include "warmstart/core/text.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

void list_envs(bool json) {
  Json all = Json::array();
  if (!json) fmt::print("{:<38} {:>4} {:>7} {:>8}  {}\n", "id", "obs", "action", "horizon", "task");
  for (const EnvSpec& s : env_specs()) {
    if (json)
      all.push_back({{"id", s.id},
                     {"summary", s.summary},
                     {"obs_size", s.obs_size},
                     {"action_size", s.action_size},
                     {"max_episode_steps", s.max_episode_steps},
                     {"control_seconds", s.control_seconds},
                     {"sparse_reward", s.sparse_reward},
                     {"reports_success", s.reports_success}});
    else fmt::print("{:<38} {:>4} {:>7} {:>8}  {}\n", s.id, s.obs_size, s.action_size, s.max_episode_steps, s.summary);
  }
  if (json) fmt::print("{}\n", all.dump(2));
}

void list_agents(bool json) {
  Json all = Json::array();
  for (const AgentInfo& a : agent_infos()) {
    if (json)
      all.push_back({{"name", a.name}, {"summary", a.summary}, {"needs_mc_return", a.needs_mc_return}, {"trains_critic", a.trains_critic}});
    else fmt::print("{:<8} {}\n", a.name, a.summary);
  }
  if (json) fmt::print("{}\n", all.dump(2));
}

fs::path recipe_folder() {
  const fs::path here = "recipes", source = find_shared("recipes", fs::path(WARMSTART_SOURCE_DIR) / "recipes");
  if (fs::is_directory(here)) return here;
  if (fs::is_directory(source)) return source;
  throw machine_error("no recipes", here.string() + " and " + source.string(), "call from the folder of the source tree");
}

std::string widths(const std::vector<std::int64_t>& hidden) { return fmt::format("{}", fmt::join(hidden, "x")); }

std::string steps_text(std::int64_t n) {
  if (n >= 1'000'000 && n % 100'000 == 0) return fmt::format("{:g}M", static_cast<double>(n) * 1e-6);
  return n >= 10'000 && n % 1000 == 0 ? fmt::format("{}k", n / 1000) : fmt::format("{}", n);
}

std::string sizes_text(const Recipe& r) {
  std::string text = fmt::format("{}, critic {} x {}, actor {}", r.env.id, r.network.num_qs, widths(r.network.critic_hidden),
                                 widths(r.network.actor_hidden));
  if (r.pretrain.steps > 0) text += fmt::format("; {} {} offline", steps_text(r.pretrain.steps), r.pretrain.agent);
  if (r.finetune.steps > 0)
    text += fmt::format("; warm-up {}, {} {} online, UTD {}{}", r.warm_up_steps(), steps_text(r.finetune.steps), r.finetune.agent,
                        r.finetune.utd, r.retention.mode == "none" ? "" : ", retention " + r.retention.mode);
  return text;
}

void list_recipes(bool json) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(recipe_folder()))
    if (entry.path().extension() == ".toml") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  Json all = Json::array();
  for (const fs::path& path : paths) {
    try {
      const Recipe r = load_recipe(path);
      if (json)
        all.push_back({{"path", path.string()},
                       {"name", r.name},
                       {"label", r.label},
                       {"summary", r.summary},
                       {"env", r.env.id},
                       {"critics", r.network.num_qs},
                       {"critic_hidden", r.network.critic_hidden},
                       {"actor_hidden", r.network.actor_hidden},
                       {"pretrain_agent", r.pretrain.agent},
                       {"pretrain_steps", r.pretrain.steps},
                       {"warm_up_steps", r.warm_up_steps()},
                       {"finetune_agent", r.finetune.agent},
                       {"finetune_steps", r.finetune.steps},
                       {"utd", r.finetune.utd},
                       {"retention", r.retention.mode}});
      else fmt::print("{}\n    {}\n    {}\n", path.string(), r.summary.empty() ? "(no summary)" : r.summary, sizes_text(r));
    } catch (const Error& e) {  // one broken file must not hide the others
      if (json) all.push_back({{"path", path.string()}, {"error", e.what()}});
      else fmt::print("{}\n    cannot be used: {}\n", path.string(), e.what());
    }
  }
  if (json) fmt::print("{}\n", all.dump(2));
}

void list(const std::string& what, bool json) {
  if (what == "envs") return list_envs(json);
  if (what == "agents") return list_agents(json);
  if (what == "recipes") return list_recipes(json);
  const std::vector<std::string> valid = {"envs", "agents", "recipes"};
  throw usage_error("cannot list \"" + what + "\"", "command line",
                    "did you mean " + nearest_name(what, valid) + "? valid: " + join(valid));
}

// What run.fidelity = "paper" sets this key to; "" when it leaves it alone.
std::string paper_value(const std::string& key) {
  static Recipe plain = parse_recipe("[pretrain]\nsteps = 0\n", "explain");
  static Recipe paper = parse_recipe("[pretrain]\nsteps = 0\n[run]\nfidelity = \"paper\"\n", "explain");
  const std::string value = paper.fields().at(key, "explain").toml();
  return key != "run.fidelity" && value != plain.fields().at(key, "explain").toml() ? value : "";
}

std::string range_text(const FieldDoc& doc) {
  if (!doc.choices.empty()) return join(doc.choices);
  // limits this large only keep numbers finite
  const bool low = doc.min > -1e299, high = doc.max < 1e299;
  if (low && high) return fmt::format("{:g} to {:g}", doc.min, doc.max);
  return low ? fmt::format("{:g} or more", doc.min) : high ? fmt::format("{:g} or less", doc.max) : "";
}

void explain_key(const Field& f) {
  fmt::print("{}\n  {}\n", f.key, f.doc.help);
  const auto line = [](const char* what, const std::string& text) {
    if (!text.empty()) fmt::print("  {:<8} {}\n", what, text);
  };
  line("type", f.type_name());
  const bool number = f.type_name().find("number") != std::string::npos || f.type_name().find("integer") != std::string::npos;
  line("unit", number && f.doc.unit.empty() ? "none" : f.doc.unit);
  line(f.doc.choices.empty() ? "range" : "choices", range_text(f.doc));
  line("default", f.toml());
  line("paper", paper_value(f.key).empty() ? "" : paper_value(f.key) + " with run.fidelity = \"paper\"");
  line("change", f.doc.when);
}

std::string section_of(const std::string& key) { return key.find('.') == std::string::npos ? "" : key.substr(0, key.find('.')); }

void explain_json(const Fields& fields) {
  Json all = Json::array();
  for (const Field& f : fields.list())
    all.push_back({{"key", f.key},
                   {"help", f.doc.help},
                   {"type", f.type_name()},
                   {"unit", f.doc.unit},
                   {"default", f.toml()},
                   {"range", range_text(f.doc)},
                   {"when", f.doc.when},
                   {"paper", paper_value(f.key)}});
  fmt::print("{}\n", all.dump(2));
}

void explain(const std::string& key, bool json) {
  Recipe defaults;
  const Fields fields = defaults.fields();
  if (json) return explain_json(fields);
  bool section_known = false;
  for (const Field& f : fields.list()) section_known = section_known || (!key.empty() && section_of(f.key) == key);
  if (!key.empty() && !section_known) return explain_key(fields.at(key, "command line"));
  std::string section = "?";
  for (const Field& f : fields.list()) {
    if (!key.empty() && section_of(f.key) != key) continue;
    if (section_of(f.key) != section) fmt::print("{}[{}]\n", section == "?" ? "" : "\n", section = section_of(f.key));
    fmt::print("  {:<34} {:<12} {}\n", f.key, f.toml(), f.doc.help);
  }
}

}  // namespace

void add_list(CLI::App& app) {
  struct Options {
    std::string what;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("list", "List environments, agents (update rules) or the recipes that come along");
  verb->add_option("WHAT", o->what, "envs, agents or recipes")->required();
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->callback([o] { list(o->what, o->json); });
}

void add_explain(CLI::App& app) {
  struct Options {
    std::string key;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "What a recipe's key means: unit, type, default, range, when to change it");
  verb->add_option("KEY", o->key, "A key such as agent.tau, or a section; all keys when left out");
  verb->add_flag("--json", o->json, "All keys as JSON");
  verb->callback([o] { explain(o->key, o->json); });
}

}  // namespace warmstart
