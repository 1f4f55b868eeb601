#include "warmstart/io/hdf5_reason.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>

namespace warmstart {
namespace {

constexpr const char* kNewer =
    "write it anew with h5py.File(..., libver=('earliest', 'v110')), see \"Files of a newer HDF5\" in docs/formats/hdf5.md";

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* w) { return text.find(w) != std::string::npos; });
}

// "bad version number for datatype message", "unknown superblock version", "incorrect metadata version", ...
bool of_newer_format(const Hdf5Reason& reason) { return reason.innermost.find("version") != std::string::npos; }

std::string this_library() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("HDF5 {}.{}.{}", major, minor, release);
}

}  // namespace

Hdf5Reason hdf5_reason() {
  Hdf5Reason reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* line, void* out) -> herr_t {
        auto& r = *static_cast<Hdf5Reason*>(out);
        if (!line->desc) return 0;
        if (n == 0) r.innermost = line->desc;
        r.all.append(line->desc).append("\n");
        return 0;
      },
      &reason);
  if (reason.innermost.empty()) reason.innermost = "HDF5 gives no reason";
  return reason;
}

Error hdf5_open_error(const std::string& path) {
  const Hdf5Reason reason = hdf5_reason();
  if (mentions(reason.all, {"unable to lock file"}))
    return data_error("dataset file is locked: another program has it open for writing", path,
                      "wait until that program closes it, or copy the file and give the copy");
  if (mentions(reason.all, {"already open for write", "already open for SWMR", "consistency flag"}))
    return data_error(
        "dataset file was not closed by the program that writes it", path,
        "wait until that program ends; if it was killed, `h5clear -s FILE` (Debian: hdf5-tools) marks the file as closed, and "
        "`warmstart data info` shows what it holds");
  if (mentions(reason.all, {"truncated"}))
    return data_error("dataset file is truncated: " + reason.innermost, path,
                      "copy or download it again; if a program still writes it, wait until that has closed it");
  if (of_newer_format(reason))
    return data_error(fmt::format("dataset file is of a newer format than {} reads: {}", this_library(), reason.innermost), path, kNewer);
  return data_error("not a readable HDF5 file: " + reason.innermost, path,
                    "give a D4RL or Minari HDF5 file, an NPZ file or a pack, or copy it again if it was damaged");
}

Error hdf5_key_error(const std::string& key, const std::string& path) {
  const Hdf5Reason reason = hdf5_reason();
  if (of_newer_format(reason))
    return data_error(fmt::format("key '{}' is of a newer format than {} reads: {}", key, this_library(), reason.innermost), path, kNewer);
  return data_error("cannot read key '" + key + "': " + reason.innermost, path, "the file is damaged; copy or download it again");
}

}  // namespace warmstart
