// In which precision a learner's matrix products run: what a recipe wishes, and what this machine can do.
#pragma once
#include <string>

namespace warmstart {

/// bf16: the products of the hidden layers after the first take operands rounded to bf16 (8 bits of significand, fp32's range) and
/// accumulate in fp32. Parameters, first layer, LayerNorm, output layers, losses, Adam, Polyak and acting are fp32 in each.
enum class Precision {
  kFp32,
  kBf16,          ///< by the CPU's instructions
  kBf16Emulated,  ///< operands rounded alike, products in fp32: slower than kFp32, for tests and studies
};
const char* precision_name(Precision precision);  ///< "fp32", "bf16", "bf16-emulated"

/// What this machine offers for bf16.
struct Bf16Support {
  bool avx512_bf16 = false, amx_bf16 = false;  ///< instructions of the CPU
  bool emulate = false;                        ///< the environment variable WARMSTART_BF16 is "emulate"
  std::string missing;                         ///< what kBf16 lacks here; "" when it can run
};
/// Throws Error(kUsage) for another value of WARMSTART_BF16, or of WARMSTART_ISA.
Bf16Support bf16_support();

/// What a wish comes to on this machine.
struct PrecisionChoice {
  Precision precision = Precision::kFp32;
  std::string note;  ///< what is missing and what happens instead; "" when the wish is met by instructions
};
/// `wish` is "fp32" or "bf16"; throws Error(kUsage) otherwise. A machine that lacks something is no error: fp32 and a note.
PrecisionChoice choose_precision(const std::string& wish);

}  // namespace warmstart
