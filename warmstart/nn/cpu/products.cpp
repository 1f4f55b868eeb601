#include "warmstart/nn/cpu/products.h"

#include <dnnl.h>

#include "warmstart/core/error.h"
#include "warmstart/nn/cpu/kernels.h"

// oneDNN exports this beside dnnl_sgemm, with the same arguments, but declares it in no public header; hence weak. The public way is
// a primitive per shape, and the rows of some blocks change from step to step.
extern "C" __attribute__((weak)) dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k,
                                                                     float alpha, const warmstart::cpu::Bf16* a, dnnl_dim_t lda,
                                                                     const warmstart::cpu::Bf16* b, dnnl_dim_t ldb, float beta, float* c,
                                                                     dnnl_dim_t ldc);

namespace warmstart::cpu {
namespace {

void check(dnnl_status_t status) {
  if (status != dnnl_success) throw machine_error("matrix product failed", "oneDNN", "free memory, or run `warmstart doctor`");
}

}  // namespace

void gemm(bool ta, bool tb, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  if (m == 0 || n == 0) return;
  check(dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc));
}

bool has_bf16_product() { return dnnl_gemm_bf16bf16f32 != nullptr; }

void gemm_bf16(bool ta, bool tb, int m, int n, int k, const Bf16* a, const Bf16* b, float beta, float* c, float* scratch) {
  if (m == 0 || n == 0) return;
  const int lda = ta ? m : k, ldb = tb ? k : n;
  if (!scratch) return check(dnnl_gemm_bf16bf16f32(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, beta, c, n));
  const std::size_t a_size = static_cast<std::size_t>(m) * k;
  kernels().widen_bf16(a, a_size, scratch);
  kernels().widen_bf16(b, static_cast<std::size_t>(k) * n, scratch + a_size);
  gemm(ta, tb, m, n, k, scratch, lda, scratch + a_size, ldb, beta, c, n);
}

}  // namespace warmstart::cpu
