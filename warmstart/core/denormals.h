// Arithmetic on denormal floats (below 1.2e-38) costs a CPU some hundred cycles each.
#pragma once
#include <xmmintrin.h>

namespace warmstart {

/// While it lives, this thread, and any thread that it starts, takes denormal floats as zero and makes none; then as before.
class FlushDenormals {
 public:
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kResults | kOperands); }
  ~FlushDenormals() { _mm_setcsr(before_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned kResults = 0x8000, kOperands = 0x0040;  // FTZ, DAZ
  unsigned before_;
};

}  // namespace warmstart
