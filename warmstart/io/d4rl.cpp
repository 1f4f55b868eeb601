#include "warmstart/io/d4rl.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/io/crash_guard.h"
#include "warmstart/io/hdf5_file.h"

namespace warmstart {
namespace {

// largest array accepted, in values: more than any D4RL file, less than what makes a damaged header eat the machine
constexpr std::size_t kMaxValues = std::size_t{1} << 33;

std::size_t checked_count(const Hdf5Reader& file, const std::string& key, const Hdf5Shape& shape) {
  std::size_t count = 1;
  for (const auto d : shape.dims)
    if (d > INT_MAX || (count *= std::max<std::size_t>(d, 1)) > kMaxValues)
      throw data_error("key '" + key + "' is too large: shape " + shape.text(), file.path(),
                       "split the file, or copy it again if it was damaged");
  return shape.count();
}

Hdf5Shape number_shape(const Hdf5Reader& file, const std::string& key) {
  if (!file.has(key)) {
    const auto names = file.keys("/");
    const bool minari = std::any_of(names.begin(), names.end(), [](const auto& n) { return n.rfind("episode_", 0) == 0; });
    std::string remedy = "the file has: " + (names.empty() ? std::string("no keys at all") : join(names));
    if (minari) remedy = "this is Minari's layout (episode_0, ...); convert it to D4RL's flat layout";
    else if (!names.empty()) remedy += fmt::format("; the nearest name is '{}'", nearest_name(key, names));
    throw data_error("key '" + key + "' is missing", file.path(), remedy);
  }
  const Hdf5Shape shape = file.shape(key);
  if (shape.kind != Hdf5Kind::kNumber)
    throw data_error(fmt::format("key '{}' holds {} data, not numbers", key, shape.type), file.path(), "write it as a plain float array");
  checked_count(file, key, shape);
  return shape;
}

Matrix read_table(const Hdf5Reader& file, const std::string& key) {
  const Hdf5Shape shape = number_shape(file, key);
  if (shape.dims.size() != 2)
    throw data_error(fmt::format("key '{}' has shape {}", key, shape.text()), file.path(),
                     "it must be (steps, size): one flat row per step");
  Matrix table(static_cast<int>(shape.dims[0]), static_cast<int>(shape.dims[1]));
  file.read(key, std::span<float>(table.data(), table.size()));
  return table;
}

std::vector<float> read_column(const Hdf5Reader& file, const std::string& key) {
  const Hdf5Shape shape = number_shape(file, key);
  if (shape.dims.size() != 1 && !(shape.dims.size() == 2 && shape.dims[1] == 1))
    throw data_error(fmt::format("key '{}' has shape {}", key, shape.text()), file.path(),
                     "it must be (steps,) or (steps, 1): one number per step");
  std::vector<float> values(shape.count());
  file.read(key, std::span<float>(values));
  return values;
}

std::vector<std::uint8_t> read_flags(const Hdf5Reader& file, const std::string& key) {
  const auto values = read_column(file, key);
  std::vector<std::uint8_t> flags(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0 && values[i] != 1)
      throw data_error(fmt::format("key '{}' holds {} in row {}", key, values[i], i), file.path(), "flags must be 0 or 1");
    flags[i] = values[i] != 0;
  }
  return flags;
}

std::map<std::string, DoubleTable> read_infos(const Hdf5Reader& file, std::size_t steps) {
  std::map<std::string, DoubleTable> infos;
  for (const auto& name : file.keys("infos")) {
    const std::string key = "infos/" + name;
    const Hdf5Shape shape = file.shape(key);
    // images, strings and nested groups are nothing that a transition needs
    if (shape.kind != Hdf5Kind::kNumber || shape.dims.empty() || shape.dims.size() > 2) continue;
    checked_count(file, key, shape);
    if (shape.dims[0] != steps)
      throw data_error(fmt::format("key '{}' has {} rows, observations has {}", key, shape.dims[0], steps), file.path(),
                       "every array needs one row per step");
    DoubleTable& table = infos[name];
    table.rows = static_cast<int>(steps);
    table.cols = shape.dims.size() == 2 ? static_cast<int>(shape.dims[1]) : 1;
    table.values.resize(shape.count());
    file.read(key, std::span<double>(table.values));
  }
  return infos;
}

std::map<std::string, std::string> read_metadata(const Hdf5Reader& file) {
  std::map<std::string, std::string> metadata;
  for (auto& [name, value] : file.text_attributes()) metadata[name] = value;
  for (const auto& name : file.keys("metadata")) {
    const std::string key = "metadata/" + name;
    const Hdf5Shape shape = file.shape(key);
    if (shape.kind == Hdf5Kind::kText) metadata[name] = file.read_text(key);
    // network weights stored beside the data stay out; a few numbers become text
    if (shape.kind == Hdf5Kind::kNumber && shape.dims.size() <= 1 && shape.count() <= 16) {
      std::vector<double> values(shape.count());
      file.read(key, std::span<double>(values));
      metadata[name] = fmt::format("{}", fmt::join(values, " "));
    }
  }
  return metadata;
}

void check_rows(const std::string& where, const std::string& key, std::size_t rows, std::size_t steps) {
  if (rows != steps)
    throw data_error(fmt::format("key '{}' has {} rows, observations has {}", key, rows, steps), where,
                     "every array needs one row per step");
}

}  // namespace

D4rlFile read_d4rl(const std::filesystem::path& path) {
  const std::lock_guard lock(hdf5_mutex());
  const SilencedHdf5 silence;
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(path, unknown);  // HDF5 reads some 50 MB/s, unpacking included
  const CrashGuard guard(
      data_error("dataset file makes the HDF5 library fail", path.string(), "it is damaged; copy or download it again").what(),
      2 + (unknown ? 0.0 : 1e-6 * static_cast<double>(bytes)));
  const Hdf5Reader file(path);
  D4rlFile data;
  data.observations = read_table(file, "observations");
  const auto steps = static_cast<std::size_t>(data.observations.rows());
  data.actions = read_table(file, "actions");
  check_rows(file.path(), "actions", static_cast<std::size_t>(data.actions.rows()), steps);
  data.rewards = read_column(file, "rewards");
  check_rows(file.path(), "rewards", data.rewards.size(), steps);
  data.terminals = read_flags(file, "terminals");
  check_rows(file.path(), "terminals", data.terminals.size(), steps);
  data.timeouts = read_flags(file, "timeouts");
  check_rows(file.path(), "timeouts", data.timeouts.size(), steps);
  if (file.has("next_observations")) {
    data.next_observations = read_table(file, "next_observations");
    check_rows(file.path(), "next_observations", static_cast<std::size_t>(data.next_observations.rows()), steps);
    if (data.next_observations.cols() != data.observations.cols())
      throw data_error(
          fmt::format("next_observations has {} columns, observations has {}", data.next_observations.cols(), data.observations.cols()),
          file.path(), "both must be rows of the same observation");
  }
  data.infos = read_infos(file, steps);
  data.metadata = read_metadata(file);
  return data;
}

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
    if (!data.metadata.empty()) file.group("metadata");
    for (const auto& [name, value] : data.metadata) file.write_text("metadata/" + name, value);
    image = file.image();
  }
  write_atomically(path, image);
}

}  // namespace warmstart
