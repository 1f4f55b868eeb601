// Statistics of observations and what is made of them, held to two passes in double precision. tests/apps/normalize_test.py holds a run's
// statistics to numpy.
#include "warmstart/nn/normalizer.h"

#include <cmath>

#include "fixtures.h"
#include "warmstart/nn/act.h"

namespace warmstart::testing_nn {
namespace {

constexpr int kRows = 400, kObs = 5;

// columns of different size and place; the last is constant
Matrix rows_of_different_size(Rng& rng) {
  Matrix rows = normal_matrix(kRows, kObs, rng);
  for (int i = 0; i < kRows; ++i)
    rows(i, 1) = 1e6f + rows(i, 1), rows(i, 2) *= 1e-10f, rows(i, 3) = 1e10f * rows(i, 3), rows(i, kObs - 1) = 0.1f;
  return rows;
}

ObsStatistics statistics_of(const Matrix& rows) {
  ObsStatistics s;
  s.resize(rows.cols());
  for (int i = 0; i < rows.rows(); ++i) s.add({rows.row(i), static_cast<std::size_t>(rows.cols())});
  return s;
}

TEST(Normalizer, StatisticsAreThoseOfTwoPasses) {
  Rng rng(1, "normalizer");
  const Matrix rows = rows_of_different_size(rng);
  const ObsStatistics s = statistics_of(rows);
  EXPECT_EQ(s.count, kRows);
  for (int j = 0; j < kObs; ++j) {
    double mean = 0, squares = 0;
    for (int i = 0; i < kRows; ++i) mean += static_cast<double>(rows(i, j)) / kRows;
    for (int i = 0; i < kRows; ++i) squares += (rows(i, j) - mean) * (rows(i, j) - mean);
    const double std = std::sqrt(squares / kRows);
    EXPECT_NEAR(s.mean[j], mean, 1e-12 * (std::abs(mean) + std)) << j;
    EXPECT_NEAR(s.std(j), std, 1e-9 * std + (j == kObs - 1 ? 1e-12 : 0)) << j;
  }
  EXPECT_EQ(s.std(kObs - 1), 0.0) << "a constant has no deviation, not even by rounding";
}

TEST(Normalizer, CentersAndScales) {
  Rng rng(2, "normalizer");
  const Matrix raw = rows_of_different_size(rng);
  Matrix rows = raw;
  ObsNormalizer n(kObs, 0);
  n.set(statistics_of(rows));
  n.apply(rows);
  const ObsStatistics after = statistics_of(rows);
  for (int j = 0; j + 1 < kObs; ++j) {
    EXPECT_NEAR(after.mean[j], 0, j == 1 ? 0.05 : 1e-5) << j << ": a mean of 1e6 is known to 0.03 as a float";
    EXPECT_NEAR(after.std(j), 1, 1e-5) << j;
  }
  for (int i = 0; i < kRows; ++i) EXPECT_EQ(rows(i, kObs - 1), 0.0f) << "a constant coordinate is centered alone";

  // epsilon is added to the std, as CORL and d3rlpy do
  ObsNormalizer wide(kObs, 0.5);
  wide.set(n.statistics());
  EXPECT_NEAR(wide.scale()[0], 1 / (n.statistics().std(0) + 0.5), 1e-6);
  EXPECT_NEAR(wide.scale()[2], 2, 1e-6) << "what varies by 1e-10 is left small";
  EXPECT_EQ(wide.scale()[kObs - 1], 1.0f);
}

TEST(Normalizer, ColumnsScaledByPowersOfTwoGiveTheSameBits) {
  Rng rng(3, "normalizer");
  Matrix rows = normal_matrix(kRows, kObs, rng), scaled = rows;
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kObs; ++j) scaled(i, j) = std::ldexp(rows(i, j), 20 * (j - 2));
  for (Matrix* m : {&rows, &scaled}) {
    ObsNormalizer n(kObs, 0);
    n.set(statistics_of(*m));
    n.apply(*m);
  }
  EXPECT_TRUE(std::equal(rows.data(), rows.data() + rows.size(), scaled.data()));
}

TEST(Normalizer, WithoutStatisticsItChangesNothing) {
  Rng rng(4, "normalizer");
  const Matrix raw = rows_of_different_size(rng);
  Matrix rows = raw;
  const ObsNormalizer off, empty(kObs, 1e-3);
  EXPECT_FALSE(off.on());
  EXPECT_TRUE(empty.on());
  off.apply(rows), empty.apply(rows);
  EXPECT_TRUE(std::equal(rows.data(), rows.data() + rows.size(), raw.data()));
}

TEST(Normalizer, StdsThatAFloatCannotInvertAreLeft) {
  Matrix rows(2, 1);
  rows(0, 0) = 0, rows(1, 0) = 1e-40f;
  ObsNormalizer n(1, 0);
  n.set(statistics_of(rows));
  EXPECT_EQ(n.scale()[0], 1.0f);
}

// A control loop gives the actor what the task gives; a backend is given what the networks see.
TEST(Normalizer, ActingAndLearningSeeTheSame) {
  Rng rng(5, "normalizer");
  const Matrix raw = normal_matrix(kRows, kObs, rng, 30);
  Actor actor({kObs, 2, {kObs, {8, 8}, true, 0}, StdHead::kExp, true});
  initialise(actor, rng);
  actor.normalizer = ObsNormalizer(kObs, 1e-3);
  actor.normalizer.set(statistics_of(raw));
  Matrix seen = raw, mean(kRows, 2), log_std(kRows, 2);
  actor.normalizer.apply(seen);
  make_cpu_backend(1)->actor_forward(actor, seen, mean, log_std, nullptr);
  ActScratch scratch(actor.spec);
  for (int i = 0; i < kRows; ++i) {
    actor_row(actor, {raw.row(i), kObs}, scratch);
    for (int j = 0; j < 2; ++j) {
      EXPECT_NEAR(scratch.mean[j], mean(i, j), 1e-5);
      EXPECT_NEAR(scratch.log_std[j], log_std(i, j), 1e-5);
    }
  }
}

}  // namespace
}  // namespace warmstart::testing_nn
