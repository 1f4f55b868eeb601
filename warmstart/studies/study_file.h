// A study file: one question, the arms that answer it, the tasks and seeds they run on. docs/studies/README.md says how to write one.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "warmstart/core/fields.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {

namespace fs = std::filesystem;

/// [[task]]
struct StudyTask {
  std::string name, recipe, recipes;
  double threshold;  ///< NaN = the study's
  std::vector<Override> set;
  StudyTask();
  Fields fields();
};

/// [[arm]]
struct StudyArm {
  std::string name, recipe, start;
  bool grid = true;
  std::vector<Override> set;
  Fields fields();
};

/// A key of [grid] and its values, as a command line would give them.
struct GridKey {
  std::string key;
  std::vector<std::string> values;
};

struct StudyFile {
  fs::path path;
  std::string name, question, claim, recipe, metric = "auto", grid_name;
  std::vector<std::int64_t> seeds = {0, 1, 2};
  double threshold, interval = 0.95;  ///< threshold NaN = none
  std::int64_t resamples = 10000;
  std::vector<Override> set;
  std::vector<StudyTask> tasks;  ///< one of no name and no keys when the file has none
  std::vector<GridKey> grid;
  std::vector<StudyArm> arms;      ///< as written, without the grid; one of no name when the file has only a grid
  std::vector<std::string> notes;  ///< from expand(): which of two files was used, a line each

  StudyFile();
  Fields fields();  ///< the keys at the top
};

/// One arm on one task: what all its seeds run.
struct StudyCell {
  std::string task, arm;      ///< names
  Recipe recipe;              ///< resolved and valid; label = arm, run.seed = 0
  std::vector<Override> set;  ///< what tells this arm from others, in order: its own keys and the grid's
  std::string start;          ///< name of the arm whose pre-training it takes; "" = its own
  bool waits = false;         ///< finetune.min_buffer was set here, for all arms of a grid to begin to learn at one step
};

/// Reads and checks the file itself. Throws Error(kUsage) naming file, table, key and the nearest valid name: unknown keys, empty grid,
/// names or seeds given twice.
StudyFile read_study(const fs::path& path);

/// Tasks x arms x grid, every recipe resolved and validated. A recipe is looked for beside the study file, in the working folder, and
/// among the bundled ones; other relative paths start at the study file's folder, and where nothing lies there at the working folder.
/// Where arms of one recipe differ in finetune.batch or finetune.utd, those that say nothing of finetune.min_buffer wait for the largest
/// batch of them all. Throws Error(kUsage) naming the file, task and arm.
std::vector<StudyCell> expand(StudyFile& study);

/// `name` as a file name: what is no letter, digit or one of ".,_=+-" becomes '-'.
std::string file_name_of(const std::string& name);

}  // namespace warmstart
