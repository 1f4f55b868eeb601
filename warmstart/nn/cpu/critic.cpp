#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/nn/cpu/cpu_backend.h"
#include "warmstart/nn/cpu/kernels.h"
#include "warmstart/nn/cql_term.h"

namespace warmstart::cpu {

void CpuBackend::round_members(const Critic& critic, const FloatVector& params, std::span<const int> members) {
  if (!bf16()) return;
  const std::size_t trunk = critic.trunk_size();
  const int ranges = blocks(static_cast<int>(trunk), static_cast<int>(kAdamRange));
  rounded_.resize(critic.spec.members * trunk);
  team_.for_each(static_cast<int>(members.size()) * ranges, [&](int task, int) {
    const auto at = members.begin() + task / ranges;
    const int member = *at;
    if (std::find(members.begin(), at, member) != at) return;  // a subset drawn with replacement
    const std::size_t first = static_cast<std::size_t>(task % ranges) * kAdamRange, count = std::min(kAdamRange, trunk - first);
    kernels().round_bf16(params.data() + critic.member_offset(member) + first, count, rounded(critic, member) + first);
  });
}

void CpuBackend::q_values(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                          ConstMatrixView action, int n, MatrixView q) {
  const FlushDenormals mode;
  check_critic_call(critic, params, members, obs, action, n);
  check_shape("q", q, static_cast<int>(members.size()), action.rows);
  const int states = block_states(n), per_member = blocks(obs.rows, states), h = critic.spec.trunk.width();
  reserve(critic.spec.trunk, std::min(states, obs.rows) * n, false);
  round_members(critic, params, members);
  team_.for_each(static_cast<int>(members.size()) * per_member, [&](int task, int worker) {
    const int m = task / per_member, first = task % per_member * states, count = std::min(states, obs.rows - first);
    TrunkWork& w = work_[worker];
    const float* head = params.data() + critic.head_offset(members[m]);
    trunk_forward(critic.spec.trunk, critic.layers, {params.data() + critic.member_offset(members[m]), rounded(critic, members[m])},
                  {obs.slice(first, count), action.slice(first * n, count * n), n}, w, false);
    kernels().head(w.out, count * n, h, head, head[h], q.row(m) + static_cast<std::size_t>(first) * n);
  });
}

void CpuBackend::q_action_gradient(const Critic& critic, const FloatVector& params, std::span<const int> members, ConstMatrixView obs,
                                   ConstMatrixView action, EnsembleReduce reduce, std::span<float> q, MatrixView dq_da) {
  const FlushDenormals mode;
  check_shape("q", {q.data(), static_cast<int>(q.size()), 1}, obs.rows, 1);
  check_shape("dq_da", dq_da, obs.rows, action.cols);
  const int n = static_cast<int>(members.size()), b = obs.rows, o = obs.cols, a = action.cols, h = critic.spec.trunk.width();
  all_q_.resize(static_cast<std::size_t>(n) * b);
  const MatrixView every{all_q_.data(), n, b};
  q_values(critic, params, members, obs, action, 1, every);

  // the member that is differentiated for a row: the minimal one, or each
  const bool all = reduce == EnsembleReduce::kMean;
  best_.resize(b);
  for (int r = 0; r < b; ++r) {
    int best = 0;
    double sum = 0;
    for (int i = 0; i < n; ++i) {
      if (every(i, r) < every(best, r)) best = i;
      sum += every(i, r);
    }
    q[r] = all ? static_cast<float>(sum / n) : every(best, r);
    best_[r] = best;
  }
  order_.clear(), blocks_.clear();
  order_.reserve(static_cast<std::size_t>(all ? n : 1) * b);
  blocks_.reserve(static_cast<std::size_t>(n) * blocks(b, kBlockRows));
  reserve(critic.spec.trunk, std::min(kBlockRows, b), true);
  for (int i = 0; i < n; ++i) {
    int first = static_cast<int>(order_.size());
    for (int r = 0; r < b; ++r)
      if (all || best_[r] == i) order_.push_back(r);
    for (; first < static_cast<int>(order_.size()); first += kBlockRows)
      blocks_.push_back({members[i], first, std::min(kBlockRows, static_cast<int>(order_.size()) - first)});
  }
  all_d_.resize(order_.size() * a);
  gathered_.resize(order_.size() * (o + a));
  team_.for_each(static_cast<int>(blocks_.size()), [&](int task, int worker) {
    const Rows& block = blocks_[task];
    const int* rows = order_.data() + block.first;
    TrunkWork& w = work_[worker];
    const MatrixView obs_rows{gathered_.data() + static_cast<std::size_t>(block.first) * (o + a), block.count, o};
    const MatrixView action_rows{obs_rows.data + obs_rows.size(), block.count, a};
    for (int r = 0; r < block.count; ++r) {
      std::copy_n(obs.row(rows[r]), o, obs_rows.row(r));
      std::copy_n(action.row(rows[r]), a, action_rows.row(r));
    }
    const TrunkInput in{obs_rows, action_rows, 1};
    // q_values has rounded all of them
    const TrunkParams p = {params.data() + critic.member_offset(block.member), rounded(critic, block.member)};
    const float* head = params.data() + critic.head_offset(block.member);
    trunk_forward(critic.spec.trunk, critic.layers, p, in, w, true);
    std::fill_n(w.d_q.begin(), block.count, 1.0f);
    kernels().head_backward(w.d_q.data(), w.out, block.count, h, head, w.d[0].data(), nullptr);
    trunk_backward(critic.spec.trunk, critic.layers, p, in, w, nullptr, true, all_d_.data() + static_cast<std::size_t>(block.first) * a);
  });
  std::fill_n(dq_da.data, dq_da.size(), 0.0f);
  const float share = all ? 1.0f / static_cast<float>(n) : 1.0f;
  for (std::size_t i = 0; i < order_.size(); ++i)
    for (int j = 0; j < a; ++j) dq_da(order_[i], j) += share * all_d_[i * a + j];
}

// Every lanes-th block of one member: forward, loss, backward.
void CpuBackend::td_lane(const Critic& critic, const CriticLoss& loss, int member, int lane, int lanes, TrunkWork& w, float* grad,
                         float* head_grad, Sums& sums) {
  const int b = loss.obs.rows, h = critic.spec.trunk.width();
  const TrunkParams p = {critic.params.data() + critic.member_offset(member), rounded(critic, member)};
  if (p.rounded && lanes == 1) kernels().round_bf16(p.p, critic.trunk_size(), rounded(critic, member));
  const float* head = critic.params.data() + critic.head_offset(member);
  const float scale = 2.0f / (static_cast<float>(critic.spec.members) * static_cast<float>(b));
  for (int first = lane * kBlockRows; first < b; first += lanes * kBlockRows) {
    const int count = std::min(kBlockRows, b - first);
    const TrunkInput in{loss.obs.slice(first, count), loss.action.slice(first, count), 1};
    trunk_forward(critic.spec.trunk, critic.layers, p, in, w, true);
    kernels().head(w.out, count, h, head, head[h], w.q.data());
    for (int r = 0; r < count; ++r) {
      const float error = loss.target.empty() ? 0.0f : w.q[r] - loss.target[first + r];
      const float weight = loss.weight(error);
      sums.td += static_cast<double>(weight) * error * error;
      sums.q += w.q[r];
      w.d_q[r] = scale * weight * error;
    }
    kernels().head_backward(w.d_q.data(), w.out, count, h, head, w.d[0].data(), head_grad);
    trunk_backward(critic.spec.trunk, critic.layers, p, in, w, grad, first == lane * kBlockRows, nullptr);
  }
  if (lane * kBlockRows >= b) std::fill_n(grad, critic.trunk_size(), 0.0f);  // more lanes than blocks
}

// Every kLanes-th block of states of one member in the CQL term; the data action rides along as action n of its state.
void CpuBackend::cql_lane(const Critic& critic, const CriticLoss& loss, int member, int multiplicity, int lane, TrunkWork& w, float* grad,
                          float* head_grad, Sums& sums) {
  const CqlTerm& term = *loss.cql;
  const int b = loss.obs.rows, a = loss.action.cols, n = term.actions_per_state, per_state = n + 1, h = critic.spec.trunk.width();
  const TrunkParams p = {critic.params.data() + critic.member_offset(member), rounded(critic, member)};
  const float* head = critic.params.data() + critic.head_offset(member);
  const float td_scale = 2.0f / (static_cast<float>(critic.spec.members) * static_cast<float>(b));
  const float cql_scale = term.alpha * static_cast<float>(multiplicity) / (static_cast<float>(term.members.size()) * static_cast<float>(b));
  const int states = block_states(per_state);
  bool first_block = true;
  for (int first = lane * states; first < b; first += kLanes * states) {
    const int count = std::min(states, b - first), rows = count * per_state;
    for (int s = 0; s < count; ++s) {
      float* to = w.action.data() + static_cast<std::size_t>(s) * per_state * a;
      std::copy_n(term.action.row((first + s) * n), static_cast<std::size_t>(n) * a, to);
      std::copy_n(loss.action.row(first + s), a, to + static_cast<std::size_t>(n) * a);
    }
    const TrunkInput in{loss.obs.slice(first, count), {w.action.data(), rows, a}, per_state};
    trunk_forward(critic.spec.trunk, critic.layers, p, in, w, true);
    kernels().head(w.out, rows, h, head, head[h], w.q.data());
    for (int s = 0; s < count; ++s) {
      const float* q = w.q.data() + static_cast<std::size_t>(s) * per_state;
      float* d_q = w.d_q.data() + static_cast<std::size_t>(s) * per_state;
      const CqlRow row = cql_row(term, first + s, q, q[n], d_q, d_q + n);
      for (int k = 0; k <= n; ++k) d_q[k] *= cql_scale;
      const float error = loss.target.empty() ? 0.0f : q[n] - loss.target[first + s];
      d_q[n] += td_scale * error;
      sums.td += static_cast<double>(error) * error;
      sums.q += q[n];
      sums.gap += multiplicity * row.gap;
      sums.clipped_gap += multiplicity * clipped(term, row.gap);
      sums.ood += multiplicity * row.ood;
      sums.bounded += multiplicity * row.bounded;
    }
    kernels().head_backward(w.d_q.data(), w.out, rows, h, head, w.d[0].data(), head_grad);
    trunk_backward(critic.spec.trunk, critic.layers, p, in, w, grad, first_block, nullptr);
    first_block = false;
  }
  if (first_block) std::fill_n(grad, critic.trunk_size(), 0.0f);  // more lanes than blocks
}

CriticStats CpuBackend::critic_step(Critic& critic, Adam& adam, const AdamConfig& config, const CriticLoss& loss, FloatVector* target,
                                    float tau) {
  const FlushDenormals mode;
  check_critic_loss(critic, loss, target);
  const int n = critic.spec.members, b = loss.obs.rows, h = critic.spec.trunk.width();
  const std::size_t trunk = critic.trunk_size(), head_size = static_cast<std::size_t>(h) + 1;
  const AdamFactors factors(config, ++adam.steps);
  const auto descend = [&](std::size_t first, std::size_t count) {
    kernels().adam(critic.params.data() + first, adam.grad.data() + first, adam.m.data() + first, adam.v.data() + first,
                   target ? target->data() + first : nullptr, count, factors, tau);
  };

  // members in the CQL term first (they are thirty times the work), in lanes, as is a network that is alone; the others whole,
  // down to their new weights
  multiplicity_.assign(n, 0), wide_.clear(), narrow_.clear();
  if (loss.cql)
    for (int m : loss.cql->members) ++multiplicity_[m];
  for (int i = 0; i < n; ++i) (multiplicity_[i] || n == 1 ? wide_ : narrow_).push_back(i);
  const int wide = static_cast<int>(wide_.size()) * kLanes;
  const int tasks = wide + static_cast<int>(narrow_.size());
  sums_.assign(tasks, {});
  const int per_state = loss.cql ? loss.cql->actions_per_state + 1 : 1;
  reserve(critic.spec.trunk, std::max(std::min(kBlockRows, b), std::min(block_states(per_state), b) * per_state), true);
  round_members(critic, critic.params, wide_);  // td_lane does its own
  lanes_.resize(static_cast<std::size_t>(wide) * trunk);
  heads_.assign(static_cast<std::size_t>(tasks) * head_size, 0.0f);
  team_.for_each(tasks, [&](int task, int worker) {
    float* head_grad = heads_.data() + static_cast<std::size_t>(task) * head_size;
    if (task < wide) {
      const int member = wide_[task / kLanes], lane = task % kLanes;
      float* grad = lanes_.data() + static_cast<std::size_t>(task) * trunk;
      if (loss.cql) cql_lane(critic, loss, member, multiplicity_[member], lane, work_[worker], grad, head_grad, sums_[task]);
      else td_lane(critic, loss, member, lane, kLanes, work_[worker], grad, head_grad, sums_[task]);
      return;
    }
    const int member = narrow_[task - wide];
    td_lane(critic, loss, member, 0, 1, work_[worker], adam.grad.data() + critic.member_offset(member), head_grad, sums_[task]);
    descend(critic.member_offset(member), trunk);
  });

  // partial gradients of the term's members, in lane order, range by range
  const int ranges = blocks(static_cast<int>(trunk), static_cast<int>(kAdamRange));
  team_.for_each(static_cast<int>(wide_.size()) * ranges, [&](int task, int) {
    const int i = task / ranges;
    const std::size_t first = static_cast<std::size_t>(task % ranges) * kAdamRange, count = std::min(kAdamRange, trunk - first);
    float* grad = adam.grad.data() + critic.member_offset(wide_[i]) + first;
    const float* lane = lanes_.data() + static_cast<std::size_t>(i) * kLanes * trunk + first;
    std::copy_n(lane, count, grad);
    for (int l = 1; l < kLanes; ++l) kernels().add(grad, lane + l * trunk, count);
    descend(critic.member_offset(wide_[i]) + first, count);
  });

  // output layers: summed over lanes, and over members when they share one
  for (int i = 0; i < n; ++i)
    if (!critic.spec.shared_output || i == 0) std::fill_n(adam.grad.data() + critic.head_offset(i), head_size, 0.0f);
  for (int task = 0; task < tasks; ++task) {
    const int member = task < wide ? wide_[task / kLanes] : narrow_[task - wide];
    kernels().add(adam.grad.data() + critic.head_offset(member), heads_.data() + static_cast<std::size_t>(task) * head_size, head_size);
  }
  for (int i = 0; i < n; ++i)
    if (!critic.spec.shared_output || i == 0) descend(critic.head_offset(i), head_size);

  Sums all;
  for (const Sums& s : sums_) {
    all.td += s.td, all.q += s.q, all.gap += s.gap;
    all.clipped_gap += s.clipped_gap, all.ood += s.ood, all.bounded += s.bounded;
  }
  const double rows = static_cast<double>(n) * b;
  CriticStats stats{.td_loss = all.td / rows, .q_mean = all.q / rows};
  if (loss.cql) {
    const double cells = static_cast<double>(loss.cql->members.size()) * b;
    stats.cql_gap = all.gap / cells;
    stats.cql_loss = all.clipped_gap / cells;
    stats.cql_ood = all.ood / cells;
    stats.bound_rate = all.bounded / (cells * loss.cql->actions_per_state);
  }
  return stats;
}

}  // namespace warmstart::cpu
