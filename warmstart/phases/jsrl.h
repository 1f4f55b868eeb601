// Jump-start RL (arXiv 2204.02372): who acts, not another learner. In each episode the guide, the frozen pre-trained policy,
// makes the first h steps and the learner the rest; h falls to 0 by a curriculum, or is drawn anew for every episode.
#pragma once
#include <memory>

#include "warmstart/phases/experience.h"
#include "warmstart/phases/recipe.h"

namespace warmstart {

/// h, episode by episode.
class GuideSchedule {
 public:
  /// `horizon` > 0 steps: h in the first stage, or the largest that is drawn.
  GuideSchedule(const JsrlConfig& config, std::int64_t horizon, Rng rng);

  void begin_episode();
  bool guide_acts(std::int64_t step) const { return step < guided_steps_; }  ///< `step` 0 is the episode's first
  /// Curriculum: after each `window` episodes of a stage, the next stage begins when their mean return is not below the
  /// best stage's by more than tolerance * |best|.
  void end_episode(double episode_return);
  std::int64_t guided_steps() const { return guided_steps_; }
  int stage() const { return stage_; }

  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  JsrlConfig config_;
  std::int64_t horizon_, guided_steps_;
  Rng rng_;
  int stage_ = 0, episodes_ = 0;
  double sum_ = 0, best_ = 0;
  bool has_best_ = false;
};

/// `inner`'s transitions, its episodes begun by `guide` as recipe.jsrl says.
std::unique_ptr<ExperienceSource> guided_experience(const Recipe& recipe, std::unique_ptr<ExperienceSource> inner, Policy guide);

}  // namespace warmstart
