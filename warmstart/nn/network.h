// Networks as flat parameter buffers: what the shapes are and where each tensor lies. No arithmetic here.
// Letters: N ensemble members, O observation size, A action size, H hidden width.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/core/random.h"
#include "warmstart/nn/normalizer.h"

namespace warmstart {

/// A named tensor inside a flat buffer; kernels are [in,out], y = x W + b.
struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  std::size_t offset = 0, size = 0;
};

/// Offsets of one hidden layer: Dense -> LayerNorm (if on) -> ReLU.
struct LayerLayout {
  int in = 0, out = 0;
  std::size_t kernel = 0, bias = 0, scale = 0, shift = 0;  ///< scale and shift only with LayerNorm
};

/// The hidden part of a network.
struct TrunkSpec {
  int input = 0;
  std::vector<int> hidden;
  bool layer_norm = true;
  double final_scale = 0;  ///< replaces the init gain sqrt(2) of the *last hidden* layer; 0 = keep

  int width() const { return hidden.back(); }
  /// Offsets of the layers when the trunk starts at 0; returns the trunk's size through `size`.
  std::vector<LayerLayout> layout(std::size_t& size) const;
  bool operator==(const TrunkSpec&) const = default;
};

constexpr float kLayerNormEpsilon = 1e-6f;

/// Q_i(s, a) for i < N. Member i's trunk lies at i * member_size(); the output layer follows the trunk of each member, or,
/// when shared (as in the reference implementation), lies once at the end.
struct CriticSpec {
  int obs = 0, action = 0, members = 2;
  TrunkSpec trunk;  ///< input = obs + action
  bool shared_output = true;

  bool operator==(const CriticSpec&) const = default;
};

enum class StdHead {
  kExp,      ///< log std is a linear function of the trunk
  kUniform,  ///< one learned, state-independent log std per action coordinate
};

/// pi(a|s): mean and log std of a Gaussian, squashed by tanh unless `squash` is off.
struct ActorSpec {
  int obs = 0, action = 0;
  TrunkSpec trunk;  ///< input = obs
  StdHead std_head = StdHead::kExp;
  bool squash = true;

  bool operator==(const ActorSpec&) const = default;
};

class Critic {
 public:
  Critic() = default;
  explicit Critic(const CriticSpec& spec);

  CriticSpec spec;
  std::vector<LayerLayout> layers;  ///< offsets inside a member
  FloatVector params;

  std::size_t member_size() const { return member_size_; }
  std::size_t trunk_size() const { return trunk_size_; }
  std::size_t member_offset(int member) const { return member * member_size_; }
  /// Offset of the output kernel [H] that `member` uses; its bias follows it.
  std::size_t head_offset(int member) const {
    return spec.shared_output ? spec.members * member_size_ : member * member_size_ + trunk_size_;
  }
  /// Names "critic/<member>/layer<k>/kernel", "critic/output/kernel", ..., or another first word.
  std::vector<TensorInfo> tensors(const std::string& name = "critic") const;

 private:
  std::size_t trunk_size_ = 0, member_size_ = 0;
};

class Actor {
 public:
  Actor() = default;
  explicit Actor(const ActorSpec& spec);

  ActorSpec spec;
  std::vector<LayerLayout> layers;
  FloatVector params;
  /// What lies ahead of the network, and of the critics learned with it. actor_row applies it; a Backend is given normalized batches.
  ObsNormalizer normalizer;

  std::size_t mean_kernel = 0, mean_bias = 0;        ///< [H,A], [A]
  std::size_t log_std_kernel = 0, log_std_bias = 0;  ///< [H,A], [A]; kUniform has the bias alone
  std::vector<TensorInfo> tensors() const;           ///< names "actor/layer<k>/kernel", "actor/mean/kernel", ...
};

enum class KernelInit {
  kOrthogonal,  ///< gain sqrt(2)
  kFanAvg,      ///< uniform of variance gain / ((in + out) / 2), gain 1
};

/// Hidden kernels as `init` says, with gain final_scale in the last one; orthogonal output kernels with gain sqrt(2), zero
/// biases, unit LayerNorm scales, zero log std vector.
void initialise(Critic& critic, Rng& rng, KernelInit init = KernelInit::kOrthogonal);
void initialise(Actor& actor, Rng& rng, KernelInit init = KernelInit::kOrthogonal);

/// Adam's state for one flat parameter buffer; `grad` is the last gradient and no part of the state.
struct Adam {
  FloatVector m, v, grad;
  std::int64_t steps = 0;

  void resize(std::size_t n) { m.assign(n, 0), v.assign(n, 0), grad.assign(n, 0), steps = 0; }
};

/// p -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
struct AdamConfig {
  double learning_rate = 3e-4, b1 = 0.9, b2 = 0.999, eps = 1e-8;
};

/// The factors of one Adam step, with the bias corrections of step `t` >= 1 folded in.
struct AdamFactors {
  float b1, one_minus_b1, b2, one_minus_b2, rate, root_correction, eps;
  AdamFactors(const AdamConfig& config, std::int64_t t);
};

/// A positive learned scalar (temperature, CQL's alpha): softplus(raw), with its own Adam.
struct PositiveScalar {
  float raw = 0, m = 0, v = 0;
  std::int64_t steps = 0;

  explicit PositiveScalar(double value = 1.0);
  float value() const;        ///< softplus(raw)
  float value_slope() const;  ///< d value / d raw = sigmoid(raw)
  void step(const AdamConfig& config, float grad_raw);
};

}  // namespace warmstart
