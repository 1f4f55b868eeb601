// Forward passes and Adam steps recorded from the public reference implementation (tests/golden/nn/README.md).
#include <cmath>

#include "tests/nn/fixtures.h"
#include "warmstart/io/safetensors.h"

namespace warmstart::testing_nn {
namespace {

const std::string kFolder = std::string(WARMSTART_GOLDEN) + "/nn/";

class Recording {
 public:
  explicit Recording(const std::string& name) : path_(kFolder + name), file_(read_safetensors(path_)) {}
  std::span<const float> operator()(const std::string& key) const { return file_.at(key, path_).f32(); }
  Matrix matrix(const std::string& key, int cols) const {
    const auto values = (*this)(key);
    Matrix m(static_cast<int>(values.size()) / cols, cols);
    std::copy(values.begin(), values.end(), m.data());
    return m;
  }

 private:
  std::string path_;
  SafeTensors file_;
};

const Recording& forward() {
  static const Recording recording("forward.safetensors");
  return recording;
}

// Member `i` of `members` recorded trunks, tensor by tensor, into the flat buffer.
void load_trunk(float* base, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, const std::string& prefix, int i, int members) {
  const auto copy = [&](const std::string& key, std::size_t at) {
    const auto values = forward()(prefix + key);
    const std::size_t size = values.size() / members;
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * size), size, base + at);
  };
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const std::string index = std::to_string(k);
    copy("network/Dense_" + index + "/kernel", layers[k].kernel);
    copy("network/Dense_" + index + "/bias", layers[k].bias);
    if (!spec.layer_norm) continue;
    copy("network/LayerNorm_" + index + "/scale", layers[k].scale);
    copy("network/LayerNorm_" + index + "/bias", layers[k].shift);
  }
}

constexpr int kObs = 5, kAction = 3, kRows = 16, kWidth = 32;

struct ActorVariant {
  std::string name;
  StdHead head;
  bool squash, layer_norm;
  std::string skip = {};
};

const std::vector<ActorVariant> kActors = [] {
  std::vector<ActorVariant> all;
  for (const std::string std_head : {"exp", "uniform", "softplus"})
    for (const bool squash : {true, false})
      for (const bool layer_norm : {true, false})
        all.push_back(
            {std_head + (squash ? "_tanh" : "_gauss") + (layer_norm ? "_ln" : "_noln"),
             std_head == "exp" ? StdHead::kExp : StdHead::kUniform, squash, layer_norm,
             std_head == "softplus" ? "the method's policies have exp and uniform stds; a softplus head is not implemented" : ""});
  return all;
}();

class RecordedActor : public ::testing::TestWithParam<std::tuple<BackendCase, ActorVariant>> {};

TEST_P(RecordedActor, MeanStdModeSamplesAndLogProbabilities) {
  const auto& [which, variant] = GetParam();
  if (!variant.skip.empty()) GTEST_SKIP() << variant.skip;
  const std::string prefix = "forward/actor_" + variant.name + "/";
  ActorSpec spec{.obs = kObs, .action = kAction, .std_head = variant.head, .squash = variant.squash};
  spec.trunk = {.input = kObs, .hidden = {kWidth, kWidth}, .layer_norm = variant.layer_norm};
  Actor actor(spec);
  load_trunk(actor.params.data(), spec.trunk, actor.layers, prefix + "params/", 0, 1);
  const auto put = [&](const std::string& key, std::size_t at) {
    const auto values = forward()(prefix + "params/" + key);
    std::copy(values.begin(), values.end(), actor.params.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put("Dense_0/kernel", actor.mean_kernel);
  put("Dense_0/bias", actor.mean_bias);
  if (variant.head == StdHead::kExp) put("Dense_1/kernel", actor.log_std_kernel), put("Dense_1/bias", actor.log_std_bias);
  else put("log_stds", actor.log_std_bias);

  const Matrix obs = forward().matrix("forward/obs", kObs);
  Matrix mean(kRows, kAction), log_std(kRows, kAction), mode(kRows, kAction);
  make(which)->actor_forward(actor, obs, mean, log_std, nullptr);
  EXPECT_TRUE(near_all({mean.data(), mean.size()}, forward()(prefix + "mean"), 2e-6, 1));
  for (int b = 0; b < kRows; ++b) {
    const auto raw = forward()(prefix + "log_std_raw");
    const auto row = variant.head == StdHead::kExp ? raw.subspan(static_cast<std::size_t>(b) * kAction, kAction) : raw;
    EXPECT_TRUE(near_all({log_std.row(b), kAction}, row, 2e-6, 1));
  }
  mode_actions(mean, variant.squash, mode);
  EXPECT_TRUE(near_all({mode.data(), mode.size()}, forward()(prefix + "mode"), 2e-6, 1));

  // A std of 1e-5 makes log-probabilities of -1e10, hence relative errors.
  const auto expect_log_probs = [&](const FloatVector& got, const std::string& key) {
    const auto want = forward()(prefix + key);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 3e-5 * (1 + std::abs(want[i]))) << key << " " << i;
  };
  Matrix action = forward().matrix("forward/actions", kAction);
  FloatVector log_prob(kRows);
  log_prob_of(mean, log_std, action, variant.squash, log_prob);
  expect_log_probs(log_prob, "log_prob_actions");
  for (std::size_t i = 0; i < action.size(); ++i) action.data()[i] = std::clamp(action.data()[i], -0.99f, 0.99f);
  log_prob_of(mean, log_std, action, variant.squash, log_prob);
  expect_log_probs(log_prob, "log_prob_actions_clip099");

  // Recorded [sample, state]; ours are [state, sample].
  const Matrix noise = forward().matrix("forward/noise", kAction), want = forward().matrix(prefix + "sample", kAction);
  const auto want_log_prob = forward()(prefix + "sample_log_prob");
  const int n = noise.rows() / kRows;
  Matrix ours(noise.rows(), kAction), sample(noise.rows(), kAction);
  for (int b = 0; b < kRows; ++b)
    for (int i = 0; i < n; ++i) std::copy_n(noise.row(i * kRows + b), kAction, ours.row(b * n + i));
  FloatVector sampled_log_prob(noise.rows());
  sample_actions(mean, log_std, ours, variant.squash, sample, sampled_log_prob);
  for (int b = 0; b < kRows; ++b) {
    for (int i = 0; i < n; ++i) {
      EXPECT_TRUE(near_all({sample.row(b * n + i), kAction}, std::span<const float>(want.row(i * kRows + b), kAction), 3e-6, 1));
      const float lp = want_log_prob[static_cast<std::size_t>(i) * kRows + b];
      EXPECT_NEAR(sampled_log_prob[b * n + i], lp, 1e-5 * (1 + std::abs(lp)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RecordedActor, ::testing::Combine(::testing::ValuesIn(kBackends), ::testing::ValuesIn(kActors)),
                         [](const auto& each) { return std::get<0>(each.param).name + "_" + std::get<1>(each.param).name; });

struct CriticVariant {
  std::string name;
  int members;
  bool layer_norm;
};

class RecordedCritic : public ::testing::TestWithParam<std::tuple<BackendCase, CriticVariant>> {};

TEST_P(RecordedCritic, QOfOneAndOfSeveralActions) {
  const auto& [which, variant] = GetParam();
  const std::string prefix = "forward/critic_" + variant.name + "/";
  CriticSpec spec{.obs = kObs, .action = kAction, .members = variant.members, .shared_output = true};
  spec.trunk = {.input = kObs + kAction, .hidden = {kWidth, kWidth, kWidth}, .layer_norm = variant.layer_norm};
  Critic critic(spec);
  std::vector<int> all;
  for (int i = 0; i < variant.members; ++i) {
    load_trunk(critic.params.data() + critic.member_offset(i), spec.trunk, critic.layers, prefix + "params/", i, variant.members);
    all.push_back(i);
  }
  const auto kernel = forward()(prefix + "params/Dense_0/kernel");
  std::copy(kernel.begin(), kernel.end(), critic.params.begin() + static_cast<std::ptrdiff_t>(critic.head_offset(0)));
  critic.params[critic.head_offset(0) + kWidth] = forward()(prefix + "params/Dense_0/bias")[0];

  const auto backend = make(which);
  const Matrix obs = forward().matrix("forward/obs", kObs);
  Matrix q(variant.members, kRows), q_multi(variant.members, kRows * 4);
  backend->q_values(critic, critic.params, all, obs, forward().matrix("forward/actions", kAction), 1, q);
  EXPECT_TRUE(near_all({q.data(), q.size()}, forward()(prefix + "q"), 3e-6, 1));
  backend->q_values(critic, critic.params, all, obs, forward().matrix("forward/actions_multi", kAction), 4, q_multi);
  EXPECT_TRUE(near_all({q_multi.data(), q_multi.size()}, forward()(prefix + "q_multi"), 3e-6, 1));
}

INSTANTIATE_TEST_SUITE_P(All, RecordedCritic,
                         ::testing::Combine(::testing::ValuesIn(kBackends),
                                            ::testing::Values(CriticVariant{"ens2_ln", 2, true}, CriticVariant{"ens2_noln", 2, false},
                                                              CriticVariant{"ens10_ln", 10, true}, CriticVariant{"ens10_noln", 10, false})),
                         [](const auto& each) { return std::get<0>(each.param).name + "_" + std::get<1>(each.param).name; });

class RecordedAdam : public ::testing::TestWithParam<BackendCase> {};

TEST_P(RecordedAdam, StepsWithAndWithoutGradient) {
  const Recording record("optim.safetensors");
  const auto backend = make(GetParam());
  const auto values = [&](const std::string& prefix) {
    FloatVector out;
    for (const char* leaf : {"w", "b"})
      for (float v : record("optim/" + prefix + leaf)) out.push_back(v);
    return out;
  };
  FloatVector params = values("p0/");
  Adam adam;
  adam.resize(params.size());
  int idle_steps = 0;
  for (int t = 0; t < 10; ++t) {
    const std::string step = std::to_string(t);
    adam.grad = values("grad/" + step + "/");
    const bool idle = largest(adam.grad) == 0;
    idle_steps += idle;
    if (idle) adam.grad.assign(params.size(), 123.0f);  // an idle step must not look at it
    backend->adam_step(params, adam, {.learning_rate = record("optim/adam/" + step + "/lr_used")[0]}, idle);
    EXPECT_TRUE(near_all(params, std::span<const float>(values("adam/" + step + "/params/")), 3e-7, 1)) << "step " << t;
  }
  EXPECT_EQ(idle_steps, 3);
  EXPECT_EQ(adam.steps, 10);
}

INSTANTIATE_TEST_SUITE_P(All, RecordedAdam, ::testing::ValuesIn(kBackends), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace warmstart::testing_nn
