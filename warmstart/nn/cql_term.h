// CQL's term for one state and one member, value and gradient; shared by all backends.
#pragma once
#include <algorithm>
#include <cmath>

#include "warmstart/nn/backend.h"

namespace warmstart {

struct CqlRow {
  double gap = 0, ood = 0;
  int bounded = 0;
};

/// q [n]: Q_i(s_b, a_k); q_data: Q_i(s_b, a_b). When d_q [n] is given it receives d clip(gap)/d q_k, and d_q_data the
/// derivative by q_data.
inline CqlRow cql_row(const CqlTerm& term, int b, const float* q, float q_data, float* d_q, float* d_q_data) {
  const int n = term.actions_per_state;
  const bool importance = !term.log_density.empty();
  const bool floored = !term.floor.empty();
  const double t = term.temperature;
  CqlRow row;
  const auto lifted = [&](int k) { return floored && k >= term.floored_from && q[k] < term.floor[b]; };
  const auto value = [&](int k) {
    const float x = lifted(k) ? term.floor[b] : q[k];
    return importance ? static_cast<double>(x) - term.log_density[static_cast<std::size_t>(b) * n + k] : static_cast<double>(x);
  };
  double top = importance ? -std::numeric_limits<double>::infinity() : static_cast<double>(q_data);
  for (int k = 0; k < n; ++k) {
    top = std::max(top, value(k));
    row.bounded += lifted(k);
  }
  double sum = importance ? 0.0 : std::exp((q_data - top) / t);
  for (int k = 0; k < n; ++k) sum += std::exp((value(k) - top) / t);
  row.ood = top + t * std::log(sum);
  if (!importance) row.ood -= t * std::log(n + 1.0);
  row.gap = row.ood - q_data;
  if (!d_q) return row;

  // clip passes no gradient outside its bounds
  const double pass = row.gap >= term.clip_min && row.gap <= term.clip_max ? 1.0 : 0.0;
  for (int k = 0; k < n; ++k) d_q[k] = lifted(k) ? 0.0f : static_cast<float>(pass * std::exp((value(k) - top) / t) / sum);
  *d_q_data = static_cast<float>(pass * ((importance ? 0.0 : std::exp((q_data - top) / t) / sum) - 1.0));
  return row;
}

inline double clipped(const CqlTerm& term, double gap) {
  return std::clamp(gap, static_cast<double>(term.clip_min), static_cast<double>(term.clip_max));
}

}  // namespace warmstart
