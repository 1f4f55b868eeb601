// The squashed Gaussian policy head: sampling, log-probabilities and their gradients, given the noise.
//   u = mean + std * eps,  a = tanh(u),  std = clip(exp(log_std), 1e-5, 10)
//   log pi(a|s) = sum_j [ -eps^2/2 - log std - log(2 pi)/2 ] - sum_j 2 (log 2 - u - softplus(-2u))
// With squash off, a = u and the second sum is absent. NaN gives NaN in what depends on it, in its row alone.
// Every row is computed by itself, the same bits whichever rows a call is given, and any number of threads may work on slices
// side by side: nothing is shared or allocated. Results may not overlap inputs, except in mode_actions (mean and action the same).
#pragma once
#include <span>

#include "warmstart/core/matrix.h"

namespace warmstart {

constexpr float kMinStd = 1e-5f, kMaxStd = 10.0f;
/// Largest magnitude at which a squashed action has a log-probability, the float below 1: tanh never reaches 1, but a sample's rounds to
/// it, and noise, other policies and other people's data do. Stored actions at or beyond +-1 count as this.
constexpr float kMaxSquashed = 0x1.fffffep-1f;

/// n samples per state: mean, log_std [B,A]; noise, action [B*n,A] (state-major); log_prob [B*n], or empty when not needed.
void sample_actions(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, MatrixView action,
                    std::span<float> log_prob);

/// The deterministic action tanh(mean), [B,A].
void mode_actions(ConstMatrixView mean, bool squash, MatrixView action);

/// log pi of given actions [B,A] -> [B]; squashed ones are clipped to +-kMaxSquashed, so it is finite for every number.
void log_prob_of(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash, std::span<float> log_prob);

/// Adds to d_mean, d_log_std [B,A] the gradient of  sum_b [ d_action_b . a_b + d_log_prob * log pi(a_b|s_b) ]  for the
/// reparametrised sample a of `noise` [B,A] (one sample per state).
void sample_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView noise, bool squash, ConstMatrixView d_action,
                     float d_log_prob, MatrixView d_mean, MatrixView d_log_std);

/// Adds to d_mean, d_log_std the gradient of  sum_b d_log_prob_b * log pi(a_b|s_b)  for given actions, clipped as above;
/// d_log_prob [B].
void log_prob_backward(ConstMatrixView mean, ConstMatrixView log_std, ConstMatrixView action, bool squash,
                       std::span<const float> d_log_prob, MatrixView d_mean, MatrixView d_log_std);

}  // namespace warmstart
