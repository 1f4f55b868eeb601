// `warmstart collect`: makes an offline dataset with a scripted policy.
#include "warmstart/phases/collect.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/apps/world_options.h"
#include "warmstart/envs/plugin_env.h"

namespace warmstart {
namespace {

struct Options {
  EnvConfig env;
  CollectConfig config;
  std::string out;
  SafetyConfig safety;
  bool policy_given = false;
};

/// One line that rewrites itself on a terminal; silent in a log file, where it would only be noise.
void show_progress(std::int64_t done, std::int64_t all) {
  if (!isatty(STDERR_FILENO)) return;
  fmt::print(stderr, "\rcollecting {:3.0f}%  {} of {} steps{}", 100.0 * static_cast<double>(done) / static_cast<double>(all), done, all,
             done == all ? "\n" : "");
}

void run(Options& o) {
  // a task of one's own has no driver here
  if (!o.policy_given && !o.env.plugin.empty()) o.config.policy = o.config.agent.empty() ? "random" : "agent";
  if (!o.policy_given && o.env.plugin.empty() && !o.config.agent.empty()) o.config.policy = "agent";
  if (is_machine(o.env) && o.safety.off())
    fmt::print(stderr, "note: {} has no save and load, as a machine, and nothing limits its actions: see --safety.max_action_change\n",
               o.env.plugin);
  const CollectReport r = collect(
      o.env, o.config, o.out, [&](std::int64_t done) { show_progress(done, o.config.steps); }, o.safety);
  for (const std::string& note : r.notes) fmt::print("{}\n", note);
  const bool success = env_spec(o.env).reports_success;
  fmt::print("{}: {} steps of {} by policy {}, {} episodes of {:.0f} steps, mean return {:.4g}{}, {:.0f} steps/s\n", o.out, r.steps,
             env_spec(o.env).id, o.config.policy, r.episodes, r.mean_length, r.mean_return,
             success ? fmt::format(", success {:.1f}%", 100 * r.success_share) : "", r.steps_per_second);
}

}  // namespace

void add_collect(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("collect", "Make an offline dataset (D4RL layout) with a scripted policy");
  verb->add_option("--env", o->env.id, "Environment id (see `warmstart list envs`)")->capture_default_str();
  as_path(verb->add_option("--env-plugin", o->env.plugin, "Shared object with an environment of your own, in place of --env"));
  verb->add_option("--max-episode-steps", o->env.max_episode_steps, "Time limit, 0 = the task's own")->capture_default_str();
  add_world_options(*verb, o->env);
  as_path(verb->add_option("--out", o->out, "HDF5 file to write; replaced when it is there"))->required();
  // Every setting of the collector, with the texts and limits it declares itself.
  const Fields fields = o->config.fields();
  for (const Field& field : fields.list()) {
    std::string option = "--" + field.key.substr(field.key.find('.') + 1);
    for (char& c : option)
      if (c == '_') c = '-';
    const std::string kind = field.type_name();
    verb->add_option_function<std::string>(
            option,
            [field, option, o](const std::string& text) {
              field.set_text(text, "option " + option);
              o->policy_given = o->policy_given || option == "--policy";
            },
            field.doc.help + (field.doc.when.empty() ? "" : "; " + field.doc.when))
        ->type_name(field.doc.path         ? "PATH"
                    : kind == "an integer" ? "INT"
                    : kind == "a number"   ? "FLOAT"
                                           : "TEXT")
        ->default_str(field.toml());
  }
  const Fields limits = o->safety.fields();
  for (const Field& field : limits.list())
    verb->add_option_function<std::string>(
        "--" + field.key, [field](const std::string& text) { field.set_text(text, "command line, --" + field.key); }, field.doc.help);
  verb->callback([o] { run(*o); });
}

}  // namespace warmstart
