// Every backward pass against central differences of the oracle's loss.
#include <cmath>

#include "tests/nn/fixtures.h"
#include "tests/nn/oracle.h"

namespace warmstart::testing_nn {
namespace {

constexpr double kStep = 1e-6;

// Central differences of f at x, element by element.
template <class F>
std::vector<double> differences(std::vector<double> x, const F& f) {
  std::vector<double> out;
  for (double& value : x) {
    const double kept = value;
    value = kept + kStep;
    const double high = f(x);
    value = kept - kStep;
    const double low = f(x);
    value = kept;
    out.push_back((high - low) / (2 * kStep));
  }
  return out;
}

class CriticGradient : public ::testing::TestWithParam<std::tuple<BackendCase, LossKind, bool, bool>> {};

TEST_P(CriticGradient, IsThatOfTheLoss) {
  const auto& [which, kind, layer_norm, shared] = GetParam();
  Rng rng(7, kind.name);
  CriticProblem problem(random_critic(4, 3, 3, {9, 6}, layer_norm, shared, rng), 5, 6, kind, rng);
  const Critic old = problem.critic;
  const CriticLoss loss = problem.loss();
  const auto expected = differences(oracle::widen(old.params), [&](const auto& p) { return oracle::critic_loss(old, p, loss); });

  Adam adam;
  adam.resize(old.params.size());
  const CriticStats stats = make(which)->critic_step(problem.critic, adam, {}, loss, nullptr, 0);
  EXPECT_TRUE(near_all(adam.grad, expected, which.tolerance));
  EXPECT_NE(problem.critic.params, old.params);

  const double total = stats.td_loss + (loss.cql ? loss.cql->alpha * stats.cql_loss : 0.0);
  EXPECT_NEAR(total, oracle::critic_loss(old, oracle::widen(old.params), loss), 1e-5 * (1 + std::abs(total)));
  if (!loss.cql) return;
  const auto gaps = oracle::cql_gaps(old, oracle::widen(old.params), loss);
  double gap = 0, ood = 0;
  for (double g : gaps.gap) gap += g / static_cast<double>(gaps.gap.size());
  for (double o : gaps.ood) ood += o / static_cast<double>(gaps.ood.size());
  EXPECT_NEAR(stats.cql_gap, gap, 1e-5);
  EXPECT_NEAR(stats.cql_ood, ood, 1e-5);
  EXPECT_NEAR(stats.bound_rate, gaps.lifted / (6.0 * static_cast<double>(gaps.gap.size())), 1e-9);
  // The case must exercise what its name says.
  EXPECT_EQ(kind.floored, stats.bound_rate > 0 && stats.bound_rate < 1);
  EXPECT_EQ(kind.clip, std::abs(stats.cql_loss - stats.cql_gap) > 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, CriticGradient,
                         ::testing::Combine(::testing::ValuesIn(kBackends), ::testing::ValuesIn(kLossKinds), ::testing::Bool(),
                                            ::testing::Bool()),
                         [](const auto& each) {
                           return std::get<0>(each.param).name + std::get<1>(each.param).name +
                                  (std::get<2>(each.param) ? "LayerNorm" : "Plain") + (std::get<3>(each.param) ? "Shared" : "PerMember");
                         });

class ActionGradient : public ::testing::TestWithParam<std::tuple<BackendCase, EnsembleReduce, bool, bool>> {};

TEST_P(ActionGradient, IsThatOfTheReducedQ) {
  const auto& [which, reduce, layer_norm, shared] = GetParam();
  Rng rng(11, "action gradient");
  const Critic critic = random_critic(4, 3, 4, {9, 6}, layer_norm, shared, rng);
  const int rows = 17;
  const Matrix obs = normal_matrix(rows, 4, rng), action = normal_matrix(rows, 3, rng, 0.5f);
  const auto params = oracle::widen(critic.params);
  std::vector<double> q, dq;
  for (int b = 0; b < rows; ++b) {
    const auto f = [&](const std::vector<double>& a) { return oracle::reduced_q(critic, params, oracle::row_of(obs, b), a, reduce); };
    q.push_back(f(oracle::row_of(action, b)));
    for (double d : differences(oracle::row_of(action, b), f)) dq.push_back(d);
  }
  const std::vector<int> every = {0, 1, 2, 3};
  FloatVector got_q(rows);
  Matrix got_dq(rows, 3);
  make(which)->q_action_gradient(critic, critic.params, every, obs, action, reduce, got_q, got_dq);
  EXPECT_TRUE(near_all(got_q, q, which.tolerance));
  EXPECT_TRUE(near_all({got_dq.data(), got_dq.size()}, dq, which.tolerance));
}

INSTANTIATE_TEST_SUITE_P(All, ActionGradient,
                         ::testing::Combine(::testing::ValuesIn(kBackends), ::testing::Values(EnsembleReduce::kMin, EnsembleReduce::kMean),
                                            ::testing::Bool(), ::testing::Bool()),
                         [](const auto& each) {
                           return std::get<0>(each.param).name + (std::get<1>(each.param) == EnsembleReduce::kMin ? "Min" : "Mean") +
                                  (std::get<2>(each.param) ? "LayerNorm" : "Plain") + (std::get<3>(each.param) ? "Shared" : "PerMember");
                         });

class ActorGradient : public ::testing::TestWithParam<std::tuple<BackendCase, StdHead, bool>> {};

TEST_P(ActorGradient, IsThatOfTheOutputs) {
  const auto& [which, head, layer_norm] = GetParam();
  Rng rng(13, "actor gradient");
  const Actor actor = random_actor(5, 3, {8, 7}, layer_norm, head, rng);
  const int rows = 6;
  const Matrix obs = normal_matrix(rows, 5, rng), d_mean = normal_matrix(rows, 3, rng), d_log_std = normal_matrix(rows, 3, rng);
  const auto f = [&](const std::vector<double>& p) {
    double total = 0;
    for (int b = 0; b < rows; ++b) {
      const auto out = oracle::actor(actor, p, oracle::row_of(obs, b));
      for (int j = 0; j < 3; ++j) total += d_mean(b, j) * out.mean[j] + d_log_std(b, j) * out.log_std[j];
    }
    return total;
  };
  const auto backend = make(which);
  const auto tape = backend->make_tape();
  Matrix mean(rows, 3), log_std(rows, 3);
  backend->actor_forward(actor, obs, mean, log_std, tape.get());
  FloatVector grad(actor.params.size(), 99.0f);  // must be overwritten, not added to
  backend->actor_backward(actor, obs, *tape, d_mean, d_log_std, grad);
  EXPECT_TRUE(near_all(grad, differences(oracle::widen(actor.params), f), which.tolerance));
  for (int b = 0; b < rows; ++b) {
    const auto out = oracle::actor(actor, oracle::widen(actor.params), oracle::row_of(obs, b));
    EXPECT_TRUE(near_all({mean.row(b), 3}, out.mean, which.tolerance, 1));
    EXPECT_TRUE(near_all({log_std.row(b), 3}, out.log_std, which.tolerance, 1));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ActorGradient,
                         ::testing::Combine(::testing::ValuesIn(kBackends), ::testing::Values(StdHead::kExp, StdHead::kUniform),
                                            ::testing::Bool()),
                         [](const auto& each) {
                           return std::get<0>(each.param).name + (std::get<1>(each.param) == StdHead::kExp ? "Exp" : "Uniform") +
                                  (std::get<2>(each.param) ? "LayerNorm" : "Plain");
                         });

// A diverged network must show in what a run watches; a ReLU written as x > 0 ? x : 0 would turn NaN into 0.
class Divergence : public ::testing::TestWithParam<std::tuple<BackendCase, bool>> {};

TEST_P(Divergence, NanReachesOutputsAndLoss) {
  const auto& [which, layer_norm] = GetParam();
  Rng rng(17, "nan");
  const LossKind kind = kLossKinds[1];
  CriticProblem problem(random_critic(4, 3, 2, {9, 6}, layer_norm, true, rng), 5, 6, kind, rng);
  problem.critic.params[problem.critic.layers[0].kernel] = NAN;
  const auto backend = make(which);
  const std::vector<int> first = {0};
  Matrix q(1, 5);
  backend->q_values(problem.critic, problem.critic.params, first, problem.obs, problem.action, 1, q);
  for (int b = 0; b < 5; ++b) EXPECT_TRUE(std::isnan(q(0, b))) << b;
  Adam adam;
  adam.resize(problem.critic.params.size());
  const CriticStats stats = backend->critic_step(problem.critic, adam, {}, problem.loss(), nullptr, 0);
  EXPECT_TRUE(std::isnan(stats.td_loss));
  EXPECT_TRUE(std::isnan(stats.cql_gap));

  Actor actor = random_actor(4, 3, {9, 6}, layer_norm, StdHead::kExp, rng);
  actor.params[actor.layers[1].bias] = NAN;
  Matrix mean(5, 3), log_std(5, 3);
  backend->actor_forward(actor, problem.obs, mean, log_std, nullptr);
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_TRUE(std::isnan(mean.data()[i]));
}

INSTANTIATE_TEST_SUITE_P(All, Divergence, ::testing::Combine(::testing::ValuesIn(kBackends), ::testing::Bool()),
                         [](const auto& each) { return std::get<0>(each.param).name + (std::get<1>(each.param) ? "LayerNorm" : "Plain"); });

}  // namespace
}  // namespace warmstart::testing_nn
