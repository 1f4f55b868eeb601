// train, pretrain, finetune: the three phases together or apart.
#include <filesystem>

#include "warmstart/apps/path_option.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/phases/train.h"

namespace warmstart {
namespace {

CLI::App* add_run_verb(CLI::App& app, const std::string& name, const std::string& help, std::function<void(Run&)> body, PhasesToRun phases,
                       bool with_from = false) {
  CLI::App* verb = app.add_subcommand(name, help);
  auto args = std::make_shared<RunArguments>();
  add_run_options(*verb, *args);
  args->phases = phases;
  if (with_from)
    as_path(
        verb->add_option("--from", args->from, "pretrained.safetensors to start from; no dataset is needed unless the recipe retains it"))
        ->required();
  verb->callback([args, verb, body = std::move(body)] { for_each_seed(*args, *verb, body); });
  return verb;
}

}  // namespace

void add_train(CLI::App& app) { add_run_verb(app, "train", "pre-train, warm up and fine-tune in one run", train, {}); }

void add_pretrain(CLI::App& app) {
  add_run_verb(app, "pretrain", "offline RL on a dataset; leaves pretrained.safetensors",
               [](Run& run) {
                 pretrain(run);
                 if (run.state.phase == Phase::kWarmup && run.state.online_steps == 0 && !run.state.evaluating)
                   run.write_info("done");  // all that was asked for
               },
               {.online = false});
}

void add_finetune(CLI::App& app) {
  add_run_verb(app, "finetune", "warm up and fine-tune online from a pre-trained file, without the dataset", train, {.pretrain = false},
               true);
}

}  // namespace warmstart
