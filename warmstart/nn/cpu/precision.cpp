#include "warmstart/nn/precision.h"

#include <cstdlib>
#include <string_view>

#include "warmstart/core/error.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/nn/cpu/products.h"

namespace warmstart {

const char* precision_name(Precision precision) {
  constexpr const char* names[] = {"fp32", "bf16", "bf16-emulated"};
  return names[static_cast<int>(precision)];
}

Bf16Support bf16_support() {
  __builtin_cpu_init();
  Bf16Support s;
  s.avx512_bf16 = __builtin_cpu_supports("avx512bf16"), s.amx_bf16 = __builtin_cpu_supports("amx-bf16");
  if (const char* wish = std::getenv("WARMSTART_BF16"); wish && *wish) {
    s.emulate = std::string_view(wish) == "emulate";
    if (!s.emulate)
      throw usage_error("no way to do bf16: " + std::string(wish), "environment variable WARMSTART_BF16", "use emulate, or unset it");
  }
  if (!s.avx512_bf16 && !s.amx_bf16) s.missing = "this CPU has neither avx512_bf16 nor amx_bf16";
  else if (std::string_view(cpu::kernels().isa) != "avx512") s.missing = "WARMSTART_ISA leaves out the instructions of AVX-512";
  else if (!cpu::has_bf16_product()) s.missing = "this oneDNN has no dnnl_gemm_bf16bf16f32";
  return s;
}

PrecisionChoice choose_precision(const std::string& wish) {
  if (wish == "fp32") return {};
  if (wish != "bf16") throw usage_error("unknown precision \"" + wish + "\"", "run.precision", "give fp32 or bf16");
  const Bf16Support s = bf16_support();
  if (s.emulate) return {Precision::kBf16Emulated, "bf16 is emulated (WARMSTART_BF16=emulate): the same rounding, slower than fp32"};
  if (s.missing.empty()) return {Precision::kBf16, ""};
  return {Precision::kFp32, "no bf16 here: " + s.missing + "; the matrix products stay in fp32"};
}

}  // namespace warmstart
