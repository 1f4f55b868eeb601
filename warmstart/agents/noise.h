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
  std::string name() const { return std::string(loss) + "/" + what; }  ///< as the recordings spell it
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

 private:
  Rng& rng_;
};

}  // namespace warmstart
