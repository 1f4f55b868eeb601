#include "warmstart/io/steps.h"

#include <fmt/format.h>

#include <array>
#include <climits>
#include <cstring>
#include <fstream>

#include "warmstart/core/error.h"
#include "warmstart/io/crash_guard.h"
#include "warmstart/io/csv.h"
#include "warmstart/io/flat_steps.h"
#include "warmstart/io/foreign.h"
#include "warmstart/io/hdf5_file.h"
#include "warmstart/io/minari.h"
#include "warmstart/io/npz.h"
#include "warmstart/io/pack.h"

namespace warmstart {
namespace {

// HDF5 is not thread safe, prints errors of its own and can crash: all of that is held off while one of these lives
class Hdf5Session {
 public:
  /// `unpacked_bytes` of arrays may be read.
  explicit Hdf5Session(const std::string& path, double unpacked_bytes = 0)
      : lock_(hdf5_mutex()),
        guard_(data_error("dataset file makes the HDF5 library fail", path, "it is damaged; copy or download it again").what(),
               seconds_for(path, unpacked_bytes)) {}

 private:
  // CPU time: HDF5 goes through 50 MB/s of a file and unpacks to 100 MB/s and more; a twentieth of that is no endless loop yet
  static double seconds_for(const std::string& path, double unpacked_bytes) {
    std::error_code unknown;
    const auto bytes = std::filesystem::file_size(path, unknown);
    return 2 + (unknown ? 0.0 : 1e-6 * static_cast<double>(bytes)) + 2e-7 * unpacked_bytes;
  }
  std::lock_guard<std::mutex> lock_;
  SilencedHdf5 silence_;
  CrashGuard guard_;
};

/// A reader of an HDF5 file, opened, used and closed within sessions.
class Hdf5Steps : public StepsReader {
 public:
  Hdf5Steps(const std::filesystem::path& path, const StepsOptions& options, bool minari_too) : path_(path.string()) {
    const Hdf5Session session(path_);
    auto file = std::make_unique<Hdf5Reader>(path);
    if (minari_too && is_minari(*file)) inner_ = open_minari(std::move(file), options);
    else if (minari_too) refuse_foreign_layout(*file);
    if (!inner_) inner_ = open_flat_steps(std::move(file), StepsFormat::kD4rl, options);
    layout_ = inner_->layout();
    // wherever a part begins, all of its chunks may have to be unpacked
    unpacked_ = 8.0 * static_cast<double>(layout_.steps) * (2.0 * layout_.obs_size + layout_.action_size + 3);
    for (const auto& [name, cols] : layout_.infos) infos_unpacked_ += 8.0 * static_cast<double>(layout_.steps) * cols;
  }
  ~Hdf5Steps() override {
    const Hdf5Session session(path_);
    inner_.reset();
  }
  void read(std::size_t count, D4rlFile& slab) override {
    const Hdf5Session session(path_, unpacked_);
    inner_->read(count, slab);
  }
  std::map<std::string, DoubleTable> infos() override {
    const Hdf5Session session(path_, infos_unpacked_);
    return inner_->infos();
  }

 private:
  std::string path_;
  double unpacked_ = 0, infos_unpacked_ = 0;  ///< bytes
  std::unique_ptr<StepsReader> inner_;
};

}  // namespace

const char* format_name(StepsFormat format) {
  constexpr const char* names[] = {"D4RL HDF5", "Minari", "NPZ", "pack", "CSV"};
  return names[static_cast<int>(format)];
}

std::filesystem::path steps_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  for (const auto& file : {path / "data" / "main_data.hdf5", path / "main_data.hdf5"})
    if (std::filesystem::exists(file, error)) return file;
  for (const auto& file : {path / "data" / "metadata.json", path / "metadata.json"})
    if (std::filesystem::exists(file, error))
      throw data_error("Minari folder without main_data.hdf5", path.string(),
                       "only Minari's data_format \"hdf5\" is read: create the dataset again with it");
  return path;
}

std::unique_ptr<StepsReader> open_steps(const std::filesystem::path& path, const StepsOptions& options) {
  const std::filesystem::path file = steps_file(path);
  std::array<char, 8> head = {};
  std::ifstream(file, std::ios::binary).read(head.data(), head.size());
  const auto begins = [&](const char* magic, std::size_t size) { return std::memcmp(head.data(), magic, size) == 0; };
  if (begins("PK\3\4", 4) || begins("PK\5\6", 4)) return open_flat_steps(open_npz(file), StepsFormat::kNpz, options);
  if (is_pack(file)) return open_pack_steps(file);
  if (is_csv(file)) return open_flat_steps(open_csv(file), StepsFormat::kCsv, options);
  refuse_foreign_folder(file);
  refuse_foreign_file(file);
  // HDF5 may begin behind a user block; what is none of these gets HDF5's own words
  return std::make_unique<Hdf5Steps>(file, options, true);
}

namespace {

// what the arrays take, against what the machine has: to be killed for memory would be an answer without a word
void check_memory(const StepsLayout& layout) {
  double bytes = 4.0 * static_cast<double>(layout.steps) * (layout.obs_size * (layout.has_next ? 2 : 1) + layout.action_size + 2);
  for (const auto& [name, cols] : layout.infos) bytes += 8.0 * static_cast<double>(layout.steps) * cols;
  std::ifstream in("/proc/meminfo");
  double available = 0;
  for (std::string word; in >> word;)
    if (word == "MemAvailable:" && in >> available) break;
  available *= 1024;
  if (available > 0 && bytes > available)
    throw machine_error(fmt::format("the dataset takes {:.1f} GB of memory, {:.1f} GB are free", 1e-9 * bytes, 1e-9 * available),
                        layout.path, "make a pack of it with `warmstart data pack`, which stays on the disk, or split it");
}

}  // namespace

D4rlFile read_all(StepsReader& reader) {
  if (reader.layout().steps > INT_MAX)
    throw data_error("too many steps to hold in memory", reader.layout().path, "make a pack of it with `warmstart data pack`");
  check_memory(reader.layout());
  D4rlFile file;
  reader.read(reader.layout().steps, file);
  file.infos = reader.infos();
  file.metadata = reader.layout().metadata;
  file.action_low = reader.layout().action_low, file.action_high = reader.layout().action_high;
  return file;
}

D4rlFile read_d4rl(const std::filesystem::path& path) {
  Hdf5Steps reader(path, {}, false);
  return read_all(reader);
}

}  // namespace warmstart
