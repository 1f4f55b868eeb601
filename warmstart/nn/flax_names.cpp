#include "warmstart/nn/flax_names.h"

#include <cassert>

namespace warmstart {
namespace {

// "critic/3/layer0/kernel" -> "3", and the name is "layer0/kernel" afterwards
std::string take_word(std::string& name) {
  const auto slash = name.find('/');
  const std::string word = name.substr(0, slash);
  name = name.substr(slash + 1);
  return word;
}

// "layer2/shift" -> "network/LayerNorm_2/bias"
std::string layer_path(std::string name) {
  const std::string index = take_word(name).substr(std::string("layer").size());
  const bool norm = name == "scale" || name == "shift";
  return "network/" + std::string(norm ? "LayerNorm_" : "Dense_") + index + "/" + (name == "shift" ? "bias" : name);
}

}  // namespace

std::vector<FlaxPiece> flax_pieces(const Critic& critic) {
  assert(critic.spec.shared_output);
  std::vector<FlaxPiece> out;
  for (const TensorInfo& t : critic.tensors()) {
    std::string name = t.name;
    take_word(name);  // "critic"
    const std::string word = take_word(name);
    if (word == "output") {
      out.push_back({"Dense_0/" + name, t.shape, 0, t.offset, t.size});
      continue;
    }
    std::vector<std::int64_t> shape = t.shape;
    if (critic.spec.action > 0) shape.insert(shape.begin(), critic.spec.members);  // a value function is no ensemble there
    out.push_back({layer_path(name), shape, std::stoul(word) * t.size, t.offset, t.size});
  }
  return out;
}

std::vector<FlaxPiece> flax_pieces(const Actor& actor) {
  std::vector<FlaxPiece> out;
  for (const TensorInfo& t : actor.tensors()) {
    std::string name = t.name;
    take_word(name);  // "actor"
    std::string path;
    if (name.starts_with("layer")) path = layer_path(name);
    else if (take_word(name) == "mean") path = "Dense_0/" + name;
    else if (actor.spec.std_head == StdHead::kUniform) path = "log_stds";
    else path = "Dense_1/" + name;
    out.push_back({path, t.shape, 0, t.offset, t.size});
  }
  return out;
}

}  // namespace warmstart
