// The policy head: values and gradients against the oracle, squash on and off, stds inside and outside the clip.
#include <cmath>
#include <limits>
#include <thread>

#include "tests/nn/fixtures.h"
#include "tests/nn/oracle.h"

namespace warmstart::testing_nn {
namespace {

constexpr int kRows = 12, kActions = 3;

class Gaussian : public ::testing::TestWithParam<bool> {
 protected:
  Gaussian() {
    // Two rows hit the lower and the upper clip of the std; their gradient by log std must vanish.
    for (int j = 0; j < kActions; ++j) log_std(0, j) = -13, log_std(1, j) = 3;
  }
  bool squash = GetParam();
  Rng rng{3, "gaussian"};
  Matrix mean = normal_matrix(kRows, kActions, rng), log_std = normal_matrix(kRows, kActions, rng, 0.5f);

  // Central differences by mean and log std of f(mean, log_std) for one row.
  template <class F>
  void expect_gradient(int b, const F& f, const Matrix& d_mean, const Matrix& d_log_std) const {
    const oracle::Vector m = oracle::row_of(mean, b), s = oracle::row_of(log_std, b);
    const double step = 1e-6;
    for (int j = 0; j < kActions; ++j) {
      auto up = m, down = m;
      up[j] += step, down[j] -= step;
      const double by_mean = (f(up, s) - f(down, s)) / (2 * step);
      EXPECT_NEAR(d_mean(b, j), by_mean, 3e-5 * (1 + std::abs(by_mean))) << "mean, row " << b;
      up = s, down = s;
      up[j] += step, down[j] -= step;
      const double by_std = (f(m, up) - f(m, down)) / (2 * step);
      EXPECT_NEAR(d_log_std(b, j), by_std, 3e-5 * (1 + std::abs(by_std))) << "log std, row " << b;
    }
  }
};

TEST_P(Gaussian, SamplesAndTheirLogProbabilities) {
  const int n = 5;
  const Matrix noise = normal_matrix(kRows * n, kActions, rng);
  Matrix action(kRows * n, kActions), again(kRows * n, kActions);
  FloatVector log_prob(kRows * n);
  sample_actions(mean, log_std, noise, squash, action, log_prob);
  for (int r = 0; r < kRows * n; ++r) {
    const auto want = oracle::sample(oracle::row_of(mean, r / n), oracle::row_of(log_std, r / n), oracle::row_of(noise, r), squash);
    for (int j = 0; j < kActions; ++j) EXPECT_NEAR(action(r, j), want.action[j], 2e-6 * (1 + std::abs(want.action[j])));
    EXPECT_NEAR(log_prob[r], want.log_prob, 1e-5 * (1 + std::abs(want.log_prob)));
  }
  sample_actions(mean, log_std, noise, squash, again, {});
  EXPECT_TRUE(near_all({again.data(), again.size()}, std::span<const float>(action.data(), action.size()), 0));
}

TEST_P(Gaussian, ModeIsTheSampleWithoutNoise) {
  Matrix mode(kRows, kActions);
  mode_actions(mean, squash, mode);
  for (int b = 0; b < kRows; ++b)
    for (int j = 0; j < kActions; ++j) EXPECT_NEAR(mode(b, j), squash ? std::tanh(mean(b, j)) : mean(b, j), 1e-6);
}

TEST_P(Gaussian, SampleGradient) {
  const Matrix noise = normal_matrix(kRows, kActions, rng), d_action = normal_matrix(kRows, kActions, rng);
  const float d_log_prob = 0.7f;
  Matrix d_mean = normal_matrix(kRows, kActions, rng), d_log_std(kRows, kActions);
  const Matrix before = d_mean;
  sample_backward(mean, log_std, noise, squash, d_action, d_log_prob, d_mean, d_log_std);
  for (std::size_t i = 0; i < d_mean.size(); ++i) d_mean.data()[i] -= before.data()[i];  // it adds, and must
  for (int b = 0; b < kRows; ++b) {
    expect_gradient(
        b,
        [&](const auto& m, const auto& s) {
          const auto x = oracle::sample(m, s, oracle::row_of(noise, b), squash);
          double total = d_log_prob * x.log_prob;
          for (int j = 0; j < kActions; ++j) total += d_action(b, j) * x.action[j];
          return total;
        },
        d_mean, d_log_std);
  }
}

TEST_P(Gaussian, LogProbabilityOfGivenActionsAndItsGradient) {
  Matrix action(kRows, kActions);
  rng.fill_uniform({action.data(), action.size()}, -0.99f, 0.99f);
  action(2, 0) = 0.99999f, action(2, 1) = -0.99999f;
  // An action far from a mean of std 1e-5 has a log-probability of about -1e10; doubles cannot difference that.
  for (int j = 0; j < kActions; ++j) log_std(0, j) = -2;
  const FloatVector weight = normal_column(kRows, rng);
  FloatVector log_prob(kRows);
  log_prob_of(mean, log_std, action, squash, log_prob);
  Matrix d_mean(kRows, kActions), d_log_std(kRows, kActions);
  log_prob_backward(mean, log_std, action, squash, weight, d_mean, d_log_std);
  for (int b = 0; b < kRows; ++b) {
    const auto f = [&](const auto& m, const auto& s) { return oracle::log_prob(m, s, oracle::row_of(action, b), squash); };
    const double want = f(oracle::row_of(mean, b), oracle::row_of(log_std, b));
    EXPECT_NEAR(log_prob[b], want, 2e-5 * (1 + std::abs(want)));
    expect_gradient(
        b, [&](const auto& m, const auto& s) { return weight[b] * f(m, s); }, d_mean, d_log_std);
  }
}

// Noise, clipping and other people's data hold actions of exactly +-1, or a rounding beyond, where artanh is infinite or NaN.
TEST_P(Gaussian, ActionsAtTheBoundsCountAsTheLastInside) {
  Matrix at_bound(kRows, kActions), inside(kRows, kActions);
  rng.fill_uniform({at_bound.data(), at_bound.size()}, -0.9f, 0.9f);
  std::copy_n(at_bound.data(), at_bound.size(), inside.data());
  for (int j = 0; j < kActions; ++j) log_std(0, j) = -2;
  const float beyond[] = {1.0f, -1.0f, 1.0f + 0x1p-23f, -1.0f - 0x1p-23f, 1.5f, -std::numeric_limits<float>::infinity()};
  for (int b = 0; b < kRows; ++b) {
    at_bound(b, b % kActions) = beyond[b % 6];
    inside(b, b % kActions) = std::copysign(kMaxSquashed, beyond[b % 6]);
  }
  const FloatVector weight = normal_column(kRows, rng);
  const auto both = [&](const Matrix& action) {
    FloatVector all(kRows);
    Matrix d_mean(kRows, kActions), d_log_std(kRows, kActions);
    log_prob_of(mean, log_std, action, squash, all);
    log_prob_backward(mean, log_std, action, squash, weight, d_mean, d_log_std);
    for (const Matrix* m : {&d_mean, &d_log_std}) all.insert(all.end(), m->data(), m->data() + m->size());
    return all;
  };
  const FloatVector seen = both(at_bound), want = both(inside);
  if (!squash) {  // a plain Gaussian has no bounds: nothing is clipped
    EXPECT_NE(seen[4], want[4]) << "1.5";
    EXPECT_EQ(seen[5], -std::numeric_limits<float>::infinity()) << "minus infinity";
    return;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_TRUE(std::isfinite(seen[i])) << i;
    EXPECT_EQ(seen[i], want[i]) << i;
  }
  // the value at the clip is that of the equations, and so is its gradient
  Matrix d_mean(kRows, kActions), d_log_std(kRows, kActions);
  log_prob_backward(mean, log_std, at_bound, squash, weight, d_mean, d_log_std);
  for (int b = 0; b < kRows; ++b) {
    const auto f = [&](const auto& m, const auto& s) { return oracle::log_prob(m, s, oracle::row_of(inside, b), squash); };
    const double exact = f(oracle::row_of(mean, b), oracle::row_of(log_std, b));
    EXPECT_NEAR(seen[b], exact, 2e-5 * (1 + std::abs(exact))) << b;
    expect_gradient(
        b, [&](const auto& m, const auto& s) { return weight[b] * f(m, s); }, d_mean, d_log_std);
  }
}

TEST_P(Gaussian, DensityIntegratesToOne) {
  const Matrix one_mean = normal_matrix(1, 1, rng, 0.3f);
  Matrix one_std(1, 1);
  one_std(0, 0) = std::log(0.6f);
  const double low = squash ? -1 : -5, high = squash ? 1 : 5;
  const int bins = 20000;
  double total = 0;
  for (int k = 0; k < bins; ++k) {
    Matrix a(1, 1);
    a(0, 0) = static_cast<float>(low + (high - low) * (k + 0.5) / bins);
    float log_prob;
    log_prob_of(one_mean, one_std, a, squash, {&log_prob, 1});
    total += std::exp(log_prob) * (high - low) / bins;
  }
  EXPECT_NEAR(total, 1.0, 2e-4);
}

// All results of the five functions for `states` states from `first` on, of a problem of any size.
struct Results {
  Matrix action, mode, d_mean, d_log_std, d_mean_given, d_log_std_given;
  FloatVector log_prob, log_prob_given;
};
struct Problem {
  int states, actions, n;
  Matrix mean, log_std, noise, given, d_action;
  FloatVector weight;
  Problem(int states_, int actions_, int n_, Rng& rng)
      : states(states_),
        actions(actions_),
        n(n_),
        mean(normal_matrix(states, actions, rng)),
        log_std(normal_matrix(states, actions, rng, 0.5f)),
        noise(normal_matrix(states * n, actions, rng)),
        given(states, actions),
        d_action(normal_matrix(states, actions, rng)),
        weight(normal_column(states, rng)) {
    rng.fill_uniform({given.data(), given.size()}, -0.99f, 0.99f);
  }
  Results empty() const {
    Results r;
    r.action.resize(states * n, actions), r.log_prob.resize(states * n), r.log_prob_given.resize(states);
    for (Matrix* m : {&r.mode, &r.d_mean, &r.d_log_std, &r.d_mean_given, &r.d_log_std_given}) m->resize(states, actions);
    return r;
  }
  void compute(bool squash, int first, int count, Results& r) const {
    const auto of = [&](const Matrix& m) { return m.view().slice(first, count); };
    const auto into = [&](Matrix& m) { return m.view().slice(first, count); };
    const auto begin = static_cast<std::size_t>(first), size = static_cast<std::size_t>(count), samples = static_cast<std::size_t>(n);
    sample_actions(of(mean), of(log_std), noise.view().slice(first * n, count * n), squash, r.action.view().slice(first * n, count * n),
                   std::span(r.log_prob).subspan(begin * samples, size * samples));
    mode_actions(of(mean), squash, into(r.mode));
    log_prob_of(of(mean), of(log_std), of(given), squash, std::span(r.log_prob_given).subspan(begin, size));
    sample_backward(of(mean), of(log_std), noise.view().slice(first, count), squash, of(d_action), 0.3f, into(r.d_mean), into(r.d_log_std));
    log_prob_backward(of(mean), of(log_std), of(given), squash, std::span(weight).subspan(begin, size), into(r.d_mean_given),
                      into(r.d_log_std_given));
  }
};

void expect_same(const Results& a, const Results& b) {
  const auto same = [](const auto& x, const auto& y) { return std::equal(x.data(), x.data() + x.size(), y.data()); };
  EXPECT_TRUE(same(a.action, b.action)) << "actions";
  EXPECT_TRUE(same(a.log_prob, b.log_prob)) << "their log-probabilities";
  EXPECT_TRUE(same(a.mode, b.mode)) << "modes";
  EXPECT_TRUE(same(a.log_prob_given, b.log_prob_given)) << "log-probabilities of given actions";
  EXPECT_TRUE(same(a.d_mean, b.d_mean) && same(a.d_log_std, b.d_log_std)) << "gradients of samples";
  EXPECT_TRUE(same(a.d_mean_given, b.d_mean_given) && same(a.d_log_std_given, b.d_log_std_given)) << "gradients of log-probabilities";
}

// Blocks begin and end anywhere in a slice: within a state's samples, after whole registers or not, within a row that is long.
TEST_P(Gaussian, SlicesOfRowsGiveTheBitsOfTheWhole) {
  for (const auto& [states, actions, n] : {std::array{97, 3, 1}, {61, 6, 10}, {40, 17, 10}, {7, 1, 400}, {130, 8, 4}, {3, 1500, 2}}) {
    const Problem problem(states, actions, n, rng);
    Results whole = problem.empty(), sliced = problem.empty(), together = problem.empty();
    problem.compute(squash, 0, states, whole);
    for (int first = 0, count = 1; first < states; first += count, count = 1 + (first * 5) % 23)
      problem.compute(squash, first, std::min(count, states - first), sliced);
    expect_same(whole, sliced);
    std::vector<std::thread> team;
    for (int k = 0; k < 3; ++k)
      team.emplace_back([&, k] { problem.compute(squash, k * states / 3, (k + 1) * states / 3 - k * states / 3, together); });
    for (std::thread& worker : team) worker.join();
    expect_same(whole, together);
  }
}

TEST_P(Gaussian, LongAndManyRowsAgreeWithTheOracle) {
  for (const auto& [states, actions, n] : {std::array{2, 1500, 2}, {90, 5, 10}, {2, 2, 700}}) {
    const Problem problem(states, actions, n, rng);
    Results r = problem.empty();
    problem.compute(squash, 0, states, r);
    for (int row = 0; row < states * n; ++row) {
      const auto m = oracle::row_of(problem.mean, row / n), s = oracle::row_of(problem.log_std, row / n);
      const auto want = oracle::sample(m, s, oracle::row_of(problem.noise, row), squash);
      for (int j = 0; j < actions; ++j) ASSERT_NEAR(r.action(row, j), want.action[j], 1e-6 * (1 + std::abs(want.action[j])));
      ASSERT_NEAR(r.log_prob[row], want.log_prob, 1e-6 * (actions + std::abs(want.log_prob)));
    }
    for (int b = 0; b < states; ++b) {
      const auto m = oracle::row_of(problem.mean, b), s = oracle::row_of(problem.log_std, b);
      const double want = oracle::log_prob(m, s, oracle::row_of(problem.given, b), squash);
      ASSERT_NEAR(r.log_prob_given[b], want, 1e-6 * (actions + std::abs(want)));
    }
  }
}

TEST_P(Gaussian, NanStaysInItsRowAndIsNotLost) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const int n = 2;
  const Problem clean(kRows, kActions, n, rng);
  Results want = clean.empty();
  clean.compute(squash, 0, kRows, want);
  for (const int where : {0, 1, 2, 3}) {  // in the mean, the log std, the noise, the given action
    Problem dirty = clean;
    const int row = 5;
    // the backward pass takes the noise of one sample per state, its first kRows rows
    (where == 0 ? dirty.mean : where == 1 ? dirty.log_std : where == 2 ? dirty.noise : dirty.given)(row, 1) = nan;
    Results r = dirty.empty();
    dirty.compute(squash, 0, kRows, r);
    for (int k = 0; k < kRows * n; ++k) {
      const bool hit = where == 2 ? k == row : where < 2 && k / n == row;
      EXPECT_EQ(std::isnan(r.action(k, 1)), hit) << where << " " << k;
      // without the squash, a sample's log-probability does not depend on the mean
      EXPECT_EQ(std::isnan(r.log_prob[k]), hit && (squash || where != 0)) << where << " " << k;
      if (!hit) {
        EXPECT_EQ(r.log_prob[k], want.log_prob[k]);
      }
    }
    for (int b = 0; b < kRows; ++b) {
      EXPECT_EQ(std::isnan(r.log_prob_given[b]), b == row && where != 2) << where << " " << b;
      EXPECT_EQ(std::isnan(r.d_mean_given(b, 1)), b == row && where != 2) << where << " " << b;
      EXPECT_EQ(std::isnan(r.d_log_std(b, 1)), b == row && where != 3 && (squash || where != 0)) << where << " " << b;
      EXPECT_EQ(std::isnan(r.mode(b, 1)), b == row && where == 0) << where << " " << b;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Gaussian, ::testing::Bool(), [](const auto& each) { return each.param ? "Squashed" : "Plain"; });

}  // namespace
}  // namespace warmstart::testing_nn
