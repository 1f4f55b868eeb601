// What a study computes: a graph of jobs. Datasets come first, then pre-trainings, then the runs that start from them. Arms of one seed
// whose recipes agree in all that decides pre-training share one, also when they are arms of two tasks.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "warmstart/studies/study_file.h"

namespace warmstart {

enum class JobKind { kDataset, kStart, kRun };

/// One process of this program.
struct StudyJob {
  std::string id;  ///< "run/TASK/ARM/seed0": names its log and lock, below `jobs`
  JobKind kind = JobKind::kRun;
  fs::path result;                     ///< pack, or the folder of the run or pre-training
  std::vector<std::string> arguments;  ///< of the program
  std::vector<std::size_t> needs;      ///< jobs that must be done before
  std::string task, arm;               ///< of a start: the arm that names its settings
  std::int64_t seed = 0;
  double work = 0;  ///< rows through critics; jobs of one kind take about as long as they have of it
};

/// What a study folder remembers of an arm on a task.
struct PlannedArm {
  std::string task, arm;
  std::vector<Override> set;
  std::string recipe;  ///< resolved, as TOML, with the dataset's original path
  std::string start;   ///< folder of its pre-trainings below `starts`; "" = none
};

struct StudyPlan {
  fs::path folder;
  std::string name, question, claim, metric;
  double threshold = 0, interval = 0.95;  ///< threshold NaN = none
  std::int64_t resamples = 0;
  std::vector<std::string> tasks;
  std::map<std::string, double> thresholds;  ///< of tasks that have their own
  std::vector<std::int64_t> seeds;
  std::vector<PlannedArm> arms;
  std::vector<std::string> notes;  ///< of a plan just made: which of two files was used, and what the study decides beyond its file
  std::vector<StudyJob> jobs;      ///< in the order in which they should begin; needs point backwards

  double threshold_of(const std::string& task) const { return thresholds.count(task) ? thresholds.at(task) : threshold; }
  fs::path run_folder(const PlannedArm& arm, std::int64_t seed) const;
  fs::path start_folder(const PlannedArm& arm, std::int64_t seed) const;  ///< "" when it has none
};

/// Everything of `recipe` that the pre-trained agent depends on, the seed aside, as text.
std::string pretraining_key(const Recipe& recipe);

/// Throws Error(kUsage) for two datasets of one path, a start that does not fit, a metric that a task does not have.
StudyPlan make_plan(StudyFile study, const fs::path& folder, const std::vector<std::int64_t>& seeds);

/// plan.json, study.toml and the recipes of all jobs below the plan's folder. What a finished or begun run was made with is checked first:
/// throws Error(kUsage) when the folder holds a study of another name, without one of these arms, or with other keys; seeds of the
/// earlier plan are kept.
void save_plan(StudyPlan& plan, StudyFile study);
/// Of a folder that save_plan has written; throws Error(kData) when there is none.
StudyPlan load_plan(const fs::path& folder);

}  // namespace warmstart
