// Small datasets with known numbers.
#pragma once
#include <filesystem>
#include <string>

#include "../support.h"
#include "warmstart/data/dataset.h"

namespace warmstart {

inline std::filesystem::path golden(const std::string& name) { return std::filesystem::path(WARMSTART_GOLDEN) / "data" / name; }

/// The values of h5py_check.py: two episodes of 3 steps, the first ends in a terminal, the second by a time limit.
inline D4rlFile six_steps() {
  D4rlFile f;
  f.observations.resize(6, 3);
  f.actions.resize(6, 2);
  for (int i = 0; i < 18; ++i) f.observations.data()[i] = static_cast<float>(i) / 8;
  for (int i = 0; i < 12; ++i) f.actions.data()[i] = static_cast<float>(i) / 16 - 0.5f;
  f.rewards = {0, 0, 1, 0, 0, 0};
  f.terminals = {0, 0, 1, 0, 0, 0};
  f.timeouts = {0, 0, 0, 0, 0, 1};
  DoubleTable qpos{6, 2, {}};
  for (int i = 0; i < 12; ++i) qpos.values.push_back(i / 3.0);
  f.infos["qpos"] = qpos;
  f.metadata["algorithm"] = "SAC";
  return f;
}

}  // namespace warmstart
