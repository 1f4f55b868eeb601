// Losses written a third time, from the equations alone, in double precision with double parameters, one row at a time. No
// gradients: tests differentiate them by central differences, which doubles allow at a step of 1e-6.
#pragma once
#include <vector>

#include "warmstart/nn/backend.h"

namespace warmstart::oracle {

using Vector = std::vector<double>;

Vector widen(const FloatVector& params);

double q_value(const Critic& critic, const Vector& params, int member, const Vector& obs, const Vector& action);

/// min or mean over all members.
double reduced_q(const Critic& critic, const Vector& params, const Vector& obs, const Vector& action, EnsembleReduce reduce);

/// Every gap of the term, member after member, and the counts behind the bound rate.
struct CqlGaps {
  Vector gap, ood;
  int lifted = 0;
};
CqlGaps cql_gaps(const Critic& critic, const Vector& params, const CriticLoss& loss);

double critic_loss(const Critic& critic, const Vector& params, const CriticLoss& loss);

struct ActorOutput {
  Vector mean, log_std;
};
ActorOutput actor(const Actor& actor, const Vector& params, const Vector& obs);

/// Reparametrised sample and its log-probability for one state.
struct Sample {
  Vector action;
  double log_prob = 0;
};
Sample sample(const Vector& mean, const Vector& log_std, const Vector& noise, bool squash);

/// log pi of a given action.
double log_prob(const Vector& mean, const Vector& log_std, const Vector& action, bool squash);

inline Vector row_of(ConstMatrixView m, int i) { return {m.row(i), m.row(i) + m.cols}; }

}  // namespace warmstart::oracle
