// What a program that only acts reads from a file is what the whole library reads: the same actions, bit for bit.
#include "warmstart/phases/saved_policy.h"

#include <cmath>
#include <limits>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

class Saved : public testing::TestWithParam<std::vector<Override>> {};

TEST_P(Saved, ActsAsTheAgentDoes) {
  const TemporaryFolder folder;
  auto keys = GetParam();
  warmstart::Run run(tiny_recipe(folder, keys), options_in(folder / "run"));
  train(run);
  for (const char* name : {"final.safetensors", "pretrained.safetensors", "checkpoint.safetensors"}) {
    SCOPED_TRACE(name);
    const AgentFile whole = read_agent_file(folder / "run" / name);
    const SavedPolicy saved = read_policy(folder / "run" / name);
    EXPECT_EQ(saved.task, "PointMaze_UMaze_Episodic-v3");
    EXPECT_EQ(saved.phase, whole.metadata.at("phase"));
    EXPECT_EQ(saved.actor->spec, whole.agent.actor.spec);
    EXPECT_EQ(saved.actor->params, whole.agent.actor.params);
    EXPECT_EQ(saved.exploration_noise, exploration_noise(whole));
    EXPECT_EQ(SafetyConfig(saved.safety).fields().toml(), SafetyConfig(whole.recipe.safety).fields().toml());

    Policy policy(std::make_shared<Actor>(whole.agent.actor), Rng(7, "controller"), exploration_noise(whole));
    ActionFilter filter(whole.recipe.safety, saved.action_size());
    Controller controller(saved, 7);
    Rng rng(3, "observations");
    std::vector<float> obs(static_cast<std::size_t>(saved.obs_size())), a(static_cast<std::size_t>(saved.action_size())), b = a;
    for (int i = 0; i < 40; ++i) {
      if (i % 10 == 0) controller.begin_episode(), filter.begin_episode();
      rng.fill_normal(obs);
      const bool best = i % 3 != 0;
      policy.act(obs, best, a), filter.apply(a);
      if (best) controller.act(obs, b);
      else controller.explore(obs, b);
      EXPECT_EQ(a, b) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Saved,
    testing::Values(std::vector<Override>{}, std::vector<Override>{{"safety.max_action_change", "0.1"}, {"safety.action_low", "-0.5,-0.2"}},
                    std::vector<Override>{{"data.normalize", "dataset"}}, std::vector<Override>{{"data.normalize", "running"}},
                    std::vector<Override>{{"pretrain.agent", "td3bc"}, {"finetune.agent", "td3"}, {"td3.exploration_noise", "0.3"}},
                    std::vector<Override>{{"pretrain.agent", "iql"}, {"finetune.agent", "iql"}, {"network.squash", "false"}},
                    std::vector<Override>{
                        {"network.std_head", "exp"}, {"network.actor_layer_norm", "false"}, {"network.actor_hidden", "17,5"}}));

TEST(Saved, RefusesWhatItCannotActBy) {
  const TemporaryFolder folder;
  warmstart::Run run(tiny_recipe(folder), options_in(folder / "run"));
  train(run);
  const SafeTensors good = read_safetensors(folder / "run" / "final.safetensors");
  const auto refused = [&](auto change, const std::vector<std::string>& words) {
    SafeTensors file = good;
    change(file);
    write_safetensors(folder / "bad.safetensors", file);
    auto all = words;
    all.push_back("bad.safetensors");
    expect_error(Exit::kData, all, [&] { read_policy(folder / "bad.safetensors"); });
  };
  refused([](SafeTensors& f) { f.metadata["format"] = "pt"; }, {"not a Warmstart checkpoint"});
  refused([](SafeTensors& f) { f.metadata["version"] = "999"; }, {"format version 999"});
  refused([](SafeTensors& f) { f.metadata.erase("recipe"); }, {"no \"recipe\""});
  refused([](SafeTensors& f) { f.metadata["sizes"] = "0 2"; }, {"sizes"});
  refused([](SafeTensors& f) { f.metadata["sizes"] = "9 2"; }, {"network of other sizes"});
  refused([](SafeTensors& f) { f.tensors["normalizer/mean"] = f.tensors.at("params/actor/mean/bias"); },
          {"normalizer/mean", "numbers that belong there"});
  refused([](SafeTensors& f) { f.tensors.erase("params/actor/mean/kernel"); }, {"params/actor/mean/kernel"});
  expect_error(Exit::kData, {"nowhere.safetensors"}, [] { read_policy("nowhere.safetensors"); });

  SafeTensors units = good;
  units.metadata["action_low"] = "-10 0.5", units.metadata["action_high"] = "10 2";
  write_safetensors(folder / "units.safetensors", units);
  const SavedPolicy arm = read_policy(folder / "units.safetensors");
  std::vector<double> command = {0.5, -1};
  arm.bounds.from_unit(command);
  EXPECT_EQ(command, (std::vector<double>{5, 0.5}));
  units.metadata["action_low"] = "-10";
  write_safetensors(folder / "units.safetensors", units);
  expect_error(Exit::kUsage, {"bounds of 1 and 2", "units.safetensors"}, [&] { read_policy(folder / "units.safetensors"); });

  Controller controller(read_policy(folder / "run" / "final.safetensors"));
  std::vector<float> obs(static_cast<std::size_t>(controller.policy().actor().spec.obs)), action = {5, 6}, one = {0};
  expect_error(Exit::kUsage, {"Policy::act"}, [&] { controller.act(obs, one); });
  obs[1] = std::numeric_limits<float>::quiet_NaN();
  expect_error(Exit::kDiverged, {"obs[1] is nan", "sensor"}, [&] { controller.act(obs, action); });
  EXPECT_EQ(action, (std::vector<float>{5, 6})) << "nothing to send";
}

}  // namespace
}  // namespace warmstart
