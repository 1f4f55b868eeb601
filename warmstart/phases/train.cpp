#include "warmstart/phases/train.h"

namespace warmstart {

bool train(Run& run) {
  pretrain(run);  // offline RL on the dataset
  warmup(run);    // K steps of the frozen policy seed an empty buffer
  finetune(run);  // online RL from that buffer alone (or a mixture, if the recipe says so)
  return run.finished();
}

}  // namespace warmstart
