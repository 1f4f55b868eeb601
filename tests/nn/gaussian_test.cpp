// The policy head: values and gradients against the oracle, squash on and off, stds inside and outside the clip.
#include <cmath>

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

INSTANTIATE_TEST_SUITE_P(All, Gaussian, ::testing::Bool(), [](const auto& each) { return each.param ? "Squashed" : "Plain"; });

}  // namespace
}  // namespace warmstart::testing_nn
