// Why a run goes well or badly: what critics and policy say on fixed offline transitions, on the warm-up's and on the newest ones,
// compared with what was pre-trained. Measured with the rows of training metrics, never inside a training step.
#pragma once
#include <optional>
#include <utility>

#include "warmstart/agents/registry.h"
#include "warmstart/diagnostics/probe.h"
#include "warmstart/nn/backend.h"

namespace warmstart {

struct DiagnosticsConfig {
  bool on = true;
  int rows = 256;          ///< of each set
  std::int64_t every = 0;  ///< steps; 0 = with every row of training metrics
  bool hold_out = true;    ///< the offline rows are not learned from

  Fields fields();
};

/// Named numbers of one moment, in a fixed order.
using Measurements = std::vector<std::pair<std::string, double>>;

/// TD error of one set of rows: target y = r + discount * mask * min over M critics of the target network of Q(s', a'), a' ~ pi.
struct TdError {
  double q_mean = 0;              ///< mean over rows and critics of Q_i(s, a)
  double q_spread = 0;            ///< std over rows of the critics' mean
  double absolute = 0;            ///< mean over rows and critics of |Q_i - y|
  double disagreement = 0;        ///< mean over rows of the std over critics
  std::vector<double> target, q;  ///< [B] y and the critics' mean
};

/// What the acting side of a robot feels, over consecutive rows of a buffer.
struct ActionStats {
  double saturation = 0;  ///< share of action entries with |a| > 0.99
  double chatter = 0;     ///< mean of |a_{t+1} - 2 a_t + a_{t-1}| over entries, within episodes: jerk, for a position-like action
};
ActionStats action_stats(const ReplayBuffer& buffer, std::size_t newest);

class Diagnostics {
 public:
  /// `seed` fixes the noise of sampled actions; it is the same in every measurement.
  Diagnostics(DiagnosticsConfig config, AgentConfig agent, std::uint64_t seed) : config_(config), agent_(std::move(agent)), seed_(seed) {}

  bool on() const { return config_.on && config_.rows > 0; }
  void take_offline(const Dataset& data) { offline_ = probe_of(data, config_.rows); }
  const Probe& offline() const { return offline_; }
  void take_warmup(const ReplayBuffer& buffer);
  /// What online learning is compared with; `critic_learned` is false when it never was trained.
  void remember(const Actor& actor, const Critic& critic, bool critic_learned);

  /// Everything that has a meaning now. `critic_learns` and the rates are those of the learner at work; `buffer` may be null.
  Measurements measure(const ActorCritic& now, bool critic_learns, Backend& backend, const ReplayBuffer* buffer) const;
  TdError td_error(const ActorCritic& now, const Probe& probe, Backend& backend) const;

  /// The offline rows, which a start for online learning takes along.
  void put_offline(SafeTensors& file) const { put_probe(offline_, "diagnostics/offline", file); }
  void get_offline(const SafeTensors& file, const std::string& where) { offline_ = get_probe(file, "diagnostics/offline", where); }
  /// Everything, for a checkpoint; `shapes` has the sizes of the networks.
  void put(SafeTensors& file) const;
  void get(const SafeTensors& file, const std::string& where, const ActorCritic& shapes);

 private:
  void add_set(const std::string& name, const Probe& probe, const ActorCritic& now, bool critic_learns, Backend& backend,
               Measurements& out) const;

  DiagnosticsConfig config_;
  AgentConfig agent_;
  std::uint64_t seed_;
  Probe offline_, warmup_;
  ActionStats warmup_actions_;
  std::optional<Actor> actor_;    ///< pre-trained
  std::optional<Critic> critic_;  ///< pre-trained
};

/// KL(p || q) of the Gaussians before the tanh, which it leaves as it is: mean over rows of
///   sum_j log(std_q / std_p) + (std_p^2 + (mean_p - mean_q)^2) / (2 std_q^2) - 1/2;   all [B,A], log std before the clip of gaussian.h
double gaussian_kl(ConstMatrixView mean_p, ConstMatrixView log_std_p, ConstMatrixView mean_q, ConstMatrixView log_std_q);

}  // namespace warmstart
