// `--figures DIR` of `report` and `study report`: what is written into DIR.
#pragma once
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "warmstart/io/report_figures.h"

namespace warmstart {

struct FigureOptions {
  std::string folder;  ///< "" = no figures
  std::vector<std::string> formats = {"svg"};
  std::string band = "interval", center = "mean";

  FigureStyle style() const;
};

void add_figure_options(CLI::App& verb, FigureOptions& options);

/// Throws Error(kMachine) when a format needs a program that is not installed; called before anything else is done.
void check_figure_options(const FigureOptions& options);

/// Writes the figures of every task, their CSV, table.tex and captions.md; several tasks get a folder each. `more` are figures beside them,
/// by task; "" = of all. Returns how many figures there are. Throws Error(kMachine) when a file cannot be written or converted.
std::size_t write_figures(const std::vector<TaskRuns>& tasks, const std::vector<LatexTable>& tables,
                          const std::vector<std::pair<std::string, Figure>>& more, const FigureOptions& options);

}  // namespace warmstart
