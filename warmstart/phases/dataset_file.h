// The dataset that a recipe names, as a file that exists.
#pragma once
#include <functional>
#include <string>

#include "warmstart/phases/recipe.h"

namespace warmstart {

/// In what the recording at data.path differs from the `collect` section, and how to make it anew; "" when in nothing.
std::string collection_difference(const Recipe& recipe);

/// Makes data.path by the `collect` section when it does not exist and data.collect is on. One that exists is used, with a note in what it
/// differs. Of several processes that
/// begin together one collects and the others wait. `note` gets what is worth a line. Throws Error(kMachine) where nothing can be written.
void collect_if_missing(const Recipe& recipe, const std::function<void(const std::string&)>& note);

}  // namespace warmstart
