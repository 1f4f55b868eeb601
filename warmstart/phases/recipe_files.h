// Which files a recipe is made of: where they are looked for, and what each of them says.
#pragma once
#include <string>
#include <vector>

#include "warmstart/core/fields.h"
#include "warmstart/core/files.h"

namespace warmstart {

/// The reduced sizes of a family of recipes, in the folder of its base recipe. A file of recipe keys, and no recipe.
inline constexpr const char* kSmallFile = "small.toml";

/// One key with the value and the place that it came from.
struct Assignment {
  std::string key, where;
  ConfigValue value;
};

struct RecipeFiles {
  std::vector<Assignment> assignments;  ///< from the outermost base to the recipe itself
  std::vector<Assignment> small;        ///< of the family's small.toml, when it is asked for
  std::vector<std::string> notes;       ///< which of two files was used, a line each
};

/// Reads `path` and its bases. Relative paths that keys name are resolved (core/paths.h). With `small`, also the small.toml beside the
/// recipe or, failing that, beside the nearest of its bases that has one. Throws Error(kUsage).
RecipeFiles gather_recipe(const fs::path& path, bool small = false);

/// The file that a person means by `name`: below `beside` (a file's own folder; "" = none), then in the working folder, then among the
/// files that are bundled in `folder` ("recipes" or "studies"), with or without that folder's name in front. Throws Error(kUsage) at
/// `where` with all places and the nearest bundled name; `what` names the kind of file, and adds to `notes` when two places hold one.
fs::path find_bundled(const std::string& name, const std::string& folder, const fs::path& beside, const std::string& what,
                      const std::string& where, std::vector<std::string>& notes);
fs::path find_recipe(const std::string& name, std::vector<std::string>& notes);

/// Folder of the bundled recipes or studies; need not exist.
fs::path bundled_folder(const std::string& folder);
/// Every recipe below `folder`, sorted; small.toml is none.
std::vector<fs::path> recipes_below(const fs::path& folder);

}  // namespace warmstart
