// Plasticity: how many hidden units have gone silent.
#pragma once
#include "warmstart/nn/network.h"

namespace warmstart {

/// Share of hidden units whose mean activation over the inputs is at most `tau` times their layer's mean (Sokar et al. 2023, "The
/// Dormant Neuron Phenomenon in Deep Reinforcement Learning", equation 1). `params` is where the trunk begins; x [B, trunk.input].
double dormant_share(const float* params, const TrunkSpec& trunk, const std::vector<LayerLayout>& layers, ConstMatrixView x,
                     double tau = 0.025);

/// Of the actor at obs [B,O]; of the critics at (obs, action), all members together.
double dormant_share(const Actor& actor, ConstMatrixView obs);
double dormant_share(const Critic& critic, ConstMatrixView obs, ConstMatrixView action);

}  // namespace warmstart
