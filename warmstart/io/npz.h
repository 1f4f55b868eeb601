// NumPy's .npz: a ZIP of .npy arrays. Layout: docs/formats/npz.md.
#pragma once
#include <filesystem>
#include <memory>

#include "warmstart/io/array_file.h"

namespace warmstart {

/// Opens what numpy.savez or numpy.savez_compressed wrote. Throws Error(kData) naming file, key and remedy: no ZIP, truncated,
/// object arrays, Fortran order, big-endian numbers.
std::unique_ptr<ArrayFile> open_npz(const std::filesystem::path& path);

}  // namespace warmstart
