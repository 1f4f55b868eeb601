// Elementary functions over float arrays as vector code, and the random words that feed them. Compiled once per instruction set
// and chosen at run time; every set gives the same bits, because the polynomials use no fused multiply-add and each value depends
// on its own input alone. So a result does not depend on where an array is cut, nor on the CPU.
//
// x and y hold n values and are the same array or do not overlap. Nothing is allocated or kept; any thread may call.
// Errors are against the exact value, over every float: infinities and zeros of either sign give what the C library gives
// (log of a negative number: NaN), NaN gives NaN, and subnormal arguments and results are exact to the bound.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace warmstart::vec {

struct Functions {
  const char* isa;  ///< "avx512", "avx2", "x86-64"

  /// e^x within 1 ulp.
  void (*exp)(const float* x, float* y, std::size_t n);
  /// log x within 1 ulp.
  void (*log)(const float* x, float* y, std::size_t n);
  /// tanh x within 2 ulp.
  void (*tanh)(const float* x, float* y, std::size_t n);
  /// artanh x within 2 ulp; +-1 gives an infinity, beyond it NaN.
  void (*atanh)(const float* x, float* y, std::size_t n);
  /// log(1 + e^x) within 2 ulp.
  void (*softplus)(const float* x, float* y, std::size_t n);
  /// y = tanh x as above, and log_slope = log(1 - tanh^2 x), the logarithm of its derivative, within 4e-7 + 2 ulp.
  void (*tanh_log_slope)(const float* x, float* y, float* log_slope, std::size_t n);
  /// Cosine and sine of v turns (2 pi v) for v in [0, 1], within 1e-7.
  void (*cos_sin_turns)(const float* v, float* cosine, float* sine, std::size_t n);

  /// Philox4x32-10 of `blocks` successive counters: words[4 i + k] is word k of the block {first + i, stream} under `key`.
  void (*philox)(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::uint32_t* words, std::size_t blocks);
  /// Box-Muller, two words to two N(0, 1): u of the first's upper 24 bits in (0, 1], v of the second's in [0, 1);
  /// sqrt(-2 log u) times cosine and sine of v turns. words and out [2 * pairs]. Within 1e-6.
  void (*normals)(const std::uint32_t* words, float* out, std::size_t pairs);
  /// low + (high - low) * (a word's upper 24 bits in [0, 1)). words and out [n].
  void (*uniforms)(const std::uint32_t* words, float* out, std::size_t n, float low, float high);
};

/// The best set this CPU has.
const Functions& functions();
/// All sets this CPU has, best first.
std::span<const Functions* const> all_functions();

}  // namespace warmstart::vec
