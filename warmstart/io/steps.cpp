#include "warmstart/io/steps.h"

#include <array>
#include <climits>
#include <cstring>
#include <fstream>

#include "warmstart/core/error.h"
#include "warmstart/io/crash_guard.h"
#include "warmstart/io/csv.h"
#include "warmstart/io/flat_steps.h"
#include "warmstart/io/hdf5_file.h"
#include "warmstart/io/minari.h"
#include "warmstart/io/npz.h"
#include "warmstart/io/pack.h"

namespace warmstart {
namespace {

// HDF5 is not thread safe, prints errors of its own and can crash: all of that is held off while one of these lives
class Hdf5Session {
 public:
  explicit Hdf5Session(const std::string& path)
      : lock_(hdf5_mutex()),
        guard_(data_error("dataset file makes the HDF5 library fail", path, "it is damaged; copy or download it again").what(),
               seconds_for(path)) {}

 private:
  static double seconds_for(const std::string& path) {
    std::error_code unknown;
    const auto bytes = std::filesystem::file_size(path, unknown);  // HDF5 reads some 50 MB/s, unpacking included
    return 2 + (unknown ? 0.0 : 1e-6 * static_cast<double>(bytes));
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
    else inner_ = open_flat_steps(std::move(file), StepsFormat::kD4rl, options);
    layout_ = inner_->layout();
  }
  ~Hdf5Steps() override {
    const Hdf5Session session(path_);
    inner_.reset();
  }
  void read(std::size_t count, D4rlFile& slab) override {
    const Hdf5Session session(path_);
    inner_->read(count, slab);
  }
  std::map<std::string, DoubleTable> infos() override {
    const Hdf5Session session(path_);
    return inner_->infos();
  }

 private:
  std::string path_;
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
  if (begins("\x93NUMPY", 6))
    throw data_error("a single NumPy array is no dataset", file.string(), "write all arrays into one file with numpy.savez");
  if (is_pack(file)) return open_pack_steps(file);
  if (is_csv(file)) return open_flat_steps(open_csv(file), StepsFormat::kCsv, options);
  // HDF5 may begin behind a user block; what is none of these gets HDF5's own words
  return std::make_unique<Hdf5Steps>(file, options, true);
}

D4rlFile read_all(StepsReader& reader) {
  if (reader.layout().steps > INT_MAX)
    throw data_error("too many steps to hold in memory", reader.layout().path, "make a pack of it with `warmstart data pack`");
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
