// Randomness as an argument: an update asks for its draws by name, so that recorded draws can be put in their place.
#pragma once
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/core/random.h"

namespace warmstart {

class Noise {
 public:
  virtual ~Noise() = default;
  /// N(0,1) into out [B*n,A], state-major.
  virtual void normal(const std::string& name, int actions_per_state, MatrixView out) = 0;
  /// U[-1,1) into out [B*n,A], state-major.
  virtual void uniform(const std::string& name, int actions_per_state, MatrixView out) = 0;
  /// `count` member indices out of `n`.
  virtual std::vector<int> subset(const std::string& name, int n, int count, bool with_replacement) = 0;
  /// Called before each gradient step of an update (u0, u1, ... in the recordings).
  virtual void next_step() {}
};

/// Draws from one random stream, in the order asked.
class RandomNoise : public Noise {
 public:
  explicit RandomNoise(Rng& rng) : rng_(rng) {}
  void normal(const std::string&, int, MatrixView out) override { rng_.fill_normal({out.data, out.size()}); }
  void uniform(const std::string&, int, MatrixView out) override { rng_.fill_uniform({out.data, out.size()}, -1, 1); }
  std::vector<int> subset(const std::string&, int n, int count, bool with_replacement) override {
    std::vector<int> out;
    while (static_cast<int>(out.size()) < count) {
      const int i = static_cast<int>(rng_.below(static_cast<std::uint32_t>(n)));
      bool taken = false;
      for (int j : out) taken = taken || j == i;
      if (with_replacement || !taken) out.push_back(i);
    }
    return out;
  }

 private:
  Rng& rng_;
};

}  // namespace warmstart
