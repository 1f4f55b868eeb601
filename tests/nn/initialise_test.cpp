// Initial networks: orthogonal kernels of the stated gain, zero biases, unit LayerNorm, reproducible from the seed; and the
// positive scalar.
#include <cmath>

#include "tests/nn/fixtures.h"

namespace warmstart::testing_nn {
namespace {

// The smaller side's Gram matrix is gain^2 I.
void expect_orthogonal(const float* kernel, int in, int out, double gain) {
  const int side = std::min(in, out), along = std::max(in, out);
  const auto at = [&](int i, int k) { return in >= out ? kernel[k * out + i] : kernel[i * out + k]; };
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j <= i; ++j) {
      double dot = 0;
      for (int k = 0; k < along; ++k) dot += static_cast<double>(at(i, k)) * at(j, k);
      ASSERT_NEAR(dot, i == j ? gain * gain : 0, 2e-5 * gain * gain) << i << ", " << j << " of " << in << " x " << out;
    }
  }
}

// Names say what a tensor must hold; `last` is the index of the last hidden layer.
void expect_initial(const std::vector<TensorInfo>& tensors, const FloatVector& params, int last, double last_gain) {
  std::size_t covered = 0;
  for (const TensorInfo& t : tensors) {
    EXPECT_EQ(t.offset, covered) << t.name;  // tensors tile the buffer without gap or overlap
    covered += t.size;
    const float* p = params.data() + t.offset;
    const std::string leaf = t.name.substr(t.name.rfind('/') + 1);
    if (leaf == "kernel") {
      const bool is_last = t.name.find("layer" + std::to_string(last) + "/") != std::string::npos;
      expect_orthogonal(p, static_cast<int>(t.shape[0]), static_cast<int>(t.shape[1]), is_last ? last_gain : std::sqrt(2.0));
    } else {
      for (std::size_t i = 0; i < t.size; ++i) EXPECT_EQ(p[i], leaf == "scale" ? 1.0f : 0.0f) << t.name;
    }
  }
  EXPECT_EQ(covered, params.size());
}

TEST(Initialise, Critics) {
  for (const bool shared : {true, false}) {
    for (const double final_scale : {0.0, 1e-2}) {
      CriticSpec spec{.obs = 11, .action = 3, .members = 3, .shared_output = shared};
      spec.trunk = {.input = 14, .hidden = {40, 24, 33}, .layer_norm = shared, .final_scale = final_scale};
      Critic critic(spec);
      std::fill(critic.params.begin(), critic.params.end(), 5.0f);
      Rng rng(1, "critic");
      initialise(critic, rng);
      expect_initial(critic.tensors(), critic.params, 2, final_scale > 0 ? final_scale : std::sqrt(2.0));
      EXPECT_NE(critic.params[critic.member_offset(0)], critic.params[critic.member_offset(1)]);
    }
  }
}

TEST(Initialise, Actors) {
  for (const auto head : {StdHead::kExp, StdHead::kUniform}) {
    ActorSpec spec{.obs = 7, .action = 4, .std_head = head};
    spec.trunk = {.input = 7, .hidden = {32, 48}, .layer_norm = true, .final_scale = 1e-2};
    Actor actor(spec);
    std::fill(actor.params.begin(), actor.params.end(), 5.0f);
    Rng rng(1, "actor");
    initialise(actor, rng);
    expect_initial(actor.tensors(), actor.params, 1, 1e-2);
  }
}

TEST(Initialise, ComesFromTheSeedAlone) {
  CriticSpec spec{.obs = 4, .action = 2, .members = 2};
  spec.trunk = {.input = 6, .hidden = {16, 16}};
  const auto made = [&](std::uint64_t seed) {
    Critic critic(spec);
    Rng rng(seed, "critic");
    initialise(critic, rng);
    return critic.params;
  };
  EXPECT_EQ(made(1), made(1));
  EXPECT_NE(made(1), made(2));
}

TEST(Initialise, KernelsHaveNoPreferredSign) {  // Householder's Q alone has a fixed sign in its first entry
  int positive = 0;
  for (int seed = 0; seed < 400; ++seed) {
    ActorSpec spec{.obs = 3, .action = 1};
    spec.trunk = {.input = 3, .hidden = {3}};
    Actor actor(spec);
    Rng rng(static_cast<std::uint64_t>(seed), "sign");
    initialise(actor, rng);
    positive += actor.params[0] > 0;
  }
  EXPECT_NEAR(positive, 200, 50);  // five standard deviations
}

TEST(PositiveScalar, StartsAtItsValueAndDescends) {
  for (const double value : {0.05, 1.0, 5.0}) {
    PositiveScalar scalar(value);
    EXPECT_NEAR(scalar.value(), value, 1e-6 * (1 + value));
    const float step = 1e-3f, raw = scalar.raw;
    PositiveScalar up = scalar, down = scalar;
    up.raw = raw + step, down.raw = raw - step;
    EXPECT_NEAR(scalar.value_slope(), (static_cast<double>(up.value()) - down.value()) / (2 * step), 1e-3);
    scalar.step({.learning_rate = 0.01}, 3.0f);
    EXPECT_NEAR(scalar.raw, raw - 0.01f, 1e-6);  // Adam's first step is lr, whatever the gradient
    EXPECT_EQ(scalar.steps, 1);
    scalar.step({.learning_rate = 0.01}, 0.0f);  // idle: momentum alone, m = 0.9 * 0.3, v = 0.999 * 0.009
    const double m = 0.27 / (1 - 0.81), v = 0.008991 / (1 - 0.998001);
    EXPECT_NEAR(scalar.raw, raw - 0.01 - 0.01 * m / std::sqrt(v), 2e-6);
  }
}

}  // namespace
}  // namespace warmstart::testing_nn
