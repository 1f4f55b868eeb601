#include "warmstart/phases/jsrl.h"

#include <cmath>

namespace warmstart {

GuideSchedule::GuideSchedule(const JsrlConfig& config, std::int64_t horizon, Rng rng)
    : config_(config), horizon_(horizon), guided_steps_(horizon), rng_(rng) {}

void GuideSchedule::begin_episode() {
  if (config_.guide == "random") guided_steps_ = rng_.below(static_cast<std::uint32_t>(horizon_ + 1));
  else guided_steps_ = horizon_ * (config_.stages - stage_) / config_.stages;
}

void GuideSchedule::end_episode(double episode_return) {
  sum_ += episode_return;
  if (config_.guide == "random" || stage_ == config_.stages || ++episodes_ < config_.window) return;
  const double mean = sum_ / episodes_;
  episodes_ = 0, sum_ = 0;
  if (!has_best_ || mean >= best_ - config_.tolerance * std::abs(best_)) ++stage_;
  best_ = has_best_ ? std::max(best_, mean) : mean;
  has_best_ = true;
}

void GuideSchedule::save(StateWriter& out) const {
  out.put(guided_steps_), out.put(rng_), out.put(stage_), out.put(episodes_), out.put(sum_), out.put(best_), out.put(has_best_);
}

void GuideSchedule::load(StateReader& in) {
  in.get(guided_steps_), in.get(rng_), in.get(stage_), in.get(episodes_), in.get(sum_), in.get(best_), in.get(has_best_);
}

namespace {

class GuidedExperience : public ExperienceSource {
 public:
  GuidedExperience(std::unique_ptr<ExperienceSource> inner, Policy guide, GuideSchedule schedule)
      : inner_(std::move(inner)), guide_(std::move(guide)), schedule_(std::move(schedule)) {}

  Experience next(Policy& learner) override {
    if (step_ == 0) schedule_.begin_episode();
    const Experience e = inner_->next(schedule_.guide_acts(step_) ? guide_ : learner);
    ++step_;
    if (e.episode_over) schedule_.end_episode(e.episode_return), step_ = 0;
    return e;
  }

  bool in_episode() const override { return inner_->in_episode(); }
  void cut_episode() override { inner_->cut_episode(), step_ = 0; }  // no stage is decided by a part of an episode
  bool can_save() const override { return inner_->can_save(); }
  void save(StateWriter& out) const override {
    inner_->save(out);
    schedule_.save(out);
    const FloatVector& p = guide_.actor().params;
    const ObsNormalizer& n = guide_.actor().normalizer;
    out.put(can_save()), out.put(step_), out.put(guide_rng()), out.put(std::vector<float>(p.begin(), p.end()));
    out.put(std::vector<float>(n.mean().begin(), n.mean().end())), out.put(std::vector<float>(n.scale().begin(), n.scale().end()));
  }
  void load(StateReader& in) override {
    inner_->load(in);
    schedule_.load(in);
    std::vector<float> params, mean, scale;
    bool whole;
    in.get(whole), in.get(step_), in.get(guide_.rng()), in.get(params), in.get(mean), in.get(scale);
    if (!whole) step_ = 0;  // a new episode
    Actor actor(guide_.actor().spec);
    const std::size_t seen = guide_.actor().normalizer.mean().size();
    if (params.size() != actor.params.size() || mean.size() != seen || scale.size() != seen)
      throw data_error("a guide of other sizes", "checkpoint", "use the recipe it was made with");
    std::copy(params.begin(), params.end(), actor.params.begin());
    actor.normalizer = ObsNormalizer::fixed(std::move(mean), std::move(scale));
    guide_.set_actor(std::make_shared<Actor>(std::move(actor)));
  }

 private:
  const Rng& guide_rng() const { return const_cast<Policy&>(guide_).rng(); }

  std::unique_ptr<ExperienceSource> inner_;
  Policy guide_;
  GuideSchedule schedule_;
  std::int64_t step_ = 0;  // of the running episode
};

}  // namespace

std::unique_ptr<ExperienceSource> guided_experience(const Recipe& recipe, std::unique_ptr<ExperienceSource> inner, Policy guide) {
  const std::int64_t horizon = recipe.jsrl.horizon > 0 ? recipe.jsrl.horizon : time_limit(recipe.env);
  return std::make_unique<GuidedExperience>(
      std::move(inner), std::move(guide),
      GuideSchedule(recipe.jsrl, horizon, Rng(static_cast<std::uint64_t>(recipe.run.seed), "guide schedule")));
}

}  // namespace warmstart
