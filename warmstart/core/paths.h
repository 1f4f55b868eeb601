// Paths as people write them: `~` for the home folder, and relative ones that a file names.
#pragma once
#include <string>
#include <vector>

#include "warmstart/core/files.h"

namespace warmstart {

/// `path` with a leading `~` or `~NAME` replaced by that user's home folder. Throws Error(kUsage) naming `where` when there is none;
/// a file whose name begins so is written `./~name`.
std::string expand_home(const std::string& path, const std::string& where);

/// The path `text` as the file `file` names it. A relative one starts at the folder of that file; where nothing lies there, at the
/// working folder. The result is absolute when it was found beside the file, and `text` itself otherwise. When both places hold
/// something, and not the same, a line that says which one is used is added to `notes`; `key` names the text there.
std::string path_named_by(const fs::path& file, const std::string& text, const std::string& key, std::vector<std::string>& notes);

/// The first of `places` that is a file, or nothing. When a later one is another file with other contents, a line in `notes` names
/// both; `what` begins that line.
fs::path first_file(const std::vector<fs::path>& places, const std::string& what, std::vector<std::string>& notes);

}  // namespace warmstart
