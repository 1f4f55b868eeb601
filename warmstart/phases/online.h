// What warm-up and fine-tuning share: one step of the world into the buffer.
#pragma once
#include "warmstart/phases/run.h"

namespace warmstart {

/// The acting policy makes one step; the transition goes into the buffer with reward scale * r + bias and mask 0 at true
/// ends; counters and episode metrics move on.
void collect_step(Run& run);

}  // namespace warmstart
