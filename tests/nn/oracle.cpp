#include "tests/nn/oracle.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "warmstart/nn/gaussian.h"

namespace warmstart::oracle {
namespace {

Vector linear(const double* kernel, const double* bias, const Vector& x, int out) {
  Vector y(bias, bias + out);
  for (int j = 0; j < out; ++j)
    for (std::size_t k = 0; k < x.size(); ++k) y[j] += x[k] * kernel[k * out + j];
  return y;
}

Vector trunk(const double* p, const TrunkSpec& spec, const std::vector<LayerLayout>& layers, Vector x) {
  for (const LayerLayout& l : layers) {
    x = linear(p + l.kernel, p + l.bias, x, l.out);
    if (spec.layer_norm) {
      double mean = 0, square = 0;
      for (double v : x) mean += v / l.out;
      for (double v : x) square += (v - mean) * (v - mean) / l.out;
      for (int j = 0; j < l.out; ++j) x[j] = (x[j] - mean) / std::sqrt(square + kLayerNormEpsilon) * p[l.scale + j] + p[l.shift + j];
    }
    for (double& v : x) v = std::max(v, 0.0);
  }
  return x;
}

double clipped_std(double log_std) { return std::clamp(std::exp(log_std), double{kMinStd}, double{kMaxStd}); }

double normal_log_density(double z, double std) { return -0.5 * z * z - std::log(std) - 0.5 * std::log(2 * std::numbers::pi); }

// log |d tanh(u) / du|, written so that large |u| does not overflow
double log_tanh_slope(double u) { return 2 * (std::log(2.0) - std::abs(u) - std::log1p(std::exp(-2 * std::abs(u)))); }

}  // namespace

Vector widen(const FloatVector& params) { return {params.begin(), params.end()}; }

double q_value(const Critic& critic, const Vector& params, int member, const Vector& obs, const Vector& action) {
  Vector x = obs;
  x.insert(x.end(), action.begin(), action.end());
  const Vector h = trunk(params.data() + critic.member_offset(member), critic.spec.trunk, critic.layers, x);
  const double* head = params.data() + critic.head_offset(member);
  return linear(head, head + h.size(), h, 1)[0];
}

double reduced_q(const Critic& critic, const Vector& params, const Vector& obs, const Vector& action, EnsembleReduce reduce) {
  Vector q;
  for (int i = 0; i < critic.spec.members; ++i) q.push_back(q_value(critic, params, i, obs, action));
  if (reduce == EnsembleReduce::kMin) return *std::min_element(q.begin(), q.end());
  double sum = 0;
  for (double v : q) sum += v;
  return sum / critic.spec.members;
}

CqlGaps cql_gaps(const Critic& critic, const Vector& params, const CriticLoss& loss) {
  const CqlTerm& term = *loss.cql;
  const int n = term.actions_per_state;
  CqlGaps out;
  for (int member : term.members) {
    for (int b = 0; b < loss.obs.rows; ++b) {
      const Vector obs = row_of(loss.obs, b);
      const double q_data = q_value(critic, params, member, obs, row_of(loss.action, b));
      double sum = 0;
      for (int k = 0; k < n; ++k) {
        double x = q_value(critic, params, member, obs, row_of(term.action, b * n + k));
        if (!term.floor.empty() && k >= term.floored_from && x < term.floor[b]) x = term.floor[b], ++out.lifted;
        if (!term.log_density.empty()) x -= term.log_density[static_cast<std::size_t>(b) * n + k];
        sum += std::exp(x / term.temperature);
      }
      if (term.log_density.empty()) sum = (sum + std::exp(q_data / term.temperature)) / (n + 1);
      out.ood.push_back(term.temperature * std::log(sum));
      out.gap.push_back(out.ood.back() - q_data);
    }
  }
  return out;
}

double critic_loss(const Critic& critic, const Vector& params, const CriticLoss& loss) {
  const int rows = loss.obs.rows, members = critic.spec.members;
  double total = 0;
  if (!loss.target.empty()) {
    for (int i = 0; i < members; ++i) {
      for (int b = 0; b < rows; ++b) {
        const double error = q_value(critic, params, i, row_of(loss.obs, b), row_of(loss.action, b)) - loss.target[b];
        total += error * error / (members * rows);
      }
    }
  }
  if (!loss.cql) return total;
  const CqlGaps gaps = cql_gaps(critic, params, loss);
  for (double gap : gaps.gap)
    total += loss.cql->alpha * std::clamp<double>(gap, loss.cql->clip_min, loss.cql->clip_max) / static_cast<double>(gaps.gap.size());
  return total;
}

ActorOutput actor(const Actor& actor, const Vector& params, const Vector& obs) {
  const double* p = params.data();
  const int a = actor.spec.action;
  const Vector h = trunk(p, actor.spec.trunk, actor.layers, obs);
  ActorOutput out;
  out.mean = linear(p + actor.mean_kernel, p + actor.mean_bias, h, a);
  if (actor.spec.std_head == StdHead::kExp) out.log_std = linear(p + actor.log_std_kernel, p + actor.log_std_bias, h, a);
  else out.log_std.assign(p + actor.log_std_bias, p + actor.log_std_bias + a);
  return out;
}

Sample sample(const Vector& mean, const Vector& log_std, const Vector& noise, bool squash) {
  Sample out;
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const double std = clipped_std(log_std[j]), u = mean[j] + std * noise[j];
    out.action.push_back(squash ? std::tanh(u) : u);
    out.log_prob += normal_log_density(noise[j], std) - (squash ? log_tanh_slope(u) : 0.0);
  }
  return out;
}

double log_prob(const Vector& mean, const Vector& log_std, const Vector& action, bool squash) {
  double total = 0;
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const double std = clipped_std(log_std[j]), u = squash ? std::atanh(action[j]) : action[j];
    total += normal_log_density((u - mean[j]) / std, std) - (squash ? log_tanh_slope(u) : 0.0);
  }
  return total;
}

}  // namespace warmstart::oracle
