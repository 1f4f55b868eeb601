// Files that survive a crash: atomic replacement, checksums, and errors that name path and remedy.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace warmstart {

namespace fs = std::filesystem;

/// Replaces `path` by `bytes` so that a reader sees the old or the new file, never a mixture, even after power loss:
/// temporary file in the same folder, fsync, rename, fsync of the folder. Throws Error(kMachine) on a full disk or an
/// unwritable folder; the old file is then intact and no temporary file is left.
void write_atomically(const fs::path& path, std::span<const std::uint8_t> bytes);
void write_atomically(const fs::path& path, const std::string& text);

/// Whole file; throws Error(kData) when it is missing or unreadable.
std::vector<std::uint8_t> read_bytes(const fs::path& path);
std::string read_text(const fs::path& path);

/// Makes `path` and its parents; throws Error(kMachine) when that is not possible.
void make_folder(const fs::path& path);

/// 64-bit XXH3 of `bytes`; detects any flipped byte.
std::uint64_t checksum(std::span<const std::uint8_t> bytes);
std::string hex(std::uint64_t value);  ///< 16 lower-case digits

/// "No space left on device" and friends, for the `what` of an error.
std::string errno_text(int error);

}  // namespace warmstart
