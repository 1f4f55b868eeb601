// What a study adds to the figures of its runs: every measure with its interval, arm by arm, and its table in LaTeX.
#pragma once
#include "warmstart/io/report_figures.h"
#include "warmstart/studies/results.h"

namespace warmstart {

/// (task, figure): a plot of all arms for each measure that some arm has. The CSV has every seed's number; `phase` and `step` are empty.
std::vector<std::pair<std::string, Figure>> study_figures(const StudyResults& results);
/// A table for each task, with the study's own measures.
std::vector<LatexTable> study_tables(const StudyResults& results, const FigureStyle& style);

}  // namespace warmstart
