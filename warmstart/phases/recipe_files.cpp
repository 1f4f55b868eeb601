#include "warmstart/phases/recipe_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/core/install.h"
#include "warmstart/core/paths.h"
#include "warmstart/core/text.h"
#include "warmstart/io/toml.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {
namespace {

// "../recipes/x.toml", as bundled studies say it, is recipes/x.toml below the folder of all that is bundled.
fs::path without_ups(const fs::path& path) {
  fs::path out;
  for (const fs::path& part : path.lexically_normal())
    if (part != "..") out /= part;
  return out;
}

std::string nearest_bundled(const std::string& name, const std::string& folder) {
  const fs::path root = bundled_folder(folder);
  std::vector<std::string> names;
  for (const fs::path& path : recipes_below(root)) names.push_back((folder / path.lexically_relative(root)).string());
  const std::string asked = without_ups(name).string();
  return nearest_name(asked.rfind(folder + "/", 0) == 0 ? asked : folder + "/" + asked, names);
}

void gather(const fs::path& path, std::vector<fs::path>& chain, RecipeFiles& out) {
  const fs::path here = fs::weakly_canonical(path);
  const auto is_here = [&](const fs::path& seen) { return fs::weakly_canonical(seen) == here; };
  if (std::any_of(chain.begin(), chain.end(), is_here))
    throw usage_error("recipes are each other's base", path.string() + ", key base", "remove one `base` line");
  chain.push_back(path);
  const FlatConfig flat = read_toml(path);
  for (const auto& [key, value] : flat) {
    if (key != "base") continue;
    const auto* base = std::get_if<std::string>(&value);
    const std::string where = path.string() + ", key base";
    if (!base) throw usage_error("wrong type", where, "give the base recipe's path as text");
    gather(find_bundled(*base, "recipes", path.has_parent_path() ? path.parent_path() : ".", "base recipe", where, out.notes), chain, out);
  }
  Recipe any;
  const Fields fields = any.fields();
  for (const auto& [key, value] : flat) {
    if (key == "base") continue;
    const auto field = std::find_if(fields.list().begin(), fields.list().end(), [&](const Field& f) { return f.key == key; });
    const auto* text = std::get_if<std::string>(&value);
    if (field == fields.list().end() || !field->doc.path || !text || text->empty()) {
      out.assignments.push_back({key, path.string(), value});
      continue;
    }
    const std::string where = path.string() + ", key " + key;
    std::string named = path_named_by(path, expand_home(*text, where), where, out.notes);
    // whoever is told of a missing plug-in looks beside the recipe first
    if (key == "env.plugin" && !fs::exists(named)) named = fs::absolute(path.parent_path() / named).lexically_normal().string();
    out.assignments.push_back({key, path.string(), named});
  }
}

std::vector<Assignment> read_small(const std::vector<fs::path>& chain) {
  for (const fs::path& file : chain) {
    const fs::path small = file.parent_path() / kSmallFile;
    if (!fs::is_regular_file(small)) continue;
    std::vector<Assignment> out;
    for (const auto& [key, value] : read_toml(small)) out.push_back({key, small.string(), value});
    return out;
  }
  throw usage_error(
      "no reduced sizes for this recipe", chain.front().string() + ", --small",
      fmt::format("none of the folders of the recipe and its bases has a {}: run it as it is, or give smaller keys", kSmallFile));
}

}  // namespace

fs::path bundled_folder(const std::string& folder) { return find_shared(folder, fs::path(WARMSTART_SOURCE_DIR) / folder); }

std::vector<fs::path> recipes_below(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none))
    if (entry.path().extension() == ".toml" && entry.path().filename() != kSmallFile) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

fs::path find_bundled(const std::string& name, const std::string& folder, const fs::path& beside, const std::string& what,
                      const std::string& where, std::vector<std::string>& notes) {
  const fs::path path = expand_home(name, where), below = without_ups(path), root = bundled_folder(folder);
  std::vector<fs::path> places;
  if (!beside.empty() && path.is_relative()) places.push_back((beside / path).lexically_normal());
  places.push_back(path);
  if (path.is_relative()) {
    places.push_back(root.parent_path() / below);
    places.push_back(root / below);
  }
  if (const fs::path found = first_file(places, where.empty() ? what : where, notes); !found.empty()) return found;
  std::vector<std::string> looked;
  for (const fs::path& place : places)
    if (std::find(looked.begin(), looked.end(), place.string()) == looked.end()) looked.push_back(place.string());
  const std::string nearest = path.is_relative() ? nearest_bundled(name, folder) : "";
  throw usage_error(fs::is_directory(path) ? what + " expected, and this is a folder" : what + " not found",
                    where.empty() ? name : where + " = " + name,
                    fmt::format("looked for {}{}; {}", looked.size() == 1 ? "" : "in this order: ", join(looked),
                                nearest.empty() ? "check the path" : "did you mean " + nearest + "?") +
                        (folder == "recipes" ? " `warmstart list recipes` shows those that are bundled" : ""));
}

fs::path find_recipe(const std::string& name, std::vector<std::string>& notes) {
  return find_bundled(name, "recipes", "", "recipe", "", notes);
}

RecipeFiles gather_recipe(const fs::path& path, bool small) {
  RecipeFiles out;
  std::vector<fs::path> chain;
  gather(path, chain, out);
  if (small) out.small = read_small(chain);
  return out;
}

}  // namespace warmstart
