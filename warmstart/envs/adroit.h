// The Adroit hand of gymnasium-robotics 1.4.2: a 24-joint hand opens a door, turns a pen, carries a ball or drives a nail.
#pragma once
#include <memory>
#include <vector>

#include "warmstart/envs/env.h"

namespace warmstart {

/// AdroitHand{Door,Pen,Relocate,Hammer}-v1 with that version's dense reward, the same with Sparse (10 at success, else -0.1), -v2 of both,
/// where the sign of the dense reach term is repaired (door, relocate, hammer; the others are second names of -v1), and
/// {pen,door,relocate}-binary-v0, the tasks of the Adroit experiments of AWAC, Cal-QL and WSRL: reward success - 1, over at the first
/// success.
///
/// Action: positions of arm and hand as shares of their ranges, clipped to [-1,1]. Success: the door's hinge at 1.35 rad or more; the pen
/// within 7.5 cm and its axis within cosine 0.95; the ball within 10 cm; the nail within 1 cm. goal() is where the task was placed: door
/// frame [3], the target pen's quaternion [4], ball and target [3+3], nail board [3].
std::vector<EnvSpec> adroit_specs();

/// `spec` is one of the above, possibly with another time limit; null for another family's.
std::unique_ptr<Env> make_adroit(const EnvSpec& spec, const EnvConfig& config);

/// For collecting: with `on`, a -binary- task goes on to its time limit, success or not, as the published data were made. False when
/// `env` is no such task.
bool play_on_after_success(Env& env, bool on);

}  // namespace warmstart
