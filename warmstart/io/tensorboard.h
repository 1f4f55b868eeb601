// TensorBoard's event files: a TFRecord stream of Event messages. Scalars, each a 32-bit float, as TensorBoard shows them, and what the run
// was made of: text, and the settings for the HParams tab.
// Layout: docs/formats/metrics.md.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace warmstart {

struct ScalarEvent {
  double wall_time = 0;  ///< seconds since 1970
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> values;  ///< (tag, value)
};

/// The first record of a file: its version.
std::string tensorboard_header(double wall_time);
/// One event as a record, to be appended.
std::string tensorboard_record(const ScalarEvent& event);

/// Markdown under a tag of the Text tab.
std::string tensorboard_text(double wall_time, const std::string& tag, const std::string& markdown);

/// A setting of a run, by the name of its key.
using HParam = std::pair<std::string, std::variant<bool, double, std::string>>;
/// The start of a session of the HParams plugin: what TensorBoard compares runs by.
std::string tensorboard_hparams(double wall_time, const std::vector<HParam>& settings);

/// CRC-32C (Castagnoli), and as TFRecord stores it.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace warmstart
