// Small datasets with known numbers, scratch folders, and "this must fail and say so".
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "warmstart/core/error.h"
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

/// A fresh folder that goes away with the test.
struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "warmstart-test-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

/// Runs `task`, which must throw Error(code) whose text holds every one of `parts`.
template <class Task>
void expect_error(Exit code, const std::vector<std::string>& parts, Task&& task) {
  try {
    task();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    for (const auto& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "'" << part << "' is not in: " << error.what();
    return;
  }
  ADD_FAILURE() << "no error";
}

}  // namespace warmstart
