// Random networks, batches and losses of any shape, and comparisons that name the worst element.
#pragma once
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "warmstart/nn/backend.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart::testing_nn {

/// Every backend that claims the interface, the reference first, with the relative error its arithmetic may make; a new one is one more
/// line.
struct BackendCase {
  std::string name;
  double tolerance;  ///< of a gradient, relative to its largest element
};
inline const std::vector<BackendCase> kBackends = {{"reference", 1e-6}, {"cpu", 2e-5}};

std::unique_ptr<Backend> make(const BackendCase& which, int threads = 2);
inline void PrintTo(const BackendCase& c, std::ostream* out) { *out << c.name; }

Matrix normal_matrix(int rows, int cols, Rng& rng, float scale = 1);
FloatVector normal_column(int rows, Rng& rng, float scale = 1);

/// Orthogonal kernels plus noise on every parameter, so that biases, LayerNorm and log stds are not trivial.
Critic random_critic(int obs, int action, int members, const std::vector<int>& hidden, bool layer_norm, bool shared, Rng& rng);
Actor random_actor(int obs, int action, const std::vector<int>& hidden, bool layer_norm, StdHead head, Rng& rng);

/// Which terms a critic loss has.
struct LossKind {
  std::string name;
  bool td = true, cql = false;
  bool importance = true, floored = false, duplicates = false, clip = false;
  float temperature = 1, alpha = 1;
};
extern const std::vector<LossKind> kLossKinds;
inline void PrintTo(const LossKind& k, std::ostream* out) { *out << k.name; }

/// A critic, a batch and a loss over them; `loss()` views its members, so the object must outlive the view.
class CriticProblem {
 public:
  CriticProblem(Critic critic_, int batch, int actions_per_state, const LossKind& kind, Rng& rng);
  CriticProblem(const CriticProblem&) = delete;
  CriticLoss loss() const;

  Critic critic;
  Matrix obs, action, sampled;
  FloatVector target, log_density, floor;
  std::vector<int> members;
  CqlTerm term;

 private:
  bool td_, cql_;
};

/// max |a - b| <= tolerance * max(max |b|, floor); on failure names the element.
::testing::AssertionResult near_all(std::span<const float> a, std::span<const float> b, double tolerance, double floor = 0);
::testing::AssertionResult near_all(std::span<const float> a, const std::vector<double>& b, double tolerance, double floor = 0);

double largest(std::span<const float> values);

}  // namespace warmstart::testing_nn
