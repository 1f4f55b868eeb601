// A small random learner and batch, and noise that depends on a draw's name alone.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "warmstart/agents/registry.h"
#include "warmstart/core/error.h"

namespace warmstart::testing_agents {

constexpr int kObs = 4, kAct = 2, kMembers = 3, kRows = 16;

/// Each draw has its own stream by step and name, so that a switch which adds or drops a draw leaves the others alone.
class NamedNoise : public Noise {
 public:
  void normal(Draw draw, int, MatrixView out) override { stream(draw.name()).fill_normal({out.data, out.size()}); }
  void uniform(Draw draw, int, MatrixView out) override { stream(draw.name()).fill_uniform({out.data, out.size()}, -1, 1); }
  void subset(Draw draw, int n, bool with_replacement, std::span<int> out) override {
    subsets.push_back(draw.name() + (with_replacement ? " with replacement" : " without replacement"));
    Rng rng = stream(draw.name());
    RandomNoise(rng).subset(draw, n, with_replacement, out);
  }
  void keep(Draw draw, double share, MatrixView out) override {
    Rng rng = stream(draw.name());
    RandomNoise(rng).keep(draw, share, out);
  }
  void next_step() override { ++step_; }

  std::vector<std::string> subsets;

 private:
  Rng stream(const std::string& name) const { return Rng(7, std::to_string(step_) + name); }
  int step_ = -1;
};

/// Networks with noise on every parameter, so that biases, LayerNorm and log stds are not trivial; and one batch.
struct World {
  explicit World(const std::string& std_head, bool shared_output = true) {
    Rng rng(5, "world");  // a seed that puts no row on a kink of ReLU: differences would straddle it
    NetworkConfig net;
    net.critic_hidden = net.actor_hidden = {8, 8};
    net.num_qs = kMembers, net.std_head = std_head, net.shared_output = shared_output, net.final_scale = 0;
    start = ActorCritic(net, kObs, kAct, 0.7, 1.3, rng, {.value = true, .target_actor = true});
    for (FloatVector* v : {&start.actor.params, &start.critic.params, &start.target_critic, &start.value.params, &start.target_actor})
      for (float& x : *v) x += 0.1f * static_cast<float>(rng.normal());
    batch.resize(kRows, kObs, kAct);
    for (Matrix* m : {&batch.obs, &batch.next_obs}) rng.fill_normal({m->data(), m->size()});
    rng.fill_uniform({batch.action.data(), batch.action.size()}, -0.9f, 0.9f);
    rng.fill_uniform({batch.next_action.data(), batch.next_action.size()}, -0.9f, 0.9f);
    rng.fill_normal(batch.reward);
    rng.fill_normal(batch.mc_return);
    for (int i = 0; i < kRows; ++i) batch.mask[i] = i % 5 ? 1.0f : 0.0f;
  }
  Batch view() const { return batch.view(with_mc_return); }

  ActorCritic start;
  BatchStorage batch;
  bool with_mc_return = true;
};

inline CqlConfig small_cql() {
  CqlConfig q;
  q.actions = 2, q.autotune_alpha = true;
  return q;
}

struct Outcome {
  UpdateStats stats;
  ActorCritic after;
};

/// One update of a fresh learner that starts from `start`.
inline Outcome run(const std::string& name, const World& w, const AgentSettings& settings, ActorCritic start, int utd, Noise& noise) {
  const auto backend = make_reference_backend();
  const auto agent = make_agent(name, settings, std::move(start), *backend);
  Outcome out;
  out.stats = agent->update(w.view(), utd, noise);
  out.after = agent->release();
  return out;
}
inline Outcome run(const std::string& name, const World& w, const AgentConfig& c, const CqlConfig& q, ActorCritic start, int utd,
                   Noise& noise) {
  return run(name, w, {.agent = c, .cql = q}, std::move(start), utd, noise);
}
inline Outcome run(const std::string& name, const World& w, const AgentConfig& c, const CqlConfig& q, ActorCritic start, int utd = 1) {
  NamedNoise noise;
  return run(name, w, {.agent = c, .cql = q}, std::move(start), utd, noise);
}

}  // namespace warmstart::testing_agents
