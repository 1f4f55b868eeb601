// A dataset with its one validation: whoever reads it, for whatever purpose, sees the same rows and hears the same findings.
#pragma once
#include <array>
#include <filesystem>
#include <memory>

#include "warmstart/data/action_units.h"
#include "warmstart/data/continuity.h"
#include "warmstart/data/dataset.h"
#include "warmstart/data/trajectories.h"

namespace warmstart {

/// The checks themselves, over consecutive slabs of a record. They change what they see: actions become -1 .. 1, ends without a flag
/// become timeouts, and what is not finite behind a true end, where it has no value, becomes the step's own observation.
class StepsCheck {
 public:
  /// `units` and what was found while they were decided. `options` says what the task expects.
  StepsCheck(const StepsLayout& layout, DatasetOptions options, ActionUnits units, Findings findings);

  /// `following` [O] is the observation behind the slab, null at the end.
  void add(D4rlFile& slab, const float* following);
  /// The rewards alone, of a record whose rows were checked before.
  void add_rewards(std::span<const float> rewards);
  Findings& early() { return findings_; }
  /// After all rows: everything that was found, problems first.
  const Findings& finish();

  const std::vector<Episode>& trajectories() const { return trajectories_; }  ///< after finish(): as recorded, in one piece
  const ActionUnits& units() const { return units_; }

 private:
  struct Bad {  ///< values that are not finite
    std::size_t count = 0, row = 0, col = 0;
    bool nan = false;
  };
  struct Extent {
    double low = 0, high = 0;
    bool any = false;
    void add(double v);
  };
  void note_layout();
  /// Counts what is not finite in `values` [*, columns]; the rest goes into `extent`, where one is given.
  void look_at(int key, std::span<const float> values, int columns, Extent* extent);
  void mend_next(D4rlFile& slab);
  void say_bad(const char* key, const Bad& bad, const std::string& remedy);
  void say_rewards();
  void say_actions();
  void say_ranges();

  StepsLayout layout_;
  DatasetOptions options_;
  ActionUnits units_;
  Findings findings_;
  Continuity continuity_;
  std::array<Bad, 4> bad_;  ///< observations, actions, rewards, next_observations
  std::size_t rows_ = 0, reward_rows_ = 0, idle_next_ = 0, known_next_ = 0;
  Extent observations_, rewards_, actions_;  ///< actions as the file has them
  std::size_t beyond_ = 0, entries_ = 0;
  std::size_t first_reward_ = 0, foreign_rewards_ = 0;
  double first_reward_value_ = 0;
  std::vector<Episode> trajectories_;
  Episode current_;
  std::vector<std::uint8_t> follows_;
  bool finished_ = false;
};

/// Reads a dataset through StepsCheck, slab by slab.
class CheckedSteps : public StepsReader {
 public:
  CheckedSteps(std::unique_ptr<StepsReader> file, const DatasetOptions& options, ActionUnits units, Findings findings);
  void read(std::size_t count, D4rlFile& slab) override;
  std::map<std::string, DoubleTable> infos() override { return file_->infos(); }

  /// Where somebody who knows more adds findings before anything is read.
  Findings& early() { return check_.early(); }
  /// What was found, problems first. Complete when all steps have been read.
  const Findings& findings() { return check_.finish(); }
  const std::vector<Episode>& trajectories() const { return check_.trajectories(); }
  /// The file's own, and the units that its actions have from here on: what a copy of it must say.
  StepsLayout layout_of_copy() const;

 private:
  std::unique_ptr<StepsReader> file_;
  StepsCheck check_;
  D4rlFile ahead_, part_;  ///< the step that comes next, and the others of a slab
  bool has_ahead_ = false;
  std::size_t done_ = 0;
};

/// Opens any format of io/steps.h. `options` says what the task and the person know; only its parts about files and actions matter when no
/// task is named. Throws Error(kData) where the file cannot be read; what is wrong with its content is a finding.
std::unique_ptr<CheckedSteps> open_checked(const std::filesystem::path& path, const DatasetOptions& options = {});

/// The whole of a file, checked: throws Error(kData) of its first problem. `findings` gets the others.
D4rlFile read_checked(CheckedSteps& steps, Findings& findings);

}  // namespace warmstart
