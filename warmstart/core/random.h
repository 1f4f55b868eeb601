// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011, from the Random123 library).
// A stream is (seed, name): streams with different names never overlap, and the whole state is four integers.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace warmstart {

class Rng {
 public:
  /// All that a checkpoint must hold: {seed, stream, next block, words used of the current block}.
  using State = std::array<std::uint64_t, 4>;

  Rng() : Rng(0, "") {}
  Rng(std::uint64_t seed, std::string_view stream);

  std::uint32_t bits32();
  std::uint64_t bits64();
  double uniform();                         ///< [0, 1), 53 bits
  double uniform(double low, double high);  ///< [low, high)
  double normal();                          ///< N(0, 1); one Box-Muller pair per call, so no hidden state
  std::uint32_t below(std::uint32_t n);     ///< uniform on {0..n-1}, unbiased; n > 0
  /// float N(0, 1), Box-Muller of each pair of words; an odd count draws a whole pair for its last value.
  void fill_normal(std::span<float> out);
  /// [low, high), 24 bits of a word for each value.
  void fill_uniform(std::span<float> out, float low, float high);

  State state() const { return state_; }
  void set_state(const State& s);

 private:
  void refill();
  /// The words that as many calls of bits32() would give, in bulk.
  void fill_words(std::span<std::uint32_t> words);
  State state_{};
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace warmstart
