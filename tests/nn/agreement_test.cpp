// Every backend against the reference backend, call by call, over random shapes with sizes 1 and non-multiples of 16 among
// them. Each step starts from equal state, so that a difference is the call's own.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/nn/fixtures.h"

namespace warmstart::testing_nn {
namespace {

struct Shape {
  int obs, action, members, batch, n;
  std::vector<int> hidden;
  bool layer_norm, shared;
  StdHead head;
  LossKind kind;
};

std::string text(const Shape& s) {
  std::string hidden;
  for (int h : s.hidden) hidden += std::to_string(h) + " ";
  return "obs " + std::to_string(s.obs) + ", action " + std::to_string(s.action) + ", members " + std::to_string(s.members) + ", batch " +
         std::to_string(s.batch) + ", n " + std::to_string(s.n) + ", hidden " + hidden + (s.layer_norm ? "LayerNorm " : "") +
         (s.shared ? "shared " : "per member ") + s.kind.name;
}

constexpr int kShapes = 40;

// The first few are the corners; the rest is drawn from everything.
Shape shape(int index) {
  switch (index) {
    case 0:
      return {1, 1, 1, 1, 1, {1}, true, true, StdHead::kExp, kLossKinds[1]};
    case 1:
      return {1, 1, 1, 1, 1, {1}, false, false, StdHead::kUniform, kLossKinds[3]};
    case 2:
      return {17, 6, 4, 33, 9, {256, 256}, true, true, StdHead::kExp, kLossKinds[1]};
    case 3:
      return {29, 8, 2, 16, 31, {256, 256}, false, false, StdHead::kUniform, kLossKinds[4]};
    case 4:
      return {4, 2, 10, 70, 1, {7, 33}, true, false, StdHead::kExp, kLossKinds[6]};
    case 5:
      return {5, 3, 10, 1, 31, {33, 7, 16, 20}, true, true, StdHead::kExp, kLossKinds[7]};
    // more rows than a backend may want to hold at once
    case 6:
      return {3, 2, 3, 700, 5, {12, 7}, true, true, StdHead::kExp, kLossKinds[1]};
    case 7:
      return {2, 1, 4, 9, 300, {6}, false, false, StdHead::kUniform, kLossKinds[5]};
    case 8:
      return {5, 3, 5, 521, 2, {9, 20}, true, false, StdHead::kExp, kLossKinds[0]};
    default:
      break;
  }
  const std::vector<std::vector<int>> hidden = {{1}, {2}, {7, 33}, {16}, {17, 1, 5}, {64, 64, 64}, {31, 48}, {100}, {5, 5, 5, 5}};
  Rng rng(index, "shape");
  const auto pick = [&](int low, int high) { return low + static_cast<int>(rng.below(static_cast<std::uint32_t>(high - low + 1))); };
  Shape s;
  s.obs = pick(1, 31), s.action = pick(1, 9), s.members = pick(1, 10), s.batch = pick(1, 70), s.n = pick(1, 31);
  s.hidden = hidden[pick(0, static_cast<int>(hidden.size()) - 1)];
  s.layer_norm = pick(0, 1), s.shared = pick(0, 1);
  s.head = pick(0, 1) ? StdHead::kExp : StdHead::kUniform;
  s.kind = kLossKinds[pick(0, static_cast<int>(kLossKinds.size()) - 1)];
  return s;
}

class Agreement : public ::testing::TestWithParam<std::tuple<BackendCase, int>> {
 protected:
  BackendCase which = std::get<0>(GetParam());
  Shape s = shape(std::get<1>(GetParam()));
  Rng rng{static_cast<std::uint64_t>(std::get<1>(GetParam())), "agreement"};
  std::unique_ptr<Backend> tested = make(which, 3), reference = make_reference_backend();
  // LayerNorm over two units returns +-1: its true gradient is what is left of a cancellation by a factor up to 1e3.
  double gradient_tolerance = which.tolerance * (s.layer_norm && s.hidden[0] == 2 ? 50 : 1);
  ::testing::ScopedTrace trace{__FILE__, __LINE__, text(s)};

  Critic critic() { return random_critic(s.obs, s.action, s.members, s.hidden, s.layer_norm, s.shared, rng); }
};

// Gradients of tensors are compared one by one: an error in a small bias must not hide behind a large kernel. The floor is
// there because sums that cancel (a LayerNorm of one unit passes no gradient at all) leave only rounding in a tensor.
void expect_same_gradient(const std::vector<TensorInfo>& tensors, const FloatVector& got, const FloatVector& want, double tolerance,
                          const std::vector<double>& sensitivity = {}) {
  const double all = largest(want);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const TensorInfo& t = tensors[k];
    const double allowed = tolerance + (sensitivity.empty() ? 0 : sensitivity[k]);
    EXPECT_TRUE(near_all({got.data() + t.offset, t.size}, std::span<const float>(want.data() + t.offset, t.size), allowed, 0.1 * all))
        << t.name;
  }
}

// Both did one Adam step from the same state with gradients that differ by rounding only. Adam divides by sqrt(v), so where
// the true gradient is about 0 that rounding decides the step, which may then differ by up to 2 lr; elsewhere the step can
// differ by lr * |gradient difference| / sqrt(v) times a small constant.
void expect_same_step(const FloatVector& got, const FloatVector& want, const Adam& got_adam, const Adam& want_adam,
                      const AdamConfig& config) {
  const AdamFactors f(config, want_adam.steps);
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double root = std::sqrt(want_adam.v[i]) * f.root_correction + config.eps;
    const double allowed = config.learning_rate * std::min(2.0, 8 * std::abs(got_adam.grad[i] - want_adam.grad[i]) / root + 1e-5) +
                           3e-7 * (std::abs(want[i]) + config.learning_rate);
    ASSERT_NEAR(got[i], want[i], allowed) << "parameter " << i << ", gradient " << want_adam.grad[i];
  }
}

// What rounding may do to each tensor's gradient, relative to its largest element: as much as the reference's own gradient
// changes when every bias moves by 1e-6. Large where a unit's input is 0 but for rounding, so that it may go either way, and
// where a softmax over many actions amplifies.
std::vector<double> sensitivity(Backend& reference, const CriticProblem& problem, const Critic& critic) {
  const auto gradient = [&](float nudge) {
    Critic moved = critic;
    for (int m = 0; m < critic.spec.members; ++m)
      for (const LayerLayout& l : critic.layers)
        for (int j = 0; j < l.out; ++j) moved.params[critic.member_offset(m) + l.bias + j] += nudge;
    Adam adam;
    adam.resize(critic.params.size());
    reference.critic_step(moved, adam, {}, problem.loss(), nullptr, 0);
    return adam.grad;
  };
  const FloatVector here = gradient(0), below = gradient(-1e-6f), above = gradient(1e-6f);
  const double all = largest(here);
  std::vector<double> out;
  for (const TensorInfo& t : critic.tensors()) {
    double change = 0;
    for (std::size_t i = t.offset; i < t.offset + t.size; ++i)
      change = std::max<double>({change, std::abs(below[i] - here[i]), std::abs(above[i] - here[i])});
    out.push_back(change / std::max(largest({here.data() + t.offset, t.size}), 0.1 * all));
  }
  return out;
}

TEST_P(Agreement, ActorForwardAndBackward) {
  const Actor actor = random_actor(s.obs, s.action, s.hidden, s.layer_norm, s.head, rng);
  const Matrix obs = normal_matrix(s.batch, s.obs, rng), d_mean = normal_matrix(s.batch, s.action, rng),
               d_log_std = normal_matrix(s.batch, s.action, rng);
  const auto run = [&](Backend& backend, Matrix& mean, Matrix& log_std, FloatVector& grad) {
    mean.resize(s.batch, s.action), log_std.resize(s.batch, s.action);
    const auto tape = backend.make_tape();
    backend.actor_forward(actor, obs, mean, log_std, tape.get());
    grad.assign(actor.params.size(), 7.0f);
    backend.actor_backward(actor, obs, *tape, d_mean, d_log_std, grad);
  };
  Matrix mean, log_std, mean_want, log_std_want;
  FloatVector grad, grad_want;
  run(*tested, mean, log_std, grad);
  run(*reference, mean_want, log_std_want, grad_want);
  EXPECT_TRUE(near_all({mean.data(), mean.size()}, std::span<const float>(mean_want.data(), mean.size()), which.tolerance, 1));
  EXPECT_TRUE(near_all({log_std.data(), mean.size()}, std::span<const float>(log_std_want.data(), mean.size()), which.tolerance, 1));
  expect_same_gradient(actor.tensors(), grad, grad_want, gradient_tolerance);

  // Without a tape, and with a tape that has seen a larger batch: the same bits.
  Matrix untaped(s.batch, s.action), untaped_std(s.batch, s.action);
  tested->actor_forward(actor, obs, untaped, untaped_std, nullptr);
  EXPECT_TRUE(near_all({untaped.data(), untaped.size()}, std::span<const float>(mean.data(), mean.size()), 0));
  const auto tape = tested->make_tape();
  const Matrix more = normal_matrix(s.batch + 19, s.obs, rng);
  Matrix big(s.batch + 19, s.action), big_std(s.batch + 19, s.action);
  tested->actor_forward(actor, more, big, big_std, tape.get());
  tested->actor_forward(actor, obs, untaped, untaped_std, tape.get());
  FloatVector again(actor.params.size());
  tested->actor_backward(actor, obs, *tape, d_mean, d_log_std, again);
  EXPECT_TRUE(near_all(again, std::span<const float>(grad), 0));
}

TEST_P(Agreement, QValuesOfAskedMembers) {
  const Critic c = critic();
  const Critic target = critic();
  const Matrix obs = normal_matrix(s.batch, s.obs, rng), action = normal_matrix(s.batch * s.n, s.action, rng, 0.5f);
  std::vector<int> members;
  for (int m = 0; m < 1 + s.members / 2; ++m) members.push_back(static_cast<int>(rng.below(static_cast<std::uint32_t>(s.members))));
  Matrix q(static_cast<int>(members.size()), s.batch * s.n), want = q;
  tested->q_values(c, target.params, members, obs, action, s.n, q);
  reference->q_values(c, target.params, members, obs, action, s.n, want);
  EXPECT_TRUE(near_all({q.data(), q.size()}, std::span<const float>(want.data(), want.size()), which.tolerance, 1));
}

TEST_P(Agreement, ActionGradient) {
  const Critic c = critic();
  const Matrix obs = normal_matrix(s.batch, s.obs, rng), action = normal_matrix(s.batch, s.action, rng, 0.5f);
  std::vector<int> all(s.members);
  std::iota(all.begin(), all.end(), 0);
  Matrix member_q(s.members, s.batch);
  reference->q_values(c, c.params, all, obs, action, 1, member_q);
  for (const auto reduce : {EnsembleReduce::kMin, EnsembleReduce::kMean}) {
    FloatVector q(s.batch), q_want(s.batch);
    Matrix dq(s.batch, s.action), dq_want(s.batch, s.action);
    tested->q_action_gradient(c, c.params, all, obs, action, reduce, q, dq);
    reference->q_action_gradient(c, c.params, all, obs, action, reduce, q_want, dq_want);
    EXPECT_TRUE(near_all(q, std::span<const float>(q_want), which.tolerance, 1));
    for (int b = 0; b < s.batch; ++b) {
      std::vector<float> sorted;
      for (int i = 0; i < s.members; ++i) sorted.push_back(member_q(i, b));
      std::sort(sorted.begin(), sorted.end());
      // rounding may choose the other of two members that agree to the last digits
      if (reduce == EnsembleReduce::kMin && s.members > 1 && sorted[1] - sorted[0] < 1e-5f * (1 + std::abs(sorted[0]))) continue;
      EXPECT_TRUE(near_all({dq.row(b), static_cast<std::size_t>(s.action)}, std::span<const float>(dq_want.row(b), s.action),
                           gradient_tolerance, largest({dq_want.data(), dq_want.size()})));
    }
  }
}

TEST_P(Agreement, CriticStep) {
  CriticProblem problem(critic(), s.batch, s.n, s.kind, rng);
  const AdamConfig config{.learning_rate = 1e-3};
  const float tau = 0.1f;
  Critic want_critic = problem.critic;
  FloatVector want_target = normal_column(static_cast<int>(want_critic.params.size()), rng);
  Adam want_adam;
  want_adam.resize(want_critic.params.size());
  for (int step = 0; step < 4; ++step) {
    const std::vector<double> allowed = sensitivity(*reference, problem, want_critic);
    Critic got_critic = want_critic;
    FloatVector got_target = want_target;
    Adam got_adam = want_adam;
    const bool polyak = step != 2;  // one step without a target network
    const auto got = tested->critic_step(got_critic, got_adam, config, problem.loss(), polyak ? &got_target : nullptr, tau);
    const auto want = reference->critic_step(want_critic, want_adam, config, problem.loss(), polyak ? &want_target : nullptr, tau);

    expect_same_gradient(got_critic.tensors(), got_adam.grad, want_adam.grad, gradient_tolerance, allowed);
    EXPECT_EQ(got_adam.steps, want_adam.steps);
    ASSERT_NO_FATAL_FAILURE(expect_same_step(got_critic.params, want_critic.params, got_adam, want_adam, config)) << "step " << step;
    // the target follows the critic by tau, and nothing else
    for (std::size_t i = 0; i < got_target.size(); ++i)
      ASSERT_NEAR(got_target[i] - want_target[i], polyak ? tau * (got_critic.params[i] - want_critic.params[i]) : 0,
                  5e-7 * (1 + std::abs(want_target[i])));

    const double scale = 1 + std::abs(want.td_loss) + std::abs(want.q_mean) + std::abs(want.cql_gap);
    EXPECT_NEAR(got.td_loss, want.td_loss, which.tolerance * scale);
    EXPECT_NEAR(got.q_mean, want.q_mean, which.tolerance * scale);
    EXPECT_NEAR(got.cql_gap, want.cql_gap, which.tolerance * scale);
    EXPECT_NEAR(got.cql_loss, want.cql_loss, which.tolerance * scale);
    EXPECT_NEAR(got.cql_ood, want.cql_ood, which.tolerance * scale);
    EXPECT_NEAR(got.bound_rate, want.bound_rate, 1.01 / (s.batch * s.n));  // a tie may fall either way
  }
}

TEST_P(Agreement, FreeRunStaysTogether) {
  CriticProblem problem(critic(), s.batch, s.n, s.kind, rng);
  const AdamConfig config{.learning_rate = 1e-3};
  const int steps = 5;
  const auto run = [&](Backend& backend) {
    Critic c = problem.critic;
    FloatVector target = c.params;
    Adam adam;
    adam.resize(c.params.size());
    for (int i = 0; i < steps; ++i) {
      backend.critic_step(c, adam, config, problem.loss(), &target, 0.005f);
      if (i % 2) backend.adam_step(c.params, adam, config, true);
    }
    return c.params;
  };
  const FloatVector got = run(*tested), want = run(*reference);
  // Adam amplifies rounding where a gradient is about 0, at most to 2 lr per step; on average parameters stay far closer.
  double mean = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 2 * (steps + 2) * config.learning_rate);
    mean += std::abs(got[i] - want[i]) / static_cast<double>(want.size());
  }
  EXPECT_LT(mean, 0.1 * config.learning_rate);
}

// The reference with itself would prove nothing.
const std::vector<BackendCase> kTested(kBackends.begin() + 1, kBackends.end());

INSTANTIATE_TEST_SUITE_P(All, Agreement, ::testing::Combine(::testing::ValuesIn(kTested), ::testing::Range(0, kShapes)),
                         [](const auto& each) { return std::get<0>(each.param).name + std::to_string(std::get<1>(each.param)); });

}  // namespace
}  // namespace warmstart::testing_nn
