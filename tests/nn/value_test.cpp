// A value function (a critic without action and with one member), the expectile loss, an actor with dropout, and the gradient through
// chosen members of given parameters: the CPU's schedule against the reference, over several blocks of rows.
#include <numeric>

#include "fixtures.h"

namespace warmstart::testing_nn {
namespace {

constexpr double kTolerance = 5e-5;  // float sums over some hundred rows against double ones

class Blocks : public testing::TestWithParam<int> {};  // rows

TEST_P(Blocks, ValueFunctionByExpectileRegression) {
  const int rows = GetParam();
  for (const bool layer_norm : {true, false})
    for (const float expectile : {0.0f, 0.9f}) {
      Rng rng(3, "value");
      Critic fast = random_critic(5, 0, 1, {24, 16}, layer_norm, true, rng), exact = fast;
      const Matrix obs = normal_matrix(rows, 5, rng);
      const FloatVector target = normal_column(rows, rng);
      const CriticLoss loss{obs, {nullptr, rows, 0}, target, nullptr, expectile};
      const auto cpu = make_cpu_backend(2), reference = make_reference_backend();
      Adam a, b;
      a.resize(fast.params.size()), b.resize(exact.params.size());
      const CriticStats got = cpu->critic_step(fast, a, {}, loss, nullptr, 0),
                        want = reference->critic_step(exact, b, {}, loss, nullptr, 0);
      EXPECT_TRUE(near_all(a.grad, b.grad, kTolerance)) << rows << " rows, expectile " << expectile;
      EXPECT_NEAR(got.td_loss, want.td_loss, 1e-5 * want.td_loss);
      EXPECT_NEAR(got.q_mean, want.q_mean, 1e-5);
      Adam c;
      Critic threads = random_critic(5, 0, 1, {24, 16}, layer_norm, true, *std::make_unique<Rng>(3, "value"));
      c.resize(threads.params.size());
      make_cpu_backend(5)->critic_step(threads, c, {}, loss, nullptr, 0);
      EXPECT_EQ(threads.params, fast.params) << "the same bits on any number of threads";
    }
}

TEST_P(Blocks, Dropout) {
  const int rows = GetParam();
  for (const bool layer_norm : {true, false}) {
    Rng rng(4, "dropout");
    const Actor actor = random_actor(5, 3, {24, 16}, layer_norm, StdHead::kExp, rng);
    const Matrix obs = normal_matrix(rows, 5, rng), d_mean = normal_matrix(rows, 3, rng), d_log_std = normal_matrix(rows, 3, rng);
    std::vector<Matrix> dropout = {Matrix(rows, 24), Matrix(rows, 16)};
    for (Matrix& m : dropout)
      for (std::size_t i = 0; i < m.size(); ++i) m.data()[i] = rng.below(4) ? 1 / 0.75f : 0.0f;
    const auto result = [&](Backend& backend, bool drop) {
      const auto tape = backend.make_tape();
      if (drop) tape->dropout = dropout;
      Matrix mean(rows, 3), log_std(rows, 3);
      FloatVector grad(actor.params.size());
      backend.actor_forward(actor, obs, mean, log_std, tape.get());
      backend.actor_backward(actor, obs, *tape, d_mean, d_log_std, grad);
      FloatVector out(mean.data(), mean.data() + mean.size());
      return std::pair{out, grad};
    };
    const auto cpu = make_cpu_backend(2), reference = make_reference_backend();
    const auto got = result(*cpu, true), want = result(*reference, true), without = result(*reference, false);
    EXPECT_TRUE(near_all(got.first, want.first, kTolerance, 1));
    EXPECT_TRUE(near_all(got.second, want.second, kTolerance));
    EXPECT_NE(want.first, without.first);
  }
}

TEST_P(Blocks, ActionGradientOfChosenMembersAndParameters) {
  const int rows = GetParam();
  Rng rng(5, "chosen");
  const Critic critic = random_critic(5, 3, 4, {24, 16}, true, true, rng), other = random_critic(5, 3, 4, {24, 16}, true, true, rng);
  const Matrix obs = normal_matrix(rows, 5, rng), action = normal_matrix(rows, 3, rng, 0.5f);
  const auto cpu = make_cpu_backend(2), reference = make_reference_backend();
  for (const std::vector<int>& members : {std::vector<int>{2}, {3, 1}})
    for (const auto reduce : {EnsembleReduce::kMin, EnsembleReduce::kMean}) {
      FloatVector q(rows), q_want(rows);
      Matrix dq(rows, 3), dq_want(rows, 3), each(static_cast<int>(members.size()), rows);
      cpu->q_action_gradient(critic, other.params, members, obs, action, reduce, q, dq);
      reference->q_action_gradient(critic, other.params, members, obs, action, reduce, q_want, dq_want);
      EXPECT_TRUE(near_all(q, q_want, kTolerance, 1));
      EXPECT_TRUE(near_all({dq.data(), dq.size()}, {dq_want.data(), dq_want.size()}, kTolerance));
      reference->q_values(critic, other.params, members, obs, action, 1, each);
      const double first = members.size() == 1              ? each(0, 0)
                           : reduce == EnsembleReduce::kMin ? std::min(each(0, 0), each(1, 0))
                                                            : (each(0, 0) + each(1, 0)) / 2;
      EXPECT_NEAR(q_want[0], first, 1e-6);
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, Blocks, testing::Values(7, 128, 300, 700));

}  // namespace
}  // namespace warmstart::testing_nn
