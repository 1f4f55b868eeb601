// Films of runs for their report.
#pragma once
#include <vector>

#include "warmstart/io/report.h"

namespace warmstart {

/// The first evaluation episode of the pre-trained and of the final policy, for the first run of each label and task, as small GIFs.
/// What cannot be drawn (no file, no graphics library, a task that is not simulated) is a film without a picture that says why,
/// as a line on stderr does. Throws Error(kInterrupted).
std::vector<RunFilm> film_runs(const std::vector<RunFiles>& runs);

}  // namespace warmstart
