// An environment of one's own in C++, and the three phases on it.
//   custom_env FOLDER [KEY VALUE]...      the run goes into FOLDER (default runs/custom-env); about ten seconds
// KEY VALUE changes the recipe below, e.g. run.max_steps 200, which ends the run there.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "warmstart/warmstart.h"

using namespace warmstart;

/// A point on a line is pushed to the middle and has to stay there.
class Line : public Env {
 public:
  explicit Line(const EnvSpec& spec) : spec_(spec) {}
  const EnvSpec& spec() const override { return spec_; }

  void reset(Rng& rng) override { obs_ = {rng.uniform(-1, 1), 0}, elapsed_ = 0; }

  Step step(std::span<const double> action) override {
    obs_[1] = 0.9 * obs_[1] + 0.1 * std::clamp(action[0], -1.0, 1.0);  // velocity
    obs_[0] = std::clamp(obs_[0] + obs_[1], -2.0, 2.0);                // position
    const bool there = std::abs(obs_[0]) < 0.1;
    return {.reward = -std::abs(obs_[0]), .truncated = ++elapsed_ >= spec_.max_episode_steps, .success = there};
  }

  std::span<const double> obs() const override { return obs_; }
  // everything the next steps depend on: then a killed run resumes bit for bit (a robot leaves both out)
  void save(StateWriter& out) const override { out.put(obs_), out.put(elapsed_); }
  void load(StateReader& in) override { in.get(obs_), in.get(elapsed_); }

 private:
  EnvSpec spec_;
  std::vector<double> obs_ = {0, 0};
  int elapsed_ = 0;
};

constexpr const char* kRecipe = R"(
env.id = "Line-v0"
data.collect = true             # a dataset of random actions, made when there is none
collect = {policy = "random", steps = 5000}
network = {critic_hidden = [64, 64], actor_hidden = [64, 64], num_qs = 4}
agent.discount = 0.95
pretrain.steps = 1000
warm_up.steps = 500
finetune = {steps = 500, batch = 64}
eval = {every = 250, episodes = 10}
)";

int main(int argc, char** argv) try {
  register_env(
      {.id = "Line-v0", .summary = "stay in the middle", .obs_size = 2, .action_size = 1, .max_episode_steps = 50, .reports_success = true},
      [](const EnvSpec& spec) { return std::make_unique<Line>(spec); });
  const std::filesystem::path folder = argc > 1 ? argv[1] : "runs/custom-env";
  std::vector<Override> keys = {{"data.path", (folder / "data.hdf5").string()}};
  for (int i = 2; i + 1 < argc; i += 2) keys.emplace_back(argv[i], argv[i + 1]);
  const Recipe recipe = parse_recipe(kRecipe, "custom_env.cpp", keys);
  Run run(recipe, {.folder = folder, .threads = available_cpus(), .overwrite = true});
  if (!train(run)) {  // pre-train, warm up, fine-tune; false when a budget ended it before
    std::printf("%s\n", run.stopped().c_str());
    return 0;
  }
  Policy policy(std::make_shared<Actor>(run.agent->state().actor), Rng(0, "policy"));
  const Evaluation e = evaluate(*make_env(recipe.env), policy, 20, 1);
  std::printf("return %.2f, success %.0f%%, saved in %s\n", e.return_mean, 100 * e.success_rate, folder.c_str());
} catch (const Error& e) {  // whatever Line throws arrives here too, with step and call, and the run is saved
  std::fprintf(stderr, "error: %s\n", e.what());
  return static_cast<int>(e.code());
}
