// bf16: the rounding, both ways to a product, and what they do to values and gradients.
#include <bit>
#include <cmath>
#include <limits>

#include "tests/nn/fixtures.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/nn/cpu/products.h"

namespace warmstart::testing_nn {
namespace {

using cpu::Bf16;
using cpu::Bf16Vector;

float widened(Bf16 bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

Bf16Vector rounded(std::span<const float> values) {
  Bf16Vector out(values.size());
  cpu::kernels().round_bf16(values.data(), values.size(), out.data());
  return out;
}

TEST(Bf16, RoundsToTheNearestAndTiesToEven) {
  const float inf = std::numeric_limits<float>::infinity(), ulp = std::ldexp(1.0f, -7);
  const std::vector<std::pair<float, float>> cases = {{0.0f, 0.0f},
                                                      {1.0f, 1.0f},
                                                      {1 + ulp / 2, 1.0f},                  // a tie, to even below
                                                      {1 + 3 * ulp / 2, 1 + 2 * ulp},       // a tie, to even above
                                                      {1 + ulp / 2 + ulp / 1024, 1 + ulp},  // just over a tie
                                                      {-1 - ulp / 2, -1.0f},
                                                      {2 - ulp / 4, 2.0f},  // the carry reaches the exponent
                                                      {inf, inf},
                                                      {-inf, -inf},
                                                      {std::numeric_limits<float>::max(), inf}};
  for (const auto& [from, to] : cases) EXPECT_EQ(widened(rounded({&from, 1})[0]), to) << from;
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu, 0x7fc00000u}) {
    const auto nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(widened(rounded({&nan, 1})[0]))) << std::hex << bits << ": a diverged run must show";
  }
  Rng rng(1, "rounding");
  for (const int n : {0, 1, 7, 8, 15, 16, 17, 33, 100}) {
    const FloatVector values = normal_column(n, rng);
    const Bf16Vector halves = rounded(values);
    FloatVector back(n);
    cpu::kernels().widen_bf16(halves.data(), halves.size(), back.data());
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(back[i], widened(halves[i]));
      EXPECT_LE(std::abs(back[i] - values[i]), std::ldexp(std::abs(values[i]), -8)) << values[i];
    }
  }
}

/// Whether oneDNN's bf16 product can run here: it works on every CPU with AVX-512, emulating what is missing.
bool has_library_product() { return cpu::has_bf16_product() && std::string(cpu::kernels().isa) == "avx512"; }

struct Product {
  bool ta, tb;
  int m, n, k;
};

// Against sums in double precision of the same rounded operands: nothing but fp32's accumulation is left.
TEST(Bf16, BothWaysToAProductAgree) {
  Rng rng(2, "products");
  for (const Product& s : {Product{false, false, 128, 256, 256},
                           {true, false, 256, 256, 128},
                           {false, true, 128, 256, 256},
                           {false, false, 13, 512, 64},
                           {true, false, 7, 33, 5},
                           {false, true, 1, 1, 1},
                           {false, false, 37, 17, 1}}) {
    SCOPED_TRACE(::testing::Message() << s.ta << s.tb << " " << s.m << " " << s.n << " " << s.k);
    const Bf16Vector a = rounded(normal_column(s.m * s.k, rng)), b = rounded(normal_column(s.k * s.n, rng));
    const FloatVector before = normal_column(s.m * s.n, rng);
    FloatVector scratch(static_cast<std::size_t>(s.m) * s.k + static_cast<std::size_t>(s.k) * s.n);
    for (const float beta : {0.0f, 1.0f}) {
      std::vector<double> want(before.size());
      for (int i = 0; i < s.m; ++i)
        for (int j = 0; j < s.n; ++j) {
          double sum = beta * before[i * s.n + j];
          for (int l = 0; l < s.k; ++l)
            sum += static_cast<double>(widened(a[s.ta ? l * s.m + i : i * s.k + l])) * widened(b[s.tb ? j * s.k + l : l * s.n + j]);
          want[i * s.n + j] = sum;
        }
      FloatVector emulated = before, direct = before;
      cpu::gemm_bf16(s.ta, s.tb, s.m, s.n, s.k, a.data(), b.data(), beta, emulated.data(), scratch.data());
      EXPECT_TRUE(near_all(emulated, want, 1e-6, 1));
      if (!has_library_product()) continue;
      cpu::gemm_bf16(s.ta, s.tb, s.m, s.n, s.k, a.data(), b.data(), beta, direct.data(), nullptr);
      EXPECT_TRUE(near_all(direct, want, 1e-6, 1));
    }
  }
}

/// |a - b| / |b| over the whole array.
double distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) difference += std::pow(static_cast<double>(a[i]) - b[i], 2), size += std::pow(b[i], 2);
  return std::sqrt(difference / size);
}

// Rounding moves an operand by up to 2^-9 of itself, 0.1% on average; three layers forward and back, whose errors add like random ones
// and grow where LayerNorm subtracts a mean, make about 1% of a gradient. A unit whose input lies that close to a kink may go the other
// way, and then all of its part of the gradient changes: one in a hundred units does, the root of which is 10%. Hence norms over whole
// arrays and these limits; a wrong product is off by about 100%.
constexpr double kValues = 0.02, kGradients = 0.1;
constexpr double kRounding = 1e-4;  ///< fp32 stays far below, so above it something was rounded

class Bf16Networks : public ::testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (GetParam() == Precision::kBf16 && !has_library_product()) GTEST_SKIP() << "oneDNN's bf16 product does not run here";
  }
  void check(std::span<const float> got, std::span<const float> want, double limit) {
    const double error = distance(got, want);
    EXPECT_LT(error, limit);
    EXPECT_GT(error, kRounding);
  }
  Rng rng{3, "bf16"};
  std::unique_ptr<Backend> tested = make_cpu_backend(3, GetParam()), reference = make_reference_backend();
};

TEST_P(Bf16Networks, CriticStep) {
  for (const bool layer_norm : {false, true})
    for (const int kind : {0, 1, 4}) {
      SCOPED_TRACE(kLossKinds[kind].name + (layer_norm ? " with LayerNorm" : ""));
      CriticProblem problem(random_critic(17, 6, 4, {64, 96, 64}, layer_norm, true, rng), 150, 9, kLossKinds[kind], rng);
      const auto step = [&](Backend& backend, Adam& adam) {
        Critic critic = problem.critic;
        adam.resize(critic.params.size());
        return backend.critic_step(critic, adam, {}, problem.loss(), nullptr, 0);
      };
      Adam got_adam, want_adam;
      const CriticStats got = step(*tested, got_adam), want = step(*reference, want_adam);
      check(got_adam.grad, want_adam.grad, kGradients);
      const double scale = 1 + std::abs(want.td_loss) + std::abs(want.q_mean) + std::abs(want.cql_gap);
      EXPECT_NEAR(got.td_loss, want.td_loss, kValues * scale);
      EXPECT_NEAR(got.q_mean, want.q_mean, kValues * scale);
      EXPECT_NEAR(got.cql_loss, want.cql_loss, kValues * scale);
    }
}

TEST_P(Bf16Networks, ValuesAndActionGradient) {
  const Critic critic = random_critic(17, 6, 4, {64, 96, 64}, true, true, rng);
  const int b = 150, n = 5;
  const Matrix obs = normal_matrix(b, 17, rng), action = normal_matrix(b, 6, rng, 0.5f), sampled = normal_matrix(b * n, 6, rng, 0.5f);
  const std::vector<int> twice = {2, 0, 2};  // a subset drawn with replacement
  Matrix got(3, b * n), want(3, b * n);
  tested->q_values(critic, critic.params, twice, obs, sampled, n, got);
  reference->q_values(critic, critic.params, twice, obs, sampled, n, want);
  check({got.data(), got.size()}, {want.data(), want.size()}, kValues);

  // the mean over members: which one is minimal may change
  FloatVector q(b), q_want(b);
  Matrix dq(b, 6), dq_want(b, 6);
  tested->q_action_gradient(critic, critic.params, twice, obs, action, EnsembleReduce::kMean, q, dq);
  reference->q_action_gradient(critic, critic.params, twice, obs, action, EnsembleReduce::kMean, q_want, dq_want);
  check(q, q_want, kValues);
  check({dq.data(), dq.size()}, {dq_want.data(), dq_want.size()}, kGradients);
}

TEST_P(Bf16Networks, Actor) {
  const Actor actor = random_actor(17, 6, {64, 96}, true, StdHead::kExp, rng);
  const int b = 150;
  const Matrix obs = normal_matrix(b, 17, rng), d_mean = normal_matrix(b, 6, rng), d_log_std = normal_matrix(b, 6, rng);
  const auto run = [&](Backend& backend, Matrix& mean, FloatVector& grad) {
    Matrix log_std(b, 6);
    mean.resize(b, 6), grad.resize(actor.params.size());
    const auto tape = backend.make_tape();
    backend.actor_forward(actor, obs, mean, log_std, tape.get());
    backend.actor_backward(actor, obs, *tape, d_mean, d_log_std, grad);
  };
  Matrix mean, mean_want;
  FloatVector grad, grad_want;
  run(*tested, mean, grad), run(*reference, mean_want, grad_want);
  check({mean.data(), mean.size()}, {mean_want.data(), mean_want.size()}, kValues);
  check(grad, grad_want, kGradients);
}

// With one hidden layer nothing is left to round: the first layer and the outputs are fp32.
TEST_P(Bf16Networks, FirstLayerAndOutputsStayInFp32) {
  const Critic critic = random_critic(5, 3, 2, {32}, true, true, rng);
  const Matrix obs = normal_matrix(20, 5, rng, 1000), action = normal_matrix(20, 3, rng);
  const std::vector<int> both = {0, 1};
  Matrix got(2, 20), want(2, 20);
  tested->q_values(critic, critic.params, both, obs, action, 1, got);
  make_cpu_backend(1)->q_values(critic, critic.params, both, obs, action, 1, want);
  EXPECT_TRUE(near_all({got.data(), got.size()}, std::span<const float>(want.data(), want.size()), 0));
}

INSTANTIATE_TEST_SUITE_P(All, Bf16Networks, ::testing::Values(Precision::kBf16Emulated, Precision::kBf16),
                         [](const auto& each) { return each.param == Precision::kBf16 ? "Library" : "Emulated"; });

TEST(Bf16, AnUnknownPrecisionIsRefused) {
  EXPECT_THROW(choose_precision("fp16"), std::runtime_error);
  EXPECT_EQ(choose_precision("fp32").precision, Precision::kFp32);
  EXPECT_EQ(choose_precision("fp32").note, "");
}

}  // namespace
}  // namespace warmstart::testing_nn
