#include "warmstart/io/metrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <limits>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"
#include "warmstart/io/json_text.h"
#include "warmstart/io/tensorboard.h"
#include "warmstart/io/toml.h"

namespace warmstart {
namespace {

const char* const kCsvHeader = "phase,step,kind,name,value\n";
const char* const kDiskRemedy = "free disk space, then resume from the last checkpoint";

[[noreturn]] void write_failed(const fs::path& path) {
  throw machine_error("cannot write: " + errno_text(errno ? errno : EIO), path.string(), kDiskRemedy);
}

// shortest text that reads back as the same number; JSON parsers take "-0" for the integer 0
std::string number(double value) { return value == 0 && std::signbit(value) ? "-0.0" : fmt::format("{}", value); }
std::string json_number(double value) { return std::isfinite(value) ? number(value) : "null"; }
std::string quoted(const std::string& text) { return json_text(nlohmann::json(text)); }

// opens for appending after cutting back to `committed` bytes
std::ofstream open_at(const fs::path& path, std::uint64_t committed) {
  std::error_code none;
  const std::uint64_t size = fs::exists(path) ? fs::file_size(path, none) : 0;
  if (size < committed)
    throw data_error(fmt::format("{} bytes, the checkpoint has committed {}", size, committed), path.string(),
                     "the file was changed after the run: restore it, or start a new run");
  if (size > committed) {
    std::error_code error;
    fs::resize_file(path, committed, error);
    if (error) throw machine_error("cannot cut back: " + error.message(), path.string(), "make the run folder writable");
  }
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::app);
  if (!out) throw machine_error("cannot open: " + errno_text(errno ? errno : EIO), path.string(), "make the run folder writable");
  return out;
}

// bytes up to and with the last newline: what a crash has left whole
std::uint64_t whole_lines(const fs::path& path) {
  if (!fs::exists(path)) return 0;
  const std::string text = read_text(path);
  const auto last = text.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

void append(std::ofstream& out, const std::string& text, const fs::path& path) {
  errno = 0;
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();  // rows are rare: a full disk shows at the row that hits it, and `tail -f` works
  if (!out) write_failed(path);
}

void sync_file(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) write_failed(path);
  const int failed = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  errno = error;
  if (failed) write_failed(path);
}

double unix_time() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

bool reserved(const std::string& name) { return name == "phase" || name == "step" || name == "kind"; }

// `kind` is that of rows that do not say theirs; "" = they must
std::vector<MetricsRow> read_rows(const fs::path& path, const std::string& kind) {
  const std::string text = read_text(path);
  std::vector<MetricsRow> rows;
  std::size_t begin = 0, number_of_line = 0;
  // a last line without its newline is still being written, or was torn by a crash
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ++number_of_line;
    if (end == begin) continue;
    MetricsRow row;
    try {
      const auto line =
          nlohmann::ordered_json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end));
      row.phase = line.at("phase").get<std::string>();
      row.step = line.at("step").get<std::int64_t>();
      row.kind = kind.empty() ? line.at("kind").get<std::string>() : kind;
      for (const auto& [name, value] : line.items())
        if (!reserved(name))
          row.values.emplace_back(name, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    } catch (const nlohmann::json::exception& error) {
      throw data_error(fmt::format("malformed metrics: {}", error.what()), fmt::format("{}, line {}", path.string(), number_of_line),
                       "remove that line");
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// every key of a recipe, as the HParams tab takes it
std::vector<HParam> settings_of(const std::string& recipe) {
  std::vector<HParam> out;
  for (const auto& [key, value] : parse_toml(recipe, "recipe.toml")) {
    HParam one{key, ""};
    if (const auto* flag = std::get_if<bool>(&value)) one.second = *flag;
    else if (const auto* whole = std::get_if<std::int64_t>(&value)) one.second = static_cast<double>(*whole);
    else if (const auto* real = std::get_if<double>(&value); real && std::isfinite(*real)) one.second = *real;
    else if (real) one.second = fmt::format("{}", *real);  // its page reads JSON, which has no such numbers
    else if (const auto* text = std::get_if<std::string>(&value)) one.second = *text;
    else if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) one.second = fmt::format("[{}]", fmt::join(*list, ", "));
    else one.second = fmt::format("[{}]", fmt::join(std::get<std::vector<double>>(value), ", "));
    out.push_back(std::move(one));
  }
  return out;
}

// the numbers of a row as lines of the table
std::string table_of(const MetricsRow& row) {
  std::string table;
  for (const auto& [name, value] : row.values)
    table += fmt::format("{},{},{},{},{}\n", csv_field(row.phase), row.step, csv_field(row.kind), csv_field(name), number(value));
  return table;
}

// a row as records of the event file; an evaluation is there a second time, in one curve over the switch
std::string events_of(const MetricsRow& row, std::int64_t pretrain_steps) {
  ScalarEvent event{.wall_time = unix_time(), .step = row.step};
  for (const auto& [name, value] : row.values) event.values.emplace_back(fmt::format("{}/{}/{}", row.phase, row.kind, name), value);
  std::string records = tensorboard_record(event);
  if (row.kind == "eval" || row.kind == "switch") {
    for (std::size_t i = 0; i < row.values.size(); ++i) event.values[i].first = "eval/" + row.values[i].first;
    if (row.phase != "pretrain") event.step += pretrain_steps;
    records += tensorboard_record(event);
  }
  return records;
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& folder, const Offsets& committed, MetricsFiles files, const std::string& recipe,
                       std::int64_t pretrain_steps)
    : folder_(folder), files_(files) {
  make_folder(folder);
  jsonl_ = open_at(folder / "metrics.jsonl", committed.jsonl);
  timing_ = open_at(folder / "timing.jsonl", whole_lines(folder / "timing.jsonl"));
  // one that is asked for in the middle of a run begins with all that was logged before
  const bool csv_anew = files.csv && committed.csv == 0, tensorboard_anew = files.tensorboard && committed.tensorboard == 0;
  std::vector<MetricsRow> before;
  if (committed.jsonl > 0 && (csv_anew || tensorboard_anew)) before = read_metrics(folder);
  if (files.csv) csv_ = open_at(folder / "metrics.csv", committed.csv);
  if (csv_anew) {
    std::string text = kCsvHeader;
    for (const MetricsRow& row : before) text += table_of(row);
    append(csv_, text, folder / "metrics.csv");
  }
  if (files.tensorboard) tensorboard_ = open_at(folder / kTensorBoardFile, committed.tensorboard);
  if (tensorboard_anew) {
    std::string text = tensorboard_header(unix_time());
    if (!recipe.empty())
      text +=
          tensorboard_text(unix_time(), "recipe", "```toml\n" + recipe + "\n```\n") + tensorboard_hparams(unix_time(), settings_of(recipe));
    for (const MetricsRow& row : before) text += events_of(row, pretrain_steps);
    append(tensorboard_, text, folder / kTensorBoardFile);
  }
}

void MetricsLog::write(const MetricsRow& row, std::int64_t pretrain_steps) {
  std::string line = fmt::format("{{\"phase\":{},\"step\":{},\"kind\":{}", quoted(row.phase), row.step, quoted(row.kind));
  for (const auto& [name, value] : row.values) {
    assert(!reserved(name));
    line += fmt::format(",{}:{}", quoted(name), json_number(value));
  }
  append(jsonl_, line + "}\n", folder_ / "metrics.jsonl");
  if (files_.csv) append(csv_, table_of(row), folder_ / "metrics.csv");
  if (files_.tensorboard) append(tensorboard_, events_of(row, pretrain_steps), folder_ / kTensorBoardFile);
}

void MetricsLog::write_timing(const std::string& phase, std::int64_t step, double seconds, double steps_per_second) {
  append(timing_,
         fmt::format("{{\"phase\":{},\"step\":{},\"seconds\":{},\"steps_per_second\":{}}}\n", quoted(phase), step, json_number(seconds),
                     json_number(steps_per_second)),
         folder_ / "timing.jsonl");
}

MetricsLog::Offsets MetricsLog::sync() {
  const auto size = [&](const char* name) {
    sync_file(folder_ / name);
    return static_cast<std::uint64_t>(fs::file_size(folder_ / name));
  };
  return {size("metrics.jsonl"), files_.csv ? size("metrics.csv") : 0, files_.tensorboard ? size(kTensorBoardFile) : 0};
}

std::vector<MetricsRow> read_metrics(const fs::path& run_folder) { return read_rows(run_folder / "metrics.jsonl", ""); }

std::vector<MetricsRow> read_timing(const fs::path& run_folder) {
  const fs::path path = run_folder / "timing.jsonl";
  return fs::is_regular_file(path) ? read_rows(path, "timing") : std::vector<MetricsRow>{};
}

}  // namespace warmstart
