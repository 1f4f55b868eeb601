// Where the files lie that come along with the program (recipes, task descriptions, plotly.js).
#pragma once
#include <string>

#include "warmstart/core/files.h"

namespace warmstart {

/// `relative` below the folder share/warmstart of the installation: next to the folder of the running program, or, for a program
/// that lies elsewhere, of the libraries it loaded from PREFIX/lib/warmstart. `built` when it is not there: the place that the
/// build tree knows. The result need not exist.
fs::path find_shared(const std::string& relative, const fs::path& built);

}  // namespace warmstart
