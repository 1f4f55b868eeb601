#include "warmstart/core/install.h"

#include <link.h>

namespace warmstart {
namespace {

constexpr const char* kShare = "share/warmstart";

// The prefix of the first loaded library that lies in PREFIX/lib/warmstart; "" when none does.
int prefix_of_library(dl_phdr_info* info, std::size_t, void* prefix) {
  const fs::path folder = fs::path(info->dlpi_name).parent_path();
  if (folder.filename() != "warmstart" || folder.parent_path().filename() != "lib") return 0;
  *static_cast<fs::path*>(prefix) = folder.parent_path().parent_path();
  return 1;
}

}  // namespace

fs::path find_shared(const std::string& relative, const fs::path& built) {
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  if (!program.empty()) {
    const fs::path path = program.parent_path().parent_path() / kShare / relative;
    if (fs::exists(path, none)) return path;
  }
  fs::path prefix;
  dl_iterate_phdr(prefix_of_library, &prefix);
  if (!prefix.empty()) {
    const fs::path path = fs::weakly_canonical(prefix / kShare / relative, none);
    if (fs::exists(path, none)) return path;
  }
  return built;
}

}  // namespace warmstart
