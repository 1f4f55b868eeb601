// Files that survive a crash: atomic replacement, checksums, and errors that name path and remedy.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
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

/// Removes what killed processes left of writing `path`: PATH.tmpPID. The caller sees to it that none writes it now.
void remove_unfinished(const fs::path& path);
/// Makes a rename or a new name in `folder` last.
void sync_folder(const fs::path& folder);

/// 64-bit XXH3 of `bytes`; detects any flipped byte.
std::uint64_t checksum(std::span<const std::uint8_t> bytes);
std::uint64_t checksum(std::string_view text);
std::string hex(std::uint64_t value);  ///< 16 lower-case digits

/// A fresh folder below the system's folder for temporary files, removed with all that is in it. Throws Error(kMachine).
class ScratchFolder {
 public:
  /// `purpose` is a part of its name.
  explicit ScratchFolder(const std::string& purpose);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// One process at a time: the lock on a file, made when it is missing and left there. It ends with the object, or with the process.
class ExclusiveLock {
 public:
  ExclusiveLock() = default;
  /// Opens `path`, without locking yet; throws Error(kMachine) with `remedy` when it cannot be written.
  ExclusiveLock(const fs::path& path, const std::string& remedy);
  ~ExclusiveLock();
  ExclusiveLock(ExclusiveLock&& other) noexcept;
  ExclusiveLock& operator=(ExclusiveLock&& other) noexcept;
  bool try_lock();  ///< false when another has it
  void lock();      ///< waits for it

 private:
  int fd_ = -1;
};

/// "No space left on device" and friends, for the `what` of an error.
std::string errno_text(int error);

}  // namespace warmstart
