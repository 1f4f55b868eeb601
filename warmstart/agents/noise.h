// Randomness as an argument: an update asks for its draws by name, so that recorded draws can be put in their place.
#pragma once
#include <span>
#include <string>

#include "warmstart/core/matrix.h"
#include "warmstart/core/random.h"

namespace warmstart {

/// What a draw is for: "critic", "next_action_noise". Two parts, so that asking allocates nothing.
struct Draw {
  const char *loss, *what;
  int layer = 0;
  std::string name() const {  ///< as the recordings spell it
    return std::string(loss) + "/" + what + (layer ? "_" + std::to_string(layer) : "");
  }
};

class Noise {
 public:
  virtual ~Noise() = default;
  /// N(0,1) into out [B*n,A], state-major.
  virtual void normal(Draw draw, int actions_per_state, MatrixView out) = 0;
  /// U[-1,1) into out [B*n,A], state-major.
  virtual void uniform(Draw draw, int actions_per_state, MatrixView out) = 0;
  /// Member indices out of `n` into out [M].
  virtual void subset(Draw draw, int n, bool with_replacement, std::span<int> out) = 0;
  /// 1 with probability `share`, else 0, into out [B,H].
  virtual void keep(Draw draw, double share, MatrixView out) = 0;
  /// Called before each gradient step of an update (u0, u1, ... in the recordings).
  virtual void next_step() {}
};

/// Draws from one random stream, in the order asked.
class RandomNoise : public Noise {
 public:
  explicit RandomNoise(Rng& rng) : rng_(rng) {}
  void normal(Draw, int, MatrixView out) override { rng_.fill_normal({out.data, out.size()}); }
  void uniform(Draw, int, MatrixView out) override { rng_.fill_uniform({out.data, out.size()}, -1, 1); }
  void subset(Draw, int n, bool with_replacement, std::span<int> out) override {
    for (std::size_t k = 0; k < out.size();) {
      const int i = static_cast<int>(rng_.below(static_cast<std::uint32_t>(n)));
      bool taken = false;
      for (std::size_t j = 0; j < k; ++j) taken = taken || out[j] == i;
      if (with_replacement || !taken) out[k++] = i;
    }
  }

  void keep(Draw, double share, MatrixView out) override {
    rng_.fill_uniform({out.data, out.size()}, 0, 1);
    for (std::size_t i = 0; i < out.size(); ++i) out.data[i] = out.data[i] < static_cast<float>(share) ? 1.0f : 0.0f;
  }

 private:
  Rng& rng_;
};

}  // namespace warmstart
