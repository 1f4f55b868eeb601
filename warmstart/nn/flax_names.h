// How the public reference implementation (JAX, Flax) names and stacks the parameters that lie in our flat buffers. Shared by
// the import of its checkpoints and by the replay of its recorded updates.
#pragma once
#include <string>
#include <vector>

#include "warmstart/nn/network.h"

namespace warmstart {

/// A run of numbers of one Flax tensor, and where it lies in our flat buffer; C order on both sides.
struct FlaxPiece {
  std::string path;                 ///< below the module, e.g. "network/Dense_0/kernel"
  std::vector<std::int64_t> shape;  ///< of the whole Flax tensor; hidden layers of critics are stacked, [N, in, out]
  std::size_t from = 0;             ///< offset in the Flax tensor
  std::size_t to = 0;               ///< offset in our buffer
  std::size_t size = 0;
};

/// The pieces of all parameters of a network; they cover our buffer once. A critic must share its output layer, as the
/// reference's does (asserted). A critic without action is a value function.
std::vector<FlaxPiece> flax_pieces(const Critic& critic);
std::vector<FlaxPiece> flax_pieces(const Actor& actor);

}  // namespace warmstart
