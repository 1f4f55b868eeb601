// The CPU backend's schedule: which rows of which member run as one task. Block sizes are constants, so results do not
// depend on the number of threads; sums over blocks run in index order. Denormal numbers are zero here: where a softmax gives
// most actions next to no weight, CQL's gradients are full of them.
#pragma once
#include "warmstart/core/denormals.h"
#include "warmstart/core/threads.h"
#include "warmstart/nn/backend.h"
#include "warmstart/nn/cpu/trunk.h"

namespace warmstart::cpu {

constexpr int kBlockRows = 128;  ///< rows of a critic block: one layer's activations and weights share the L2 cache
constexpr int kActorBlockRows = 128;
constexpr int kLanes = 4;  ///< partial gradients per member (CQL) or actor; bounds their parallelism and their memory
constexpr std::size_t kAdamRange = 1 << 15;

/// States per block of about kBlockRows rows.
inline int block_states(int actions_per_state) { return std::max(1, kBlockRows / actions_per_state); }
inline int blocks(int count, int size) { return (count + size - 1) / size; }

class CpuBackend : public Backend {
 public:
  CpuBackend(int threads, Precision precision)
      : team_([threads] {
          const FlushDenormals mode;  // of the workers, for good
          return ThreadTeam(threads);
        }()),
        work_(threads),
        precision_(precision) {}
  std::string name() const override { return "cpu"; }

  void actor_forward(const Actor& actor, ConstMatrixView obs, MatrixView mean, MatrixView log_std, ActorTape* tape) override;
  std::unique_ptr<ActorTape> make_tape() const override;
  void actor_backward(const Actor& actor, ConstMatrixView obs, const ActorTape& tape, ConstMatrixView d_mean, ConstMatrixView d_log_std,
                      FloatVector& grad) override;
  void q_values(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs, ConstMatrixView action,
                int actions_per_state, MatrixView q) override;
  void q_action_gradient(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                         ConstMatrixView action, EnsembleReduce reduce, std::span<float> q, MatrixView dq_da) override;
  CriticStats critic_step(Critic& critic, Adam& adam, const AdamConfig& config, const CriticLoss& loss, FloatVector* target,
                          float tau) override;
  void adam_step(FloatVector& params, Adam& adam, const AdamConfig& config, bool idle) override;

 private:
  /// Partial sums of one task, added up in task order.
  struct Sums {
    double td = 0, q = 0, gap = 0, clipped_gap = 0, ood = 0, bounded = 0;
  };
  /// Room in every worker for blocks of `rows` rows: which worker gets which block is left to chance.
  void reserve(const TrunkSpec& spec, int rows, bool keep) {
    for (TrunkWork& w : work_) w.reserve(spec, rows, keep, precision_);
  }
  bool bf16() const { return precision_ != Precision::kFp32; }
  /// Where a critic member's rounded parameters lie; null in fp32.
  Bf16* rounded(const Critic& critic, int member) { return bf16() ? rounded_.data() + member * critic.trunk_size() : nullptr; }
  /// Rounds these members of `params`, range by range; does nothing in fp32.
  void round_members(const Critic& critic, const FloatVector& params, std::span<const int> members);
  /// The actor's parameters, rounded where bf16 asks for it.
  TrunkParams actor_params(const Actor& actor);
  /// Rows that one member is differentiated for: [first, first + count) of `order_`.
  struct Rows {
    int member, first, count;
  };
  void td_lane(const Critic& critic, const CriticLoss& loss, int member, int lane, int lanes, TrunkWork& w, float* grad, float* head_grad,
               Sums& sums);
  void cql_lane(const Critic& critic, const CriticLoss& loss, int member, int multiplicity, int lane, TrunkWork& w, float* grad,
                float* head_grad, Sums& sums);

  ThreadTeam team_;
  std::vector<TrunkWork> work_;  ///< one per worker
  Precision precision_;
  // scratch that keeps its size from step to step
  FloatVector lanes_, heads_, all_q_, all_d_, gathered_;
  Bf16Vector rounded_, rounded_actor_;  ///< [N, trunk] of the critic, of its target in between; the actor's
  std::vector<int> multiplicity_, wide_, narrow_, best_, order_;
  std::vector<Rows> blocks_;
  std::vector<Sums> sums_;
};

}  // namespace warmstart::cpu
