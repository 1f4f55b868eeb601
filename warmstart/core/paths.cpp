#include "warmstart/core/paths.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

std::string home_of(const std::string& name) {
  if (const char* home = std::getenv("HOME"); name.empty() && home && *home) return home;
  const passwd* user = name.empty() ? getpwuid(getuid()) : getpwnam(name.c_str());
  return user && user->pw_dir ? user->pw_dir : "";
}

bool same(const fs::path& a, const fs::path& b) {
  std::error_code none;
  return fs::equivalent(a, b, none);
}

bool same_contents(const fs::path& a, const fs::path& b) {
  std::error_code none;
  return same(a, b) || (fs::file_size(a, none) == fs::file_size(b, none) && read_bytes(a) == read_bytes(b));
}

}  // namespace

std::string expand_home(const std::string& path, const std::string& where) {
  if (path.empty() || path[0] != '~') return path;
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string home = home_of(path.substr(1, end - 1));
  if (home.empty())
    throw usage_error("no home folder for " + path.substr(0, end), where,
                      "write the whole path, or ./" + path + " for a file of that name");
  return home + path.substr(end);
}

std::string path_named_by(const fs::path& file, const std::string& text, const std::string& key, std::vector<std::string>& notes) {
  if (text.empty() || fs::path(text).is_absolute()) return text;
  std::error_code none;
  const fs::path here = text, beside = fs::absolute(file.parent_path() / text).lexically_normal();
  if (!fs::exists(beside, none) || same(here, beside)) return text;
  if (fs::exists(here, none))
    notes.push_back(fmt::format("{}: {} is used, found from the folder of {}; {} in the working folder is another one", key,
                                beside.string(), file.filename().string(), text));
  return beside.string();
}

fs::path first_file(const std::vector<fs::path>& places, const std::string& what, std::vector<std::string>& notes) {
  fs::path found;
  std::error_code none;
  for (const fs::path& place : places) {
    if (!fs::is_regular_file(place, none)) continue;
    if (found.empty()) {
      found = place;
    } else if (!same_contents(found, place)) {
      notes.push_back(fmt::format("{}: {} is used; {} is another one", what, found.string(), place.string()));
      break;
    }
  }
  return found;
}

}  // namespace warmstart
