#include "warmstart/data/pack_dataset.h"

#include "warmstart/core/error.h"
#include "warmstart/core/stop.h"

namespace warmstart {

PackSizes pack_dataset(CheckedSteps& steps, const std::filesystem::path& path) {
  const StepsLayout& layout = steps.layout();
  if (layout.steps == 0 || layout.obs_size == 0 || layout.action_size == 0)
    throw data_error("the dataset is empty", layout.path, "there is nothing to pack");
  PackWriter writer(path, steps.layout_of_copy(), static_cast<float>(DatasetOptions{}.action_clip));
  D4rlFile slab;
  for (std::size_t done = 0; done < layout.steps; done += slab.rewards.size()) {
    stop_unsaved_if_asked("packing");
    steps.read(kSlabSteps, slab);
    writer.add(slab);
  }
  throw_problems(steps.findings(), layout.path);
  return writer.finish();
}

}  // namespace warmstart
