#include "warmstart/phases/expert.h"

#include <fmt/format.h>

#include <cmath>

#include "warmstart/core/files.h"
#include "warmstart/core/install.h"
#include "warmstart/io/npz.h"

namespace warmstart {
namespace {

struct Layer {
  std::vector<double> weight, bias;  // [out,in], [out]
};

class ExpertDriver : public Driver {
 public:
  ExpertDriver(const Env& env, const CollectConfig& config) : noise_(config.noise) {
    if (config.expert.empty())
      throw usage_error("policy \"expert\" needs a file", "collect.expert", "name one, e.g. data/policies/dapg_door.npz");
    const fs::path path = expert_file(config);
    if (!fs::exists(path)) throw data_error("no such file", path.string(), "give the NPZ file of a policy in collect.expert");
    const auto file = open_npz(path);
    const int obs_size = env.spec().obs_size, action_size = env.spec().action_size;
    const auto rows = [&](const std::string& key) -> std::size_t {
      const ArrayShape shape = checked(*file, key);
      return shape.dims.empty() ? 1 : shape.dims[0];
    };
    if (rows("in_shift") != static_cast<std::size_t>(obs_size) || rows("out_shift") != static_cast<std::size_t>(action_size))
      throw usage_error(fmt::format("the expert sees {} and moves {}, {} has {} and {}", rows("in_shift"), rows("out_shift"), env.spec().id,
                                    obs_size, action_size),
                        "collect.expert " + path.string(), "choose the file of this task");
    std::size_t width = obs_size;
    for (int k = 0; k < 3; ++k) {
      const std::string digit = std::to_string(k);
      const std::size_t out = rows("b" + digit);
      layers_.push_back({read(*file, "W" + digit, {out, width}), read(*file, "b" + digit, {out})});
      width = out;
    }
    const std::size_t seen = obs_size, moved = action_size;
    in_shift_ = read(*file, "in_shift", {seen}), in_scale_ = read(*file, "in_scale", {seen});
    out_shift_ = read(*file, "out_shift", {moved}), out_scale_ = read(*file, "out_scale", {moved});
    log_std_ = read(*file, "log_std", {moved});
    if (width != out_shift_.size()) throw data_error("the last layer is not as wide as out_shift", path.string(), "use an intact file");
  }

  void act(const Env& env, Rng& rng, std::span<double> action) override {
    now_.assign(env.obs().begin(), env.obs().end());
    for (std::size_t i = 0; i < now_.size(); ++i) now_[i] = (now_[i] - in_shift_[i]) / (in_scale_[i] + 1e-8);
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      const Layer& layer = layers_[k];
      next_ = layer.bias;
      for (std::size_t o = 0; o < next_.size(); ++o)
        for (std::size_t i = 0; i < now_.size(); ++i) next_[o] += layer.weight[o * now_.size() + i] * now_[i];
      if (k + 1 < layers_.size())
        for (double& x : next_) x = std::tanh(x);
      now_.swap(next_);
    }
    for (std::size_t i = 0; i < action.size(); ++i)
      action[i] = now_[i] * out_scale_[i] + out_shift_[i] + noise_ * std::exp(log_std_[i]) * rng.normal();
  }

 private:
  static ArrayShape checked(const ArrayFile& file, const std::string& key) {
    if (!file.has(key)) throw data_error("key '" + key + "' is missing", file.path(), "docs/formats/expert.md says what belongs there");
    return file.shape(key);
  }
  static std::vector<double> read(const ArrayFile& file, const std::string& key, const std::vector<std::size_t>& dims) {
    const ArrayShape shape = checked(file, key);
    if (shape.dims != dims)
      throw data_error(fmt::format("key '{}' has shape {}, {} is needed", key, shape.text(), ArrayShape{.dims = dims}.text()), file.path(),
                       "docs/formats/expert.md says what belongs there");
    std::vector<double> values(shape.count());
    file.read(key, values);
    return values;
  }

  double noise_;
  std::vector<Layer> layers_;
  std::vector<double> in_shift_, in_scale_, out_shift_, out_scale_, log_std_;
  std::vector<double> now_, next_;
};

}  // namespace

fs::path expert_file(const CollectConfig& config) {
  const fs::path path = config.expert;
  return path.is_relative() && !fs::exists(path) ? find_shared(config.expert, path) : path;
}

std::unique_ptr<Driver> expert_driver(const Env& env, const CollectConfig& config) { return std::make_unique<ExpertDriver>(env, config); }

}  // namespace warmstart
