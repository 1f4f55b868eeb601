// The CPU backend computes the same bits for any number of threads, on small and on full-size networks, with and without CQL.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>

#include "tests/nn/fixtures.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/nn/cpu/products.h"

namespace warmstart::testing_nn {
namespace {

struct Size {
  std::string name;
  int obs, action, members, batch, n, actor_batch;
  std::vector<int> hidden;
  bool shared;
  int steps;
};
void PrintTo(const Size& s, std::ostream* out) { *out << s.name; }

// Everything that a few training steps leave behind, in one buffer.
FloatVector train(const Size& s, Backend& cpu) {
  Backend* const backend = &cpu;
  Rng rng(5, s.name);
  CriticProblem problem(random_critic(s.obs, s.action, s.members, s.hidden, true, s.shared, rng), s.batch, s.n, kLossKinds[4], rng);
  Actor actor = random_actor(s.obs, s.action, s.hidden, true, StdHead::kExp, rng);
  const Matrix obs = normal_matrix(s.actor_batch, s.obs, rng), noise = normal_matrix(s.actor_batch, s.action, rng);
  Critic& critic = problem.critic;
  FloatVector target = critic.params, out;
  Adam critic_adam, actor_adam;
  critic_adam.resize(critic.params.size()), actor_adam.resize(actor.params.size());
  const auto keep = [&](std::span<const float> values) {
    for (float v : values) EXPECT_EQ(v, v);  // equal bits of NaN would prove nothing
    out.insert(out.end(), values.begin(), values.end());
  };

  Matrix q(2, s.batch * s.n), mean(s.actor_batch, s.action), log_std = mean, action = mean, dq = mean, d_mean = mean, d_log_std = mean;
  FloatVector min_q(s.actor_batch);
  std::vector<int> every(s.members);
  std::iota(every.begin(), every.end(), 0);
  const auto tape = backend->make_tape();
  for (int step = 0; step < s.steps; ++step) {
    const std::vector<int> asked = {step % s.members, s.members - 1};
    backend->q_values(critic, target, asked, problem.obs, problem.sampled, s.n, q);
    keep({q.data(), q.size()});
    CriticLoss loss = problem.loss();
    if (step % 2) loss.cql = nullptr;
    const CriticStats stats = backend->critic_step(critic, critic_adam, {}, loss, &target, 0.005f);
    for (double v : {stats.td_loss, stats.q_mean, stats.cql_gap, stats.cql_loss, stats.cql_ood, stats.bound_rate}) {
      EXPECT_EQ(v, v);
      float halves[2];  // bits, not numbers: half of a double may look like a NaN
      std::memcpy(halves, &v, sizeof v);
      out.insert(out.end(), halves, halves + 2);
    }
    backend->actor_forward(actor, obs, mean, log_std, tape.get());
    sample_actions(mean, log_std, noise, true, action, {});
    backend->q_action_gradient(critic, target, every, obs, action, step % 2 ? EnsembleReduce::kMean : EnsembleReduce::kMin, min_q, dq);
    keep(min_q);
    std::fill_n(d_mean.data(), d_mean.size(), 0.0f);
    std::fill_n(d_log_std.data(), d_log_std.size(), 0.0f);
    sample_backward(mean, log_std, noise, true, dq, 0.1f, d_mean, d_log_std);
    backend->actor_backward(actor, obs, *tape, d_mean, d_log_std, actor_adam.grad);
    backend->adam_step(actor.params, actor_adam, {}, false);
    backend->adam_step(critic.params, critic_adam, {}, true);
  }
  for (const auto* kept : {&critic.params, &target, &actor.params, &critic_adam.m, &critic_adam.v, &actor_adam.m}) keep(*kept);
  return out;
}

// Denormal numbers cost hundreds of cycles each, and CQL's gradients can be full of them.
TEST(Denormals, AreZeroInTheBackendAndNumbersOutside) {
  constexpr std::size_t kSize = 1 << 18;  // enough for every worker
  const volatile float tiny = 2e-38F;     // a tenth of it is denormal
  for (int threads : {1, 2, 4}) {
    const auto backend = make_cpu_backend(threads);
    FloatVector params(kSize, 1.0F);
    Adam adam;
    adam.resize(kSize);
    std::fill(adam.grad.begin(), adam.grad.end(), tiny);
    backend->adam_step(params, adam, {.b1 = 0.9}, false);
    EXPECT_EQ(std::count(adam.m.begin(), adam.m.end(), 0.0F), static_cast<std::ptrdiff_t>(kSize)) << threads;
    EXPECT_GT(0.1F * tiny, 0.0F);
    std::fill(adam.grad.begin(), adam.grad.end(), 20 * tiny);
    backend->adam_step(params, adam, {.b1 = 0.9}, false);
    EXPECT_EQ(std::count(adam.m.begin(), adam.m.end(), 0.0F), 0) << threads;
  }
}

class Determinism : public ::testing::TestWithParam<std::tuple<Size, Precision>> {};

TEST_P(Determinism, SameBitsForAnyNumberOfThreads) {
  const auto& [size, precision] = GetParam();
  const bool avx512 = cpu::has_bf16_product() && std::string(cpu::kernels().isa) == "avx512";
  if (precision == Precision::kBf16 && !avx512) GTEST_SKIP() << "oneDNN's bf16 product does not run here";
  const FloatVector one = train(size, *make_cpu_backend(1, precision));
  for (int threads : {1, 2, 3, 8}) {
    const auto backend = make_cpu_backend(threads, precision);
    FloatVector other;
    if (threads == 8) std::thread([&, size = size] { other = train(size, *backend); }).join();  // by another than its maker
    else other = train(size, *backend);
    ASSERT_EQ(one.size(), other.size());
    ASSERT_EQ(std::memcmp(one.data(), other.data(), one.size() * sizeof(float)), 0) << threads << " threads";
  }
}

const Size kOdd = {"Odd", 5, 3, 7, 37, 11, 91, {33, 17}, false, 6};
const Size kPaper256 = {"Paper256x4", 29, 8, 10, 256, 30, 700, {256, 256, 256, 256}, true, 2};

std::string name(const ::testing::TestParamInfo<Determinism::ParamType>& each) { return std::get<0>(each.param).name; }

INSTANTIATE_TEST_SUITE_P(All, Determinism,
                         ::testing::Combine(::testing::Values(Size{"Tiny", 1, 1, 1, 1, 1, 1, {1}, true, 6}, kOdd, kPaper256,
                                                              Size{"Paper512x3", 45, 24, 10, 256, 30, 700, {512, 512, 512}, true, 2}),
                                            ::testing::Values(Precision::kFp32)),
                         name);
INSTANTIATE_TEST_SUITE_P(Bf16Emulated, Determinism,
                         ::testing::Combine(::testing::Values(kOdd, kPaper256), ::testing::Values(Precision::kBf16Emulated)), name);
INSTANTIATE_TEST_SUITE_P(Bf16, Determinism, ::testing::Combine(::testing::Values(kOdd), ::testing::Values(Precision::kBf16)), name);

}  // namespace
}  // namespace warmstart::testing_nn
