#include "tests/nn/fixtures.h"

#include <algorithm>
#include <cmath>

#include "tests/nn/oracle.h"

namespace warmstart::testing_nn {

const std::vector<LossKind> kLossKinds = {
    {.name = "Td"},
    {.name = "TdAndCql", .cql = true, .alpha = 5},
    {.name = "CqlAlone", .td = false, .cql = true, .alpha = 0.7f},
    {.name = "CqlWithoutImportance", .cql = true, .importance = false},
    {.name = "CalQl", .cql = true, .floored = true},
    {.name = "CalQlWithoutImportance", .cql = true, .importance = false, .floored = true},
    {.name = "MemberTwice", .cql = true, .duplicates = true},
    {.name = "ClippedGap", .cql = true, .clip = true},
    {.name = "Temperature", .cql = true, .importance = false, .temperature = 0.3f, .alpha = 2},
};

std::unique_ptr<Backend> make(const BackendCase& which, int threads) { return make_backend(which.name, threads); }

Matrix normal_matrix(int rows, int cols, Rng& rng, float scale) {
  Matrix m(rows, cols);
  rng.fill_normal({m.data(), m.size()});
  for (std::size_t i = 0; i < m.size(); ++i) m.data()[i] *= scale;
  return m;
}

FloatVector normal_column(int rows, Rng& rng, float scale) {
  FloatVector v(rows);
  rng.fill_normal(v);
  for (float& x : v) x *= scale;
  return v;
}

namespace {
template <class Network>
Network with_noise(Network network, Rng& rng) {
  initialise(network, rng);
  const FloatVector noise = normal_column(static_cast<int>(network.params.size()), rng, 0.1f);
  for (std::size_t i = 0; i < noise.size(); ++i) network.params[i] += noise[i];
  return network;
}
}  // namespace

Critic random_critic(int obs, int action, int members, const std::vector<int>& hidden, bool layer_norm, bool shared, Rng& rng) {
  CriticSpec spec{.obs = obs, .action = action, .members = members, .shared_output = shared};
  spec.trunk = {.input = obs + action, .hidden = hidden, .layer_norm = layer_norm};
  return with_noise(Critic(spec), rng);
}

Actor random_actor(int obs, int action, const std::vector<int>& hidden, bool layer_norm, StdHead head, Rng& rng) {
  ActorSpec spec{.obs = obs, .action = action, .std_head = head};
  spec.trunk = {.input = obs, .hidden = hidden, .layer_norm = layer_norm};
  return with_noise(Actor(spec), rng);
}

CriticProblem::CriticProblem(Critic critic_, int batch, int n, const LossKind& kind, Rng& rng)
    : critic(std::move(critic_)), td_(kind.td), cql_(kind.cql) {
  obs = normal_matrix(batch, critic.spec.obs, rng);
  action = normal_matrix(batch, critic.spec.action, rng, 0.5f);
  target = normal_column(batch, rng, 2);
  if (!cql_) return;
  sampled = normal_matrix(batch * n, critic.spec.action, rng, 0.5f);
  if (kind.importance) log_density = normal_column(batch * n, rng);
  if (kind.floored) floor = normal_column(batch, rng);
  const int last = critic.spec.members - 1;
  members = kind.duplicates ? std::vector{last, 0, last} : last > 0 ? std::vector{last, 0} : std::vector{0};
  term = {.action = sampled,
          .actions_per_state = n,
          .log_density = log_density,
          .floor = floor,
          .floored_from = n / 3,
          .members = members,
          .alpha = kind.alpha,
          .temperature = kind.temperature};
  if (!kind.clip) return;
  // Bounds halfway between neighbouring gaps: about a quarter of the rows lies outside on either side, none on a bound.
  auto gaps = oracle::cql_gaps(critic, oracle::widen(critic.params), loss()).gap;
  std::sort(gaps.begin(), gaps.end());
  const std::size_t q = gaps.size() / 4;
  if (q == 0) return;
  term.clip_min = static_cast<float>((gaps[q - 1] + gaps[q]) / 2);
  term.clip_max = static_cast<float>((gaps[gaps.size() - q - 1] + gaps[gaps.size() - q]) / 2);
}

CriticLoss CriticProblem::loss() const {
  CriticLoss out{.obs = obs, .action = action, .target = {}, .cql = cql_ ? &term : nullptr};
  if (td_) out.target = target;
  return out;
}

double largest(std::span<const float> values) {
  double out = 0;
  for (float v : values) out = std::max(out, static_cast<double>(std::abs(v)));
  return out;
}

namespace {
template <class B>
::testing::AssertionResult compare(std::span<const float> a, const B& b, double tolerance, double floor) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << "sizes " << a.size() << " and " << b.size();
  double scale = floor, worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
    const double error = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(error <= worst)) worst = error, at = i;  // a NaN counts as the worst
  }
  if (worst <= tolerance * scale) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "element " << at << " of " << a.size() << ": " << a[at] << " against " << b[at]
                                       << ", error relative to the largest " << worst / scale << " > " << tolerance;
}
}  // namespace

::testing::AssertionResult near_all(std::span<const float> a, std::span<const float> b, double tolerance, double floor) {
  return compare(a, b, tolerance, floor);
}
::testing::AssertionResult near_all(std::span<const float> a, const std::vector<double>& b, double tolerance, double floor) {
  return compare(a, b, tolerance, floor);
}

}  // namespace warmstart::testing_nn
