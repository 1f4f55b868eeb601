// What to keep online: the pre-trained policy, the dataset, or both. The rule of "The Three Regimes of Offline-to-Online Reinforcement
// Learning" (arXiv 2510.01460): whichever of the two performs better is the knowledge to preserve.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "warmstart/phases/recipe.h"

namespace warmstart {

/// A mean of undiscounted returns with its standard error.
struct MeanReturn {
  double mean = 0, error = 0;
  double low = 0, high = 0;  ///< worst and best episode
  int episodes = 0;
};
MeanReturn mean_return(std::span<const double> returns);

enum class Regime {
  kSuperior,    ///< the policy is better than its data: keep it stable, the data need not be retained
  kComparable,  ///< neither is clearly better: keep both
  kInferior,    ///< the data are better than the policy: learn online from them
};
const char* regime_name(Regime regime);  ///< "superior", "comparable", "inferior"

struct Advice {
  Regime regime;
  double difference = 0, low = 0, high = 0;  ///< policy minus data, and its 95% interval (normal approximation)
  double margin = 0;                         ///< differences within it are too small to matter
};

/// Episodes that all return the same leave an error of range / (n + 2), as the rule of succession does: ten failures are no proof of 0%.
/// Superior when the interval of the difference lies above the margin, inferior when it lies below minus the margin, comparable otherwise.
/// The margin is 5% of the range from the worst to the best episode seen.
Advice advise(const MeanReturn& policy, const MeanReturn& data);

/// The recipe to run next, from the one that pre-trained: superior = WSRL; comparable = WSRL with half of every batch from the dataset;
/// inferior = RLPD, from fresh networks, ten critics of them at UTD 4 where the start had two or less.
Recipe advised_recipe(Recipe pretrained, Regime regime);

}  // namespace warmstart
