// Stretches of one random action held: what makes a driver's data mediocre.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "warmstart/core/random.h"

namespace warmstart {

class RandomStretch {
 public:
  /// `share` of all steps are to lie in stretches; actions lie in [-1, 1].
  RandomStretch(double share, int action_size) : share_(share), held_(action_size) {}
  void reset() { left_ = 0; }

  /// True when this step lies in a stretch; its action [A] is then in `action`.
  bool next(Rng& rng, std::span<double> action) {
    begin(rng);
    if (left_ == 0) return false;
    --left_;
    std::copy(held_.begin(), held_.end(), action.begin());
    return true;
  }

 private:
  static constexpr int kMeanSteps = 25;  // long enough to get somewhere else

  // A stretch begins with such a probability that `share` of all steps lie in one.
  void begin(Rng& rng) {
    if (left_ > 0 || share_ <= 0 || rng.uniform() >= share_ / (share_ + kMeanSteps * (1 - share_))) return;
    left_ = 1 + static_cast<int>(rng.below(2 * kMeanSteps - 1));
    for (double& h : held_) h = rng.uniform(-1, 1);
  }

  double share_;
  std::vector<double> held_;
  int left_ = 0;
};

}  // namespace warmstart
