#include "warmstart/core/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

const char* const kDiskRemedy = "free disk space or choose another folder with --out; what was saved before is intact";

std::span<const std::uint8_t> bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

void write_atomically(const fs::path& path, std::span<const std::uint8_t> bytes) {
  const fs::path folder = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  const fs::path temporary = fmt::format("{}.tmp{}", path.string(), ::getpid());
  const auto fail = [&](int error) {
    ::unlink(temporary.c_str());
    throw machine_error("cannot write: " + errno_text(error), path.string(), kDiskRemedy);
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) fail(errno);
  std::size_t done = 0;
  int error = 0;
  while (done < bytes.size() && !error) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  if (!error && ::fsync(fd) != 0) error = errno;
  if (::close(fd) != 0 && !error) error = errno;
  if (error) fail(error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(errno);
  sync_folder(folder);
}

void write_atomically(const fs::path& path, const std::string& text) { write_atomically(path, bytes_of(text)); }

std::vector<std::uint8_t> read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || fs::is_directory(path)) throw data_error("cannot read file", path.string(), "check that it exists and that you may read it");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  if (!bytes.empty() && !in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw data_error("cannot read whole file", path.string(), "check the disk it lies on");
  return bytes;
}

std::string read_text(const fs::path& path) {
  const auto bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path))
    throw machine_error("cannot make folder: " + (error ? error.message() : "a file of that name exists"), path.string(),
                        "choose a folder you may write to with --out");
}

void remove_unfinished(const fs::path& path) {
  const std::string prefix = path.filename().string() + ".tmp";
  std::error_code none;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path.parent_path().empty() ? fs::path(".") : path.parent_path(), none)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > prefix.size() && name.rfind(prefix, 0) == 0 &&
        name.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
      found.push_back(entry.path());
  }
  for (const fs::path& file : found) fs::remove(file, none);
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // some file systems do not allow it; the rename itself has happened
  ::fsync(fd);
  ::close(fd);
}

std::uint64_t checksum(std::span<const std::uint8_t> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t checksum(std::string_view text) { return checksum(bytes_of(text)); }

ScratchFolder::ScratchFolder(const std::string& purpose) {
  std::string name = (fs::temp_directory_path() / ("warmstart-" + purpose + "-XXXXXX")).string();
  if (!::mkdtemp(name.data()))
    throw machine_error("cannot make a temporary folder: " + errno_text(errno), name, "make room there, or set TMPDIR");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code none;
  fs::remove_all(path_, none);
}

ExclusiveLock::ExclusiveLock(const fs::path& path, const std::string& remedy)
    : fd_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw machine_error("cannot write: " + errno_text(errno), path.string(), remedy);
}

ExclusiveLock::~ExclusiveLock() {
  if (fd_ >= 0) ::close(fd_);
}

ExclusiveLock::ExclusiveLock(ExclusiveLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

ExclusiveLock& ExclusiveLock::operator=(ExclusiveLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool ExclusiveLock::try_lock() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }

void ExclusiveLock::lock() {
  while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace warmstart
