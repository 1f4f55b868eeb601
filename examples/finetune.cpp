// The three phases from a program, with callbacks: every row of metrics arrives here, and the program stops the run when it is good.
//   finetune RECIPE FOLDER [STOP_RETURN]      e.g. finetune recipes/quick/wsrl.toml runs/mine
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "warmstart/warmstart.h"

using namespace warmstart;

int main(int argc, char** argv) try {
  if (argc < 3) throw usage_error("arguments are missing", "command line", "finetune RECIPE FOLDER [STOP_RETURN]");
  const double good_enough = argc > 3 ? std::atof(argv[3]) : std::numeric_limits<double>::infinity();
  RunOptions options{.folder = argv[2], .threads = available_cpus(), .resume = true};  // goes on where it stopped, or begins

  options.progress = [](const Progress& p) {
    if (!p.note.empty()) std::fprintf(stderr, "%s\n", p.note.c_str());
    else std::fprintf(stderr, "%s %ld of %ld, %.0f steps/s\n", phase_name(p.phase), long(p.step), long(p.steps), p.steps_per_second);
  };
  options.on_metrics = [&](const MetricsRow& row) {
    for (const auto& [name, value] : row.values) {
      if (name != "return_mean") continue;
      std::printf("%s %s at step %ld: return %.2f\n", row.phase.c_str(), row.kind.c_str(), long(row.step), value);
      // a flag, as a signal handler sets it: the run saves itself before its next step and ends with Exit::kInterrupted
      if (row.phase == "finetune" && value >= good_enough) stop_requested() = true;
    }
  };
  std::signal(SIGINT, [](int) { stop_requested() = true; });

  Run run(load_recipe(argv[1]), options);
  pretrain(run);  // each phase does nothing when it was done before; finetune needs no dataset
  warmup(run);
  finetune(run);
  // a budget of the recipe (run.max_steps, run.max_seconds) ends a run without an error: it is saved, and a later call goes on
  if (run.finished()) std::printf("done: %s\n", (run.options.folder / "final.safetensors").c_str());
  else std::printf("%s\n", run.stopped().c_str());
} catch (const Error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return static_cast<int>(e.code());
}
