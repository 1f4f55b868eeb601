// Runs with a known story, for the tests of the report.
#pragma once
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../support.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/report_stats.h"

namespace warmstart {

using nlohmann::json;

inline MetricsRow eval(const std::string& phase, std::int64_t step, double success, double ret, const std::string& kind = "eval") {
  return {phase, step, kind, {{"return_mean", ret}, {"success_rate", success}}};
}

// before 0.5, falls to 0.2, ends at `final`
inline std::vector<MetricsRow> story(double final) {
  return {eval("pretrain", 1000, 0.4, 40),
          {"pretrain", 1000, "train", {{"critic_loss", 0.125}, {"q_mean", -3.0625}}},
          eval("warmup", 0, 0.5, 50, "switch"),
          eval("finetune", 100, 0.2, 20),
          {"finetune", 100, "train", {{"critic_loss", 0.75}, {"q_online", 1.03125}}},
          eval("finetune", 200, final, 100 * final)};
}

inline RunFiles in_memory(std::vector<MetricsRow> rows, const std::string& label = "wsrl", const std::string& seed = "0") {
  RunFiles run;
  run.folder = "memory";
  run.label = label, run.seed = seed, run.rows = std::move(rows);
  return run;
}

inline void write_run(const fs::path& folder, const std::vector<MetricsRow>& rows, const json& info = {}, const std::string& recipe = "") {
  MetricsLog log(folder, {});
  for (const auto& row : rows) log.write(row);
  if (!info.is_null()) spill(folder / "run.json", info.dump());
  if (!recipe.empty()) spill(folder / "recipe.toml", recipe);
}

inline std::string message_of(const std::function<void()>& call, Exit code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace warmstart
