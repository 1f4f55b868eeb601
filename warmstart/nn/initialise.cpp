#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/core/threads.h"
#include "warmstart/nn/network.h"

namespace warmstart {
namespace {

constexpr double kGain = std::numbers::sqrt2;

// One kernel [in,out] to be filled.
struct Job {
  float* kernel;
  int in, out;
  double gain;
  std::uint64_t seed;
  KernelInit init = KernelInit::kOrthogonal;
};

// Once per instruction set, with the same bits (this file is compiled without fused multiply-adds); sanitizers start too late
// for the loader's choice.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REFLECT_CLONES
#else
#define REFLECT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

// E [rows,cols] (rows ld apart) -= f v (v^T E); w [cols] is scratch.
REFLECT_CLONES void reflect(float* e, std::size_t ld, int rows, int cols, const float* v, float f, float* w) {
  for (int j = 0; j < cols; ++j) w[j] = 0;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j) w[j] += v[i] * e[i * ld + j];
  for (int i = 0; i < rows; ++i) {
    const float c = f * v[i];
    for (int j = 0; j < cols; ++j) e[i * ld + j] -= c * w[j];
  }
}

// Uniform on orthogonal matrices, without a QR decomposition (Stewart 1980): reflections of Gaussian vectors of decreasing
// length, H_0 H_1 ... applied to the identity, with the signs that a QR with positive diagonal would have.
void orthogonal(const Job& job) {
  const int tall = std::max(job.in, job.out), wide = std::min(job.in, job.out);
  const auto ld = static_cast<std::size_t>(wide);
  FloatVector e(tall * ld, 0.0f), v(tall), w(wide), sign(wide);
  Rng rng(job.seed, "orthogonal kernel");
  for (int k = wide - 1; k >= 0; --k) {
    e[k * ld + k] = 1;
    const int length = tall - k;
    rng.fill_normal({v.data(), static_cast<std::size_t>(length)});
    double squares = 0;
    for (int i = 0; i < length; ++i) squares += static_cast<double>(v[i]) * v[i];
    const double norm = std::copysign(std::sqrt(squares), v[0]);
    sign[k] = v[0] < 0 ? 1.0f : -1.0f;
    const double first = v[0] + norm, length_squared = squares - static_cast<double>(v[0]) * v[0] + first * first;
    v[0] = static_cast<float>(first);
    reflect(e.data() + k * ld + k, ld, length, wide - k, v.data(), static_cast<float>(2 / length_squared), w.data());
  }
  for (int i = 0; i < job.in; ++i)
    for (int j = 0; j < job.out; ++j) {
      const int row = job.in >= job.out ? i : j, col = job.in >= job.out ? j : i;
      job.kernel[static_cast<std::size_t>(i) * job.out + j] = static_cast<float>(job.gain) * sign[col] * e[row * ld + col];
    }
}

void fan_avg(const Job& job) {
  const auto limit = static_cast<float>(std::sqrt(3 * job.gain * 2 / (job.in + job.out)));
  Rng(job.seed, "uniform kernel").fill_uniform({job.kernel, static_cast<std::size_t>(job.in) * job.out}, -limit, limit);
}

// Every kernel has its own stream, so that they can be made side by side.
void fill(const std::vector<Job>& jobs) {
  ThreadTeam team(std::min<int>(available_cpus(), static_cast<int>(jobs.size())));
  team.for_each(static_cast<int>(jobs.size()),
                [&](int i, int) { jobs[i].init == KernelInit::kFanAvg ? fan_avg(jobs[i]) : orthogonal(jobs[i]); });
}

void initialise_trunk(float* base, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, Rng& rng, KernelInit init,
                      std::vector<Job>& jobs) {
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerLayout& l = layers[k];
    const bool last = k + 1 == layers.size();
    const double gain = last && spec.final_scale > 0 ? spec.final_scale : init == KernelInit::kFanAvg ? 1.0 : kGain;
    jobs.push_back({base + l.kernel, l.in, l.out, gain, rng.bits64(), init});
    std::fill_n(base + l.bias, l.out, 0.0f);
    if (!spec.layer_norm) continue;
    std::fill_n(base + l.scale, l.out, 1.0f);
    std::fill_n(base + l.shift, l.out, 0.0f);
  }
}

}  // namespace

void initialise(Critic& critic, Rng& rng, KernelInit init) {
  std::vector<Job> jobs;
  float* p = critic.params.data();
  const int width = critic.spec.trunk.width();
  for (int i = 0; i < critic.spec.members; ++i) {
    initialise_trunk(p + critic.member_offset(i), critic.spec.trunk, critic.layers, rng, init, jobs);
    if (critic.spec.shared_output && i > 0) continue;
    jobs.push_back({p + critic.head_offset(i), width, 1, kGain, rng.bits64()});
    p[critic.head_offset(i) + width] = 0;
  }
  fill(jobs);
}

void initialise(Actor& actor, Rng& rng, KernelInit init) {
  std::vector<Job> jobs;
  float* p = actor.params.data();
  const int width = actor.spec.trunk.width(), a = actor.spec.action;
  initialise_trunk(p, actor.spec.trunk, actor.layers, rng, init, jobs);
  jobs.push_back({p + actor.mean_kernel, width, a, kGain, rng.bits64()});
  std::fill_n(p + actor.mean_bias, a, 0.0f);
  if (actor.spec.std_head == StdHead::kExp) jobs.push_back({p + actor.log_std_kernel, width, a, kGain, rng.bits64()});
  std::fill_n(p + actor.log_std_bias, a, 0.0f);
  fill(jobs);
}

}  // namespace warmstart
