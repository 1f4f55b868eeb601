#include "warmstart/io/d4rl.h"

#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/hdf5_writer.h"

namespace warmstart {
namespace {

void check_rows(const std::string& where, const std::string& key, std::size_t rows, std::size_t steps) {
  if (rows != steps)
    throw data_error(fmt::format("key '{}' has {} rows, observations has {}", key, rows, steps), where,
                     "every array needs one row per step");
}

}  // namespace

void write_d4rl(const std::filesystem::path& path, const D4rlFile& data) {
  const auto steps = static_cast<std::size_t>(data.observations.rows());
  check_rows(path.string(), "actions", static_cast<std::size_t>(data.actions.rows()), steps);
  check_rows(path.string(), "rewards", data.rewards.size(), steps);
  check_rows(path.string(), "terminals", data.terminals.size(), steps);
  check_rows(path.string(), "timeouts", data.timeouts.size(), steps);
  if (data.next_observations.rows())
    check_rows(path.string(), "next_observations", static_cast<std::size_t>(data.next_observations.rows()), steps);
  for (const auto& [name, table] : data.infos) {
    check_rows(path.string(), "infos/" + name, static_cast<std::size_t>(table.rows), steps);
    check_rows(path.string(), "infos/" + name, table.values.size(), steps * static_cast<std::size_t>(table.cols));
  }

  std::vector<std::uint8_t> image;
  {
    const std::lock_guard lock(hdf5_mutex());
    const SilencedHdf5 silence;
    Hdf5Writer file;
    const auto matrix = [&](const std::string& key, const Matrix& m) {
      file.write(key, std::span<const float>(m.data(), m.size()), steps, static_cast<std::size_t>(m.cols()));
    };
    matrix("observations", data.observations);
    matrix("actions", data.actions);
    file.write("rewards", std::span<const float>(data.rewards), steps, 0);
    file.write_flags("terminals", data.terminals);
    file.write_flags("timeouts", data.timeouts);
    if (data.next_observations.rows()) matrix("next_observations", data.next_observations);
    if (!data.infos.empty()) file.group("infos");
    for (const auto& [name, table] : data.infos)
      file.write("infos/" + name, std::span<const double>(table.values), steps, static_cast<std::size_t>(table.cols));
    if (!data.metadata.empty() || !data.action_low.empty()) file.group("metadata");
    for (const auto& [name, value] : data.metadata) file.write_text("metadata/" + name, value);
    if (!data.action_low.empty()) {
      file.write("metadata/action_low", std::span<const double>(data.action_low), data.action_low.size(), 0);
      file.write("metadata/action_high", std::span<const double>(data.action_high), data.action_high.size(), 0);
    }
    image = file.image();
  }
  write_atomically(path, image);
}

}  // namespace warmstart
