// `warmstart list` and `warmstart explain`: what there is, from the same lists the program runs on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/toml.h"
#include "warmstart/phases/recipe.h"
#include "warmstart/phases/recipe_files.h"

namespace warmstart {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Words that a line must hold, all of them, whatever their case; `*` stands for anything.
class Pattern {
 public:
  explicit Pattern(const std::vector<std::string>& words) : words_(words) {
    for (std::string& word : words_) word = lower(word);
  }
  bool empty() const { return words_.empty(); }
  std::string text() const { return join(words_, " "); }
  bool fits(const std::string& line) const {
    const std::string low = lower(line);
    return std::all_of(words_.begin(), words_.end(), [&](const std::string& word) { return holds(low, word); });
  }

 private:
  static std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }
  // the parts between stars, in this order
  static bool holds(const std::string& line, const std::string& word) {
    std::size_t at = 0;
    for (const std::string& part : split(word, '*')) {
      const std::size_t found = line.find(part, at);
      if (found == std::string::npos) return false;
      at = found + part.size();
    }
    return true;
  }
  std::vector<std::string> words_;
};

Error nothing_fits(const std::string& what, const Pattern& pattern) {
  return usage_error("no " + what + " with " + pattern.text(), "command line", "`warmstart list " + what + "` without words shows all");
}

void list_envs(const Pattern& pattern, bool json) {
  Json all = Json::array();
  bool any = false;
  for (const EnvSpec& s : env_specs()) {
    if (!pattern.fits(s.id + " " + s.summary)) continue;
    if (!json && !any) fmt::print("{:<38} {:>4} {:>7} {:>8}  {}\n", "id", "obs", "action", "horizon", "task");
    any = true;
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
  if (!any) throw nothing_fits("envs", pattern);
  if (json) fmt::print("{}\n", all.dump(2));
}

void list_agents(const Pattern& pattern, bool json) {
  Json all = Json::array();
  bool any = false;
  for (const AgentInfo& a : agent_infos()) {
    if (!pattern.fits(a.name + " " + a.summary)) continue;
    any = true;
    if (json)
      all.push_back({{"name", a.name}, {"summary", a.summary}, {"needs_mc_return", a.needs_mc_return}, {"trains_critic", a.trains_critic}});
    else fmt::print("{:<8} {}\n", a.name, a.summary);
  }
  if (!any) throw nothing_fits("agents", pattern);
  if (json) fmt::print("{}\n", all.dump(2));
}

fs::path recipe_folder() {
  const fs::path here = "recipes", source = bundled_folder("recipes");
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

// "{a, b, c}", or the one.
std::string braces(const std::vector<std::string>& parts) { return parts.size() == 1 ? parts[0] : "{" + join(parts, ",") + "}"; }

// `text` in lines of at most 120 columns, the later ones indented; commas break as spaces do.
void print_wrapped(const std::string& text) {
  constexpr std::size_t kColumns = 120;
  std::string line = "  ";
  const auto flush = [&] { fmt::print("{}\n", line), line = "    "; };
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find_first_of(", ", begin);
    end = end == std::string::npos ? text.size() : end + 1;
    if (line.size() + end - begin > kColumns) flush();
    line += text.substr(begin, end - begin);
    begin = end;
  }
  flush();
}

// The folder of a recipe's outermost base: recipes/antmaze for those of every AntMaze task.
fs::path family_of(const fs::path& path) {
  for (const auto& [key, value] : read_toml(path))
    if (key == "base" && std::holds_alternative<std::string>(value)) {
      const fs::path base = path.parent_path() / std::get<std::string>(value);
      if (fs::is_regular_file(base)) return family_of(base.lexically_normal());
    }
  return path.parent_path();
}

// Folders with the same methods, one line: 279 recipes on a screen.
void list_families(const fs::path& root, const std::vector<fs::path>& paths) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> methods;  // family, folder
  std::size_t count = 0;
  for (const fs::path& path : paths) {
    if (path.stem() == "base") continue;
    fs::path family = path.parent_path();
    try {
      family = family_of(path);
    } catch (const Error&) {  // a broken file stands where it lies
    }
    methods[family.filename().string()][path.parent_path().filename().string()].push_back(path.stem().string());
    ++count;
  }
  for (const auto& [family, folders] : methods) {
    fmt::print("{}{}\n", family, fs::exists(root / family / kSmallFile) ? "  (--small)" : "");
    std::map<std::vector<std::string>, std::vector<std::string>> groups;
    for (const auto& [folder, names] : folders) groups[names].push_back(folder);
    for (const auto& [names, of] : groups) print_wrapped(fmt::format("recipes/{}/{}.toml", braces(of), braces(names)));
  }
  fmt::print(
      "\n{} recipes, usable by these names from any folder.\n"
      "warmstart list recipes WORD...   what those are whose path, task or summary has every WORD (`*` stands for anything)\n"
      "warmstart list recipes '*'       what all are\n"
      "warmstart train RECIPE --small   with the reduced sizes of a family that is marked (--small)\n",
      count);
}

void list_recipes(const Pattern& pattern, bool json) {
  const fs::path root = recipe_folder();
  const std::vector<fs::path> paths = recipes_below(root);
  if (pattern.empty() && !json) return list_families(root, paths);
  Json all = Json::array();
  bool any = false;
  for (const fs::path& path : paths) {
    try {
      const Recipe r = load_recipe(path);
      if (!pattern.fits(fmt::format("{} {} {} {}", path.string(), r.env.id, r.label, r.summary))) continue;
      any = true;
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
      if (!pattern.fits(path.string())) continue;
      any = true;
      if (json) all.push_back({{"path", path.string()}, {"error", e.what()}});
      else fmt::print("{}\n    cannot be used: {}\n", path.string(), e.what());
    }
  }
  if (!any) throw nothing_fits("recipes", pattern);
  if (json) fmt::print("{}\n", all.dump(2));
}

void list(const std::string& what, const std::vector<std::string>& words, bool json) {
  const Pattern pattern(words);
  if (what == "envs") return list_envs(pattern, json);
  if (what == "agents") return list_agents(pattern, json);
  if (what == "recipes") return list_recipes(pattern, json);
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

// "--agent.tau", "agent.tau" or "tau"
void explain_keys(std::string key, const Fields& fields) {
  if (key.rfind("--", 0) == 0) key.erase(0, 2);
  std::vector<const Field*> meant;
  for (const Field& f : fields.list()) {
    if (f.key == key) return explain_key(f);
    if (f.key.ends_with("." + key)) meant.push_back(&f);
  }
  if (meant.empty()) fields.at(key, "command line");  // says which are near
  for (const Field* f : meant) {
    if (f != meant.front()) fmt::print("\n");
    explain_key(*f);
  }
}

void explain(const std::string& key, bool json) {
  Recipe defaults;
  const Fields fields = defaults.fields();
  if (json) return explain_json(fields);
  bool section_known = false;
  for (const Field& f : fields.list()) section_known = section_known || (!key.empty() && section_of(f.key) == key);
  if (!key.empty() && !section_known) return explain_keys(key, fields);
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
    std::vector<std::string> words;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("list", "List environments, agents (update rules) or the bundled recipes");
  verb->add_option("WHAT", o->what, "envs, agents or recipes")->required();
  verb->add_option("WORD", o->words, "Only what has every word in its name or summary; `*` stands for anything");
  verb->add_flag("--json", o->json, "JSON instead of text");
  verb->callback([o] { list(o->what, o->words, o->json); });
}

void add_explain(CLI::App& app) {
  struct Options {
    std::string key;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "What a recipe's key means: unit, type, default, range, when to change it");
  verb->add_option("KEY", o->key, "A key such as agent.tau, its last part (tau), or a section; all keys when left out");
  verb->add_flag("--json", o->json, "All keys as JSON");
  verb->callback([o] { explain(o->key, o->json); });
}

}  // namespace warmstart
