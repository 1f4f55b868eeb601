#include <algorithm>

#include "warmstart/nn/cpu/cpu_backend.h"
#include "warmstart/nn/cpu/kernels.h"

namespace warmstart::cpu {
namespace {

struct Tape : ActorTape {
  mutable std::vector<TrunkWork> blocks;  // the backward pass uses their gradient buffers
};

}  // namespace

TrunkParams CpuBackend::actor_params(const Actor& actor) {
  if (!bf16()) return {actor.params.data()};
  rounded_actor_.resize(actor.params.size());
  kernels().round_bf16(actor.params.data(), actor.params.size(), rounded_actor_.data());
  return {actor.params.data(), rounded_actor_.data()};
}

std::unique_ptr<ActorTape> CpuBackend::make_tape() const { return std::make_unique<Tape>(); }

void CpuBackend::actor_forward(const Actor& actor, ConstMatrixView obs, MatrixView mean, MatrixView log_std, ActorTape* tape) {
  const FlushDenormals mode;
  check_actor_call(actor, obs, mean, log_std);
  const int count = blocks(obs.rows, kActorBlockRows), h = actor.spec.trunk.width(), a = actor.spec.action;
  auto* kept = static_cast<Tape*>(tape);
  if (kept && static_cast<int>(kept->blocks.size()) < count) kept->blocks.resize(count);
  const float* p = actor.params.data();
  const TrunkParams trunk = actor_params(actor);
  if (!kept) reserve(actor.spec.trunk, std::min(kActorBlockRows, obs.rows), false);
  for (int i = 0; kept && i < count; ++i) kept->blocks[i].reserve(actor.spec.trunk, std::min(kActorBlockRows, obs.rows), true, precision_);
  team_.for_each(count, [&](int task, int worker) {
    const int first = task * kActorBlockRows, rows = std::min(kActorBlockRows, obs.rows - first);
    TrunkWork& w = kept ? kept->blocks[task] : work_[worker];
    TrunkInput in{obs.slice(first, rows), {}, 1};
    if (kept) in.dropout = kept->dropout, in.dropout_row = first;
    trunk_forward(actor.spec.trunk, actor.layers, trunk, in, w, kept != nullptr);
    const auto linear = [&](std::size_t kernel, std::size_t bias, MatrixView out) {
      for (int r = 0; r < rows; ++r) std::copy_n(p + bias, a, out.row(first + r));
      gemm(false, false, rows, a, h, w.out, h, p + kernel, a, 1, out.row(first), a);
    };
    linear(actor.mean_kernel, actor.mean_bias, mean);
    if (actor.spec.std_head == StdHead::kExp) linear(actor.log_std_kernel, actor.log_std_bias, log_std);
    else
      for (int r = 0; r < rows; ++r) std::copy_n(p + actor.log_std_bias, a, log_std.row(first + r));
  });
}

void CpuBackend::actor_backward(const Actor& actor, ConstMatrixView obs, const ActorTape& tape, ConstMatrixView d_mean,
                                ConstMatrixView d_log_std, FloatVector& grad) {
  const FlushDenormals mode;
  check_actor_call(actor, obs, d_mean, d_log_std);
  assert(grad.size() == actor.params.size());
  const auto& kept = static_cast<const Tape&>(tape);
  const int count = blocks(obs.rows, kActorBlockRows), lanes = std::min(kLanes, count), h = actor.spec.trunk.width(), a = actor.spec.action;
  const bool exp_head = actor.spec.std_head == StdHead::kExp;
  const float* p = actor.params.data();
  const std::size_t size = actor.params.size();
  const TrunkParams trunk = actor_params(actor);
  lanes_.resize(lanes * size);
  team_.for_each(lanes, [&](int lane, int) {
    float* g = lanes_.data() + lane * size;
    for (int block = lane; block < count; block += lanes) {
      const int first = block * kActorBlockRows, rows = std::min(kActorBlockRows, obs.rows - first);
      const bool fresh = block == lane;
      const float beta = fresh ? 0.0f : 1.0f;
      TrunkWork& w = kept.blocks[block];
      const auto bias_gradient = [&](std::size_t bias, ConstMatrixView d) {
        if (fresh) std::fill_n(g + bias, a, 0.0f);
        for (int r = first; r < first + rows; ++r)
          for (int j = 0; j < a; ++j) g[bias + j] += d(r, j);
      };
      gemm(true, false, h, a, rows, w.out, h, d_mean.row(first), a, beta, g + actor.mean_kernel, a);
      bias_gradient(actor.mean_bias, d_mean);
      gemm(false, true, rows, h, a, d_mean.row(first), a, p + actor.mean_kernel, a, 0, w.d[0].data(), h);
      bias_gradient(actor.log_std_bias, d_log_std);
      if (exp_head) {
        gemm(true, false, h, a, rows, w.out, h, d_log_std.row(first), a, beta, g + actor.log_std_kernel, a);
        gemm(false, true, rows, h, a, d_log_std.row(first), a, p + actor.log_std_kernel, a, 1, w.d[0].data(), h);
      }
      trunk_backward(actor.spec.trunk, actor.layers, trunk, {obs.slice(first, rows), {}, 1, kept.dropout, first}, w, g, fresh, nullptr);
    }
  });
  std::copy_n(lanes_.data(), size, grad.data());
  for (int lane = 1; lane < lanes; ++lane) kernels().add(grad.data(), lanes_.data() + lane * size, size);
}

void CpuBackend::adam_step(FloatVector& params, Adam& adam, const AdamConfig& config, bool idle) {
  const FlushDenormals mode;
  const AdamFactors factors(config, ++adam.steps);
  team_.for_each(blocks(static_cast<int>(params.size()), static_cast<int>(kAdamRange)), [&](int task, int) {
    const std::size_t first = static_cast<std::size_t>(task) * kAdamRange, count = std::min(kAdamRange, params.size() - first);
    kernels().adam(params.data() + first, idle ? nullptr : adam.grad.data() + first, adam.m.data() + first, adam.v.data() + first, nullptr,
                   count, factors, 0);
  });
}

}  // namespace warmstart::cpu

namespace warmstart {

std::unique_ptr<Backend> make_cpu_backend(int threads, Precision precision) {
  return std::make_unique<cpu::CpuBackend>(threads, precision);
}

}  // namespace warmstart
