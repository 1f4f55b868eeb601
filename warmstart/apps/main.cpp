#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>

#include "warmstart/apps/run_options.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/stop.h"
#include "warmstart/core/text.h"
#include "warmstart/core/version.h"

namespace {

// The first Ctrl-C asks to save and stop; a second one ends the process at once.
void on_signal(int signal) {
  if (warmstart::stop_requested().exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

// Generated matrix kernels keep values below the stack pointer, beyond what the ABI protects: a handler on their stack overwrites them.
void handle_on_own_stack(int signal) {
  alignas(64) static char stack[1 << 16];
  const stack_t own{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&own, nullptr);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

// On a terminal the progress line may still be open.
const char* fresh_line() { return ::isatty(STDERR_FILENO) ? "\n" : ""; }

namespace ws = warmstart;

// "warmstart data" for `data`.
std::string full_name(const CLI::App& app) { return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : "warmstart"; }

// What does not lead to a command. The parser would answer `nosuchverb --help` with the help of what stands before it, and exit code 0.
void check_commands(const CLI::App& top, int argc, char** argv) {
  const std::string where = "command line";
  const CLI::App* app = &top;
  for (int i = 1;; ++i) {
    const std::vector<const CLI::App*> commands = app->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) return;
    std::vector<std::string> names;
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    const std::string word = i < argc ? argv[i] : "", name = full_name(*app), help = fmt::format("`{} --help` lists all", name);
    if (word.empty() && app->get_require_subcommand_min() > 0)
      throw ws::usage_error("a command is missing after " + name, where, fmt::format("give one of {}; {}", ws::join(names), help));
    if (word.empty() || word[0] == '-') return;
    const auto named = std::find(names.begin(), names.end(), word);
    if (named == names.end()) {
      const auto options = app->get_options();
      const bool takes_file = std::any_of(options.begin(), options.end(), [](const CLI::Option* o) { return o->get_positional(); });
      if (takes_file && (word.find_first_of("./~") != std::string::npos || std::filesystem::exists(word))) return;
      throw ws::usage_error(takes_file ? fmt::format("{} is neither a file nor a command of {}", word, name)
                                       : fmt::format("unknown command {} after {}", word, name),
                            where, fmt::format("did you mean {}? {}", ws::nearest_name(word, names), help));
    }
    app = commands[static_cast<std::size_t>(named - names.begin())];
  }
}

// One look for all of --help, whatever the verbs' own files write.
void capitalize(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    std::string text = command->get_description();
    if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    command->description(text);
    capitalize(*command);
  }
}

// The options of the command that was reached, for a word that none of them is.
std::string nearest_option(const CLI::App& top, const std::string& word) {
  const CLI::App* app = &top;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  std::vector<std::string> names;
  for (const CLI::Option* option : app->get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return fmt::format("did you mean {}? `{} --help` lists all", ws::nearest_name(word.substr(0, word.find('=')), names), full_name(*app));
}

int run(int argc, char** argv) {
  using namespace warmstart;
  CLI::App app{
      "Warmstart: offline-to-online reinforcement learning.\n"
      "Pre-train on a dataset, warm up, fine-tune online without it (WSRL, arXiv 2412.07762)."};
  app.require_subcommand(1);
  app.set_version_flag("--version", WARMSTART_VERSION);
  app.footer(
      "First try:  warmstart train recipes/quick/wsrl.toml        (from any folder)\n"
      "Then:       warmstart list recipes; warmstart explain warm_up.steps; warmstart COMMAND --help\n"
      "Exit codes: 0 done, 2 usage or recipe, 3 data or checkpoint, 4 diverged, 5 machine, 130 interrupted.");
  add_train(app);
  add_pretrain(app);
  add_finetune(app);
  add_import(app);
  add_eval(app);
  add_advise(app);
  add_export(app);
  add_collect(app);
  add_data(app);
  add_report(app);
  add_study(app);
  add_list(app);
  add_explain(app);
  add_reference(app);
  add_replay(app);
  add_render(app);
  add_bench(app);
  add_doctor(app);
  // these save what they have, or throw away what is not whole; all others end at once
  const auto handle = [](std::size_t) {
    handle_on_own_stack(SIGINT);
    handle_on_own_stack(SIGTERM);
  };
  for (const char* verb : {"train", "pretrain", "finetune", "eval", "advise", "collect", "report", "study", "render"})
    app.get_subcommand(verb)->preparse_callback(handle);
  app.get_subcommand("data")->get_subcommand("pack")->preparse_callback(handle);
  for (int i = 0; i < argc; ++i) command_line() += (i ? " " : "") + shell_word(argv[i]);
  capitalize(app);
  check_commands(app, argc, argv);
  try {
    app.parse(argc, argv);
    return static_cast<int>(Exit::kDone);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ExtrasError& e) {
    const std::vector<std::string> extras = app.remaining(true);
    const std::string word = extras.empty() ? "" : extras.front();
    if (word.rfind("--", 0) == 0) throw usage_error("unknown option " + word, "command line", nearest_option(app, word));
    throw usage_error("unexpected argument " + word, "command line", "see --help after the command");
  } catch (const CLI::ParseError& e) {
    throw usage_error(e.what(), "command line", "see `warmstart --help`, or --help after a command");
  }
}

}  // namespace

int main(int argc, char** argv) {
  using warmstart::Exit;
  std::signal(SIGXFSZ, SIG_IGN);  // a file limit then shows as a failed write, with its own message
  try {
    return run(argc, argv);
  } catch (const warmstart::Error& e) {
    std::fflush(stdout);  // an error that speaks of lines above stands below them, in a pipe too
    // whoever asked for a stop got one: nothing went wrong
    fmt::print(stderr, "{}{}{}\n", fresh_line(), e.code() == Exit::kInterrupted ? "" : "error: ", e.what());
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "{}error: out of memory (this machine): lower run.replay_capacity or the batch, or use a larger machine\n",
               fresh_line());
    return static_cast<int>(Exit::kMachine);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}error: {} (unexpected): please report this with the command\n", fresh_line(), e.what());
    return static_cast<int>(Exit::kMachine);
  }
}
