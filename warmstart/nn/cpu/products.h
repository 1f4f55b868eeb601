// Matrix products of one worker (oneDNN). Row-major; a caller on a ThreadTeam's worker gets one thread, so that bits do not depend on
// the team's size.
#pragma once
#include <cstdint>
#include <vector>

#include "warmstart/core/matrix.h"

namespace warmstart::cpu {

using Bf16 = std::uint16_t;  ///< the upper half of a float
using Bf16Vector = std::vector<Bf16, AlignedAllocator<Bf16>>;

/// C [m,n] = op(A) op(B) + beta C, in fp32. Throws Error(kMachine) when memory is short, as the next.
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta, float* c,
          int ldc);

/// The same with operands in bf16, contiguous, accumulated in fp32. `scratch` null: the CPU's instructions, through oneDNN, which takes
/// memory for the packed operands at each call, as its fp32 product does. Else the emulation: m * k + k * n floats in which the operands
/// are widened for a product in fp32; since products of two bf16 are exact in fp32, only the order of summation differs.
void gemm_bf16(bool transpose_a, bool transpose_b, int m, int n, int k, const Bf16* a, const Bf16* b, float beta, float* c, float* scratch);

/// Whether the oneDNN found at run time has a bf16 product.
bool has_bf16_product();

}  // namespace warmstart::cpu
