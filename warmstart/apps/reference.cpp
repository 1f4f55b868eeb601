// `warmstart reference`: every command and every recipe key, from the same lists the program runs on, as Markdown, manual page or
// shell completion.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/version.h"
#include "warmstart/phases/recipe.h"
#include "warmstart/studies/study_file.h"

namespace warmstart {
namespace {

struct Command {
  std::string path;  ///< "bench memory"
  const CLI::App* app;
};

std::vector<Command> commands_of(const CLI::App& app, const std::string& path = "") {
  std::vector<Command> all;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string name = path + (path.empty() ? "" : " ") + sub->get_name();
    all.push_back({name, sub});
    for (auto& inner : commands_of(*sub, name)) all.push_back(std::move(inner));
  }
  return all;
}

// A command of its own, not only a folder of others.
bool runs(const Command& c) { return c.app->get_require_subcommand_min() == 0; }

// Options of no group are the program's own.
bool told(const CLI::Option& o) { return !o.get_group().empty() && o.get_name() != "--help"; }

std::string value_of(const CLI::Option& o) { return o.get_expected_max() == 0 ? "" : " " + o.get_type_name(); }

std::string help_of(const CLI::Option& o) {
  const std::string fallback = o.get_default_str();
  return o.get_description() + (fallback.empty() ? "" : " (default " + fallback + ")");
}

std::string usage(const Command& c) {
  std::string text = "warmstart " + c.path;
  for (const CLI::Option* o : c.app->get_options())
    if (o->get_positional()) text += o->get_required() ? " " + o->get_name(true) : " [" + o->get_name(true) + "]";
  return text + (runs(c) ? " [OPTION]..." : " COMMAND");
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  std::vector<const CLI::Option*> all;
  for (const CLI::Option* o : app.get_options())
    if (o->nonpositional() && told(*o)) all.push_back(o);
  return all;
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* o : options_of(app))
    for (const auto& name : o->get_lnames()) names.push_back("--" + name);
  return names;
}

// A table cell: no line breaks, no bars.
std::string cell(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') text[i] = ' ';
    if (text[i] == '|') text.insert(i++, "\\");
  }
  return text;
}

std::string key_row(const Field& f) {
  return fmt::format("| `{}` | `{}` | {} | {} | {} |\n", f.key, cell(f.toml()), cell(f.doc.help), cell(f.doc.unit), cell(f.doc.when));
}

// The tables of a study file with their keys.
struct StudyKeys {
  StudyFile study;
  StudyTask task;
  StudyArm arm;
  std::vector<std::pair<std::string, Fields>> tables() {
    return {{"top level", study.fields()}, {"[[task]]", task.fields()}, {"[[arm]]", arm.fields()}};
  }
};

std::string markdown(const CLI::App& app) {
  std::string out =
      "# Reference\n\nMade by `warmstart reference`; a test compares it with the program. In a shell, `warmstart COMMAND --help` and "
      "`warmstart "
      "explain KEY` say the same.\n\n## Commands\n";
  for (const Command& c : commands_of(app)) {
    out += fmt::format("\n### `{}`\n\n{}\n", usage(c), c.app->get_description());
    std::string rows;
    for (const CLI::Option* o : c.app->get_options())
      if (told(*o))
        rows += fmt::format("| `{}{}` | {} |\n", o->get_positional() ? o->get_name(true) : o->get_name(),
                            o->get_positional() ? "" : cell(value_of(*o)), cell(help_of(*o)));
    if (!rows.empty()) out += "\n| argument | |\n|---|---|\n" + rows;
  }
  out +=
      "\n## Recipe keys\n\nIn a recipe file a key stands below its section's header; on the command line it is `--section.key VALUE`.\n\n"
      "One more key stands at the top of a recipe file: `base = \"FILE\"`. It makes the recipe a diff of another one: keys that the file "
      "does "
      "not name are the base's. A base may have a base. `name`, `label` and `summary` are not passed on.\n\n"
      "Where files lie:\n\n"
      "- `base` is looked for in the folder of the file that names it, then in the working folder, then among the bundled recipes "
      "(`warmstart list recipes`). A RECIPE on the command line is looked for in the working folder, then among the bundled ones.\n"
      "- Every other relative path in a recipe (`data.path`, `env.plugin`, `collect.agent`, `collect.expert`) starts at the folder of the "
      "file that names it. Where nothing lies there it starts at the working folder; a dataset that `data.collect` makes is written "
      "there.\n"
      "- When two of these places hold different files, a line on standard error says which one is used.\n"
      "- A relative path on the command line starts at the working folder.\n"
      "- `~` at the start of a path is the home folder, in recipes and on the command line.\n\n"
      "`--small` takes the family's reduced sizes: the keys of `small.toml` beside the recipe or the nearest of its bases that has one "
      "(Adroit, AntMaze, Kitchen, locomotion, peg). Only what is larger in the recipe is reduced, and options of the command line win. "
      "`environment_steps` of that file are environment steps with the warmup counted: `finetune.steps` is what the warmup leaves. The "
      "run's "
      "name ends in `-small` and its label in `, small`.\n\n"
      "Lists are written `[64, 64]`, on the command line `64,64` as well.\n";
  Recipe defaults;
  const Fields fields = defaults.fields();
  std::string section = "?";
  for (const Field& f : fields.list()) {
    const std::string here = f.key.substr(0, f.key.find('.') == std::string::npos ? 0 : f.key.find('.'));
    if (here != section)
      out += fmt::format("\n### {}\n\n| key | default | meaning | unit | change |\n|---|---|---|---|---|\n",
                         here.empty() ? "top level" : "[" + here + "]");
    section = here;
    out += key_row(f);
  }
  out +=
      "\n## Study keys\n\nOf the files that `warmstart study` takes (docs/studies/README.md). Tables of recipe keys: `[set]` for every "
      "run, `set` of a task or an arm, and `[grid]`, whose values are lists. `recipe` is looked for as `base` is, from the study file's "
      "folder (`recipes/RECIPE` where the task has `recipes`); other relative paths start where a recipe's do.\n";
  StudyKeys study;
  for (const auto& [table, keys] : study.tables()) {
    out += fmt::format("\n### {}\n\n| key | default | meaning | unit | change |\n|---|---|---|---|---|\n", table);
    for (const Field& f : keys.list()) out += key_row(f);
  }
  return out;
}

// groff reads a leading dot or quote as a request and a bare minus as a hyphen.
std::string groff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += std::string("\\&") + c;
    else out += c;
  }
  return out;
}

std::string manual(const CLI::App& app) {
  std::string out = fmt::format(
      ".TH WARMSTART 1 \"\" \"warmstart {}\"\n.SH NAME\nwarmstart \\- offline\\-to\\-online reinforcement learning\n", WARMSTART_VERSION);
  out += ".SH SYNOPSIS\n.B warmstart\nCOMMAND [ARGUMENT]...\n.SH DESCRIPTION\n" + groff(app.get_description()) + "\n.SH COMMANDS\n";
  for (const Command& c : commands_of(app)) {
    out += ".SS \"" + groff(usage(c)) + "\"\n" + groff(c.app->get_description()) + "\n";
    for (const CLI::Option* o : c.app->get_options())
      if (told(*o))
        out +=
            ".TP\n.B " + groff(o->get_positional() ? o->get_name(true) : o->get_name() + value_of(*o)) + "\n" + groff(help_of(*o)) + "\n";
  }
  out += ".SH RECIPE KEYS\n";
  Recipe defaults;
  const Fields fields = defaults.fields();
  for (const Field& f : fields.list())
    out += ".TP\n.B " + groff(f.key + " = " + f.toml()) + "\n" + groff(f.doc.help) +
           (f.doc.unit.empty() ? "" : " (" + groff(f.doc.unit) + ")") + ".\nChange: " + groff(f.doc.when) + "\n";
  out +=
      ".SH EXIT STATUS\n0 done, 2 wrong usage or recipe, 3 bad data or checkpoint, 4 the run diverged, 5 the machine, 130 interrupted.\n";
  return out;
}

std::vector<std::string> keys() {
  Recipe defaults;
  const Fields fields = defaults.fields();
  std::vector<std::string> all;
  for (const Field& f : fields.list()) all.push_back("--" + f.key);
  return all;
}

// What may follow each command: subcommands, options, and the recipe keys where they are taken.
std::string words_after(const Command& c) {
  std::vector<std::string> words;
  for (const CLI::App* sub : c.app->get_subcommands([](const CLI::App*) { return true; })) words.push_back(sub->get_name());
  for (auto& o : long_options(*c.app)) words.push_back(o);
  if (c.app->get_allow_extras())
    for (auto& k : keys()) words.push_back(k);
  if (c.path == "list") words.insert(words.begin(), {"envs", "agents", "recipes"});
  if (c.path == "explain")
    for (auto& k : keys()) words.push_back(k.substr(2));
  return fmt::format("{}", fmt::join(words, " "));
}

std::string bash(const CLI::App& app) {
  std::string cases;
  for (const Command& c : commands_of(app)) cases += fmt::format("    '{}') words='{}' ;;\n", c.path, words_after(c));
  std::vector<std::string> verbs;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) verbs.push_back(sub->get_name());
  return fmt::format(R"(# bash completion of warmstart: source this file, or save it as /etc/bash_completion.d/warmstart
_warmstart() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} path=${{COMP_WORDS[1]-}} words
  [[ ${{COMP_WORDS[2]-}} == [a-z]* && $COMP_CWORD -gt 2 && $path == @(bench|data|study) ]] && path+=" ${{COMP_WORDS[2]}}"
  ((COMP_CWORD > 1)) || path=
  case $path in
    '') words='{}' ;;
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _warmstart warmstart
)",
                     fmt::join(verbs, " "), cases);
}

std::string quoted(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\'' || text[i] == '\\') text.insert(i++, "\\");
  return "'" + cell(text) + "'";
}

std::string fish(const CLI::App& app) {
  std::string out = "# fish completion of warmstart: save it as ~/.config/fish/completions/warmstart.fish\n";
  for (const Command& c : commands_of(app)) {
    const std::size_t space = c.path.find(' ');
    const std::string before =
        space == std::string::npos ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + c.path.substr(0, space);
    out += fmt::format("complete -c warmstart -n '{}' -a {} -d {}\n", before, c.app->get_name(), quoted(c.app->get_description()));
    const std::string seen = "__fish_seen_subcommand_from " + c.app->get_name();
    for (const CLI::Option* o : options_of(*c.app))
      for (const auto& name : o->get_lnames())
        out += fmt::format("complete -c warmstart -n '{}' -l {}{} -d {}\n", seen, name, o->get_expected_max() ? " -r" : "",
                           quoted(o->get_description()));
    if (c.app->get_allow_extras()) {
      Recipe defaults;
      const Fields fields = defaults.fields();
      for (const Field& f : fields.list())
        out += fmt::format("complete -c warmstart -n '{}' -l {} -r -d {}\n", seen, f.key, quoted(f.doc.help));
    }
  }
  return out;
}

// zsh reads bash's completion functions
std::string zsh(const CLI::App& app) { return "#compdef warmstart\nautoload -Uz bashcompinit && bashcompinit\n" + bash(app); }

}  // namespace

void add_reference(CLI::App& app) {
  auto format = std::make_shared<std::string>("markdown");
  CLI::App* verb = app.add_subcommand("reference", "every command and recipe key, as Markdown, manual page or shell completion");
  verb->add_option("--format", *format, "markdown, man, bash, zsh or fish")
      ->capture_default_str()
      ->check(CLI::IsMember({"markdown", "man", "bash", "zsh", "fish"}));
  verb->callback([format, &app] {
    const std::string text = *format == "man"    ? manual(app)
                             : *format == "bash" ? bash(app)
                             : *format == "zsh"  ? zsh(app)
                             : *format == "fish" ? fish(app)
                                                 : markdown(app);
    fmt::print("{}", text);
  });
}

}  // namespace warmstart
