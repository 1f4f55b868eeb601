// The dataset that a recipe names, as a file that exists.
#pragma once
#include <functional>
#include <string>

#include "warmstart/phases/recipe.h"

namespace warmstart {

/// Makes data.path by the `collect` section when it does not exist and data.collect is on; else does nothing. Of several processes that
/// begin together one collects and the others wait. `note` gets what is worth a line. Throws Error(kMachine) where nothing can be written.
void collect_if_missing(const Recipe& recipe, const std::function<void(const std::string&)>& note);

}  // namespace warmstart
