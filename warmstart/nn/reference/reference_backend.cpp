// Every call straight from its definition: all rows, all members asked for, double precision, one thread. No schedule.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "warmstart/nn/backend.h"
#include "warmstart/nn/cql_term.h"
#include "warmstart/nn/reference/trunk.h"

namespace warmstart {
namespace {

using reference::Grid;
using reference::LayerTrace;

struct ReferenceTape : ActorTape {
  std::vector<LayerTrace> trace;
  Grid hidden;
};

Grid to_grid(ConstMatrixView m) {
  Grid g(m.rows, m.cols);
  std::copy_n(m.data, m.size(), g.values.begin());
  return g;
}

// Row b * n + i = concat(obs_b, action_{b*n+i}).
Grid concat(ConstMatrixView obs, ConstMatrixView action, int n) {
  assert(action.rows == obs.rows * n);
  Grid x(action.rows, obs.cols + action.cols);
  for (int r = 0; r < action.rows; ++r) {
    std::copy_n(obs.row(r / n), obs.cols, x.row(r));
    std::copy_n(action.row(r), action.cols, x.row(r) + obs.cols);
  }
  return x;
}

// One member's Q over given rows, kept for its backward pass.
class MemberPass {
 public:
  MemberPass(const Critic& critic, const FloatVector& params, int member, const Grid& x)
      : critic_(critic), trunk_(params.data() + critic.member_offset(member)), params_(params.data()), member_(member) {
    assert(params.size() == critic.params.size() && member >= 0 && member < critic.spec.members);
    hidden_ = trunk_forward(trunk_, critic.spec.trunk, critic.layers, x, trace_);
    const std::size_t head = critic.head_offset(member);
    q_ = dense(params_, head, head + critic.spec.trunk.width(), hidden_, 1);
  }
  double q(int row) const { return q_.values[row]; }
  int rows() const { return q_.rows; }
  std::vector<float> q_floats() const { return {q_.values.begin(), q_.values.end()}; }

  /// Adds to grad [params] and returns dL/dx, given dL/dq [rows].
  Grid backward(std::vector<double>& grad, const std::vector<double>& d_q) const {
    Grid d(rows(), 1);
    d.values = d_q;
    const std::size_t head = critic_.head_offset(member_);
    Grid d_hidden = dense_backward(params_, grad.data(), head, head + critic_.spec.trunk.width(), hidden_, d);
    return trunk_backward(trunk_, grad.data() + critic_.member_offset(member_), critic_.spec.trunk, critic_.layers, trace_,
                          std::move(d_hidden));
  }

 private:
  const Critic& critic_;
  const float *trunk_, *params_;
  int member_;
  std::vector<LayerTrace> trace_;
  Grid hidden_, q_;
};

void add_td_term(const Critic& critic, const CriticLoss& loss, std::vector<double>& grad, CriticStats& stats) {
  const int rows = loss.obs.rows, members = critic.spec.members;
  const double weight = 1.0 / (static_cast<double>(members) * rows);
  const Grid x = concat(loss.obs, loss.action, 1);
  for (int i = 0; i < members; ++i) {
    const MemberPass pass(critic, critic.params, i, x);
    std::vector<double> d_q(rows, 0.0);
    for (int b = 0; b < rows; ++b) {
      stats.q_mean += weight * pass.q(b);
      if (loss.target.empty()) continue;
      const double error = pass.q(b) - loss.target[b], w = weight * loss.weight(static_cast<float>(error));
      stats.td_loss += w * error * error;
      d_q[b] = 2.0 * w * error;
    }
    if (!loss.target.empty()) pass.backward(grad, d_q);
  }
}

void add_cql_term(const Critic& critic, const CriticLoss& loss, std::vector<double>& grad, CriticStats& stats) {
  const CqlTerm& term = *loss.cql;
  const int rows = loss.obs.rows, n = term.actions_per_state;
  const double weight = 1.0 / (static_cast<double>(term.members.size()) * rows);
  const Grid x_data = concat(loss.obs, loss.action, 1), x = concat(loss.obs, term.action, n);
  for (int member : term.members) {
    const MemberPass data(critic, critic.params, member, x_data), sampled(critic, critic.params, member, x);
    const std::vector<float> q_data = data.q_floats(), q = sampled.q_floats();
    std::vector<double> d_data(rows), d_sampled(q.size());
    std::vector<float> d_row(n);
    for (int b = 0; b < rows; ++b) {
      const std::size_t first = static_cast<std::size_t>(b) * n;
      float d_q_data = 0;
      const CqlRow row = cql_row(term, b, q.data() + first, q_data[b], d_row.data(), &d_q_data);
      stats.cql_gap += weight * row.gap;
      stats.cql_loss += weight * clipped(term, row.gap);
      stats.cql_ood += weight * row.ood;
      stats.bound_rate += weight * row.bounded / n;
      d_data[b] = term.alpha * weight * d_q_data;
      for (int k = 0; k < n; ++k) d_sampled[first + k] = term.alpha * weight * d_row[k];
    }
    data.backward(grad, d_data);
    sampled.backward(grad, d_sampled);
  }
}

class ReferenceBackend : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::unique_ptr<ActorTape> make_tape() const override { return std::make_unique<ReferenceTape>(); }

  void actor_forward(const Actor& actor, ConstMatrixView obs, MatrixView mean, MatrixView log_std, ActorTape* tape) override {
    check_actor_call(actor, obs, mean, log_std);
    ReferenceTape own;
    ReferenceTape& t = tape ? dynamic_cast<ReferenceTape&>(*tape) : own;
    const float* p = actor.params.data();
    const int a = actor.spec.action;
    t.hidden = trunk_forward(p, actor.spec.trunk, actor.layers, to_grid(obs), t.trace, t.dropout);
    const Grid m = dense(p, actor.mean_kernel, actor.mean_bias, t.hidden, a);
    std::copy(m.values.begin(), m.values.end(), mean.data);
    if (actor.spec.std_head == StdHead::kExp) {
      const Grid s = dense(p, actor.log_std_kernel, actor.log_std_bias, t.hidden, a);
      std::copy(s.values.begin(), s.values.end(), log_std.data);
    } else {
      for (int b = 0; b < obs.rows; ++b) std::copy_n(p + actor.log_std_bias, a, log_std.row(b));
    }
  }

  void actor_backward(const Actor& actor, ConstMatrixView obs, const ActorTape& tape, ConstMatrixView d_mean, ConstMatrixView d_log_std,
                      FloatVector& grad) override {
    const auto& t = dynamic_cast<const ReferenceTape&>(tape);
    check_actor_call(actor, obs, d_mean, d_log_std);
    assert(t.hidden.rows == obs.rows);
    const float* p = actor.params.data();
    const int a = actor.spec.action;
    std::vector<double> g(actor.params.size(), 0.0);
    Grid d_hidden = dense_backward(p, g.data(), actor.mean_kernel, actor.mean_bias, t.hidden, to_grid(d_mean));
    if (actor.spec.std_head == StdHead::kExp) {
      const Grid d = dense_backward(p, g.data(), actor.log_std_kernel, actor.log_std_bias, t.hidden, to_grid(d_log_std));
      for (std::size_t i = 0; i < d.values.size(); ++i) d_hidden.values[i] += d.values[i];
    } else {
      for (int b = 0; b < obs.rows; ++b)
        for (int j = 0; j < a; ++j) g[actor.log_std_bias + j] += d_log_std(b, j);
    }
    trunk_backward(p, g.data(), actor.spec.trunk, actor.layers, t.trace, std::move(d_hidden), t.dropout);
    grad.assign(g.begin(), g.end());
  }

  void q_values(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs, ConstMatrixView action,
                int actions_per_state, MatrixView q) override {
    check_critic_call(critic, params, members, obs, action, actions_per_state);
    check_shape("q", q, static_cast<int>(members.size()), action.rows);
    const Grid x = concat(obs, action, actions_per_state);
    for (std::size_t m = 0; m < members.size(); ++m) {
      const MemberPass pass(critic, params, members[m], x);
      for (int r = 0; r < action.rows; ++r) q(static_cast<int>(m), r) = static_cast<float>(pass.q(r));
    }
  }

  void q_action_gradient(const Critic& critic, const FloatVector& params, std::span<const int> asked, ConstMatrixView obs,
                         ConstMatrixView action, EnsembleReduce reduce, std::span<float> q, MatrixView dq_da) override {
    const int rows = obs.rows, members = static_cast<int>(asked.size());
    check_critic_call(critic, params, asked, obs, action, 1);
    check_shape("q", {q.data(), static_cast<int>(q.size()), 1}, rows, 1);
    check_shape("dq_da", dq_da, rows, action.cols);
    const Grid x = concat(obs, action, 1);
    std::vector<MemberPass> passes;
    for (int i = 0; i < members; ++i) passes.emplace_back(critic, params, asked[i], x);
    std::vector<double> ignored(critic.params.size());
    Grid total(rows, x.cols);
    for (int i = 0; i < members; ++i) {
      std::vector<double> d_q(rows, reduce == EnsembleReduce::kMean ? 1.0 / members : 0.0);
      if (reduce == EnsembleReduce::kMin)
        for (int b = 0; b < rows; ++b) d_q[b] = argmin(passes, b) == i;
      const Grid d_x = passes[i].backward(ignored, d_q);
      for (std::size_t k = 0; k < d_x.values.size(); ++k) total.values[k] += d_x.values[k];
    }
    for (int b = 0; b < rows; ++b) {
      double mean = 0;
      for (const MemberPass& pass : passes) mean += pass.q(b) / members;
      q[b] = static_cast<float>(reduce == EnsembleReduce::kMin ? passes[argmin(passes, b)].q(b) : mean);
      for (int j = 0; j < action.cols; ++j) dq_da(b, j) = static_cast<float>(total.row(b)[obs.cols + j]);
    }
  }

  CriticStats critic_step(Critic& critic, Adam& adam, const AdamConfig& config, const CriticLoss& loss, FloatVector* target,
                          float tau) override {
    check_critic_loss(critic, loss, target);
    CriticStats stats;
    std::vector<double> grad(critic.params.size(), 0.0);
    add_td_term(critic, loss, grad, stats);
    if (loss.cql) add_cql_term(critic, loss, grad, stats);
    adam.grad.assign(grad.begin(), grad.end());
    adam_step(critic.params, adam, config, false);
    if (!target) return stats;
    for (std::size_t i = 0; i < target->size(); ++i)
      (*target)[i] = static_cast<float>(static_cast<double>(tau) * critic.params[i] + (1.0 - tau) * (*target)[i]);
    return stats;
  }

  void adam_step(FloatVector& params, Adam& adam, const AdamConfig& config, bool idle) override {
    assert(adam.m.size() == params.size() && adam.v.size() == params.size() && (idle || adam.grad.size() == params.size()));
    const AdamFactors f(config, ++adam.steps);
    for (std::size_t i = 0; i < params.size(); ++i) {
      const double g = idle ? 0.0 : adam.grad[i];
      const double m = static_cast<double>(f.b1) * adam.m[i] + f.one_minus_b1 * g;
      const double v = static_cast<double>(f.b2) * adam.v[i] + f.one_minus_b2 * g * g;
      adam.m[i] = static_cast<float>(m);
      adam.v[i] = static_cast<float>(v);
      params[i] = static_cast<float>(params[i] - f.rate * m / (std::sqrt(v) * f.root_correction + f.eps));
    }
  }

 private:
  static int argmin(const std::vector<MemberPass>& passes, int row) {  // the first one on ties
    int best = 0;
    for (std::size_t i = 1; i < passes.size(); ++i)
      if (passes[i].q(row) < passes[best].q(row)) best = static_cast<int>(i);
    return best;
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace warmstart
