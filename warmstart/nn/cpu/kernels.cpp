#include "warmstart/nn/cpu/kernels.h"

#include <cstdlib>
#include <string>

#include "warmstart/core/error.h"

namespace warmstart::cpu {
namespace avx512 {
extern const Kernels table;
}
namespace avx2 {
extern const Kernels table;
}
namespace base {
extern const Kernels table;
}

const Kernels& kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    __builtin_cpu_init();
    const bool has_512 = __builtin_cpu_supports("x86-64-v4"), has_2 = __builtin_cpu_supports("x86-64-v3");
    const char* wish = std::getenv("WARMSTART_ISA");
    const std::string name = wish ? wish : has_512 ? "avx512" : has_2 ? "avx2" : "x86-64";
    if (name == "avx512" && has_512) return avx512::table;
    if (name == "avx2" && has_2) return avx2::table;
    if (name == "x86-64") return base::table;
    throw usage_error("instruction set not available: " + name, "environment variable WARMSTART_ISA",
                      "use avx512, avx2 or x86-64, as this CPU allows");
  }();
  return chosen;
}

}  // namespace warmstart::cpu
