// Agents and checkpoints as files: exact round trips, and refusals that name what does not fit.
#include <cmath>

#include "fixtures.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

class AgentFiles : public testing::Test {
 protected:
  /// A finished tiny run; its files are the material of every test here.
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    warmstart::Run run(tiny_recipe(*folder_), options_in(*folder_ / "run"));
    train(run);
  }
  static void TearDownTestSuite() { delete folder_; }

  static fs::path file(const std::string& name = "final.safetensors") { return *folder_ / "run" / name; }
  /// The file with its metadata changed, as another version or task would have written it.
  static fs::path with(const std::string& key, const std::string& value) {
    SafeTensors f = read_safetensors(file());
    f.metadata[key] = value;
    write_safetensors(*folder_ / "changed.safetensors", f);
    return *folder_ / "changed.safetensors";
  }
  static fs::path copy(const std::vector<std::uint8_t>& bytes) {
    write_atomically(*folder_ / "copy.safetensors", bytes);
    return *folder_ / "copy.safetensors";
  }
  static TemporaryFolder* folder_;
};
TemporaryFolder* AgentFiles::folder_ = nullptr;

TEST_F(AgentFiles, RoundTripIsExact) {
  AgentFile a = read_agent_file(file());
  SafeTensors again;
  put_agent(a.agent, again);
  ActorCritic b = fresh_agent(a.recipe);
  get_agent(again, "memory", b);
  EXPECT_EQ(numbers(a.agent), numbers(b));
  EXPECT_EQ(a.recipe.toml(), tiny_recipe(*folder_).toml());
  EXPECT_EQ(a.metadata["env"], "PointMaze_UMaze_Episodic-v3");
  EXPECT_EQ(a.metadata["phase"], "done");
  EXPECT_EQ(a.metadata["pretrain_steps"], "20");
}

TEST_F(AgentFiles, CheckpointsCanBeReadAsAgentsToo) {
  AgentFile checkpoint = read_agent_file(file("checkpoint.safetensors")), last = read_agent_file(file());
  EXPECT_EQ(numbers(checkpoint.agent), numbers(last.agent));
}

TEST_F(AgentFiles, ForeignFilesAreRefused) {
  expect_error(Exit::kData, {"not a Warmstart checkpoint", "changed.safetensors"}, [] { read_agent_file(with("format", "pt")); });
  expect_error(Exit::kData, {"format version 999", "changed.safetensors", "reads version"},
               [] { read_agent_file(with("version", "999")); });
  expect_error(Exit::kData, {"optimiser counts", "changed.safetensors"}, [] { read_agent_file(with("adam_steps", "1 2")); });
  expect_error(Exit::kData, {"nowhere.safetensors"}, [] { read_agent_file("nowhere.safetensors"); });
  expect_error(Exit::kData, {"copy.safetensors"}, [] {
    read_agent_file(copy({'n', 'o', 't', ' ', 'o', 'n', 'e', ' ', 'o', 'f', ' ', 'u', 's'}));
  });
  expect_error(Exit::kData, {"copy.safetensors"}, [] { read_agent_file(copy({})); });
}

TEST_F(AgentFiles, AnotherTaskIsRefused) {
  const SafeTensors f = read_safetensors(file());
  EXPECT_NO_THROW(check_header(f, "here", ""));
  EXPECT_NO_THROW(check_header(f, "here", "PointMaze_UMaze_Episodic-v3"));
  expect_error(Exit::kData, {"another task, PointMaze_UMaze_Episodic-v3", "here", "HalfCheetah-v5"},
               [&] { check_header(f, "here", "HalfCheetah-v5"); });

  Recipe other = tiny_recipe(*folder_, {{"env.id", "HalfCheetah-v5"}});
  RunOptions options = options_in(*folder_ / "other-task");
  options.from = file("pretrained.safetensors");
  expect_error(Exit::kData, {"another task", "pretrained.safetensors", "HalfCheetah-v5"}, [&] { warmstart::Run(other, options); });
  EXPECT_FALSE(fs::exists(options.folder)) << "refused before anything was written";
}

TEST_F(AgentFiles, OtherNetworkSizesAreRefused) {
  RunOptions options = options_in(*folder_ / "other-sizes");
  options.from = file("pretrained.safetensors");
  for (const Override& change : std::vector<Override>{{"network.num_qs", "4"},
                                                      {"network.actor_hidden", "[9]"},
                                                      {"network.critic_hidden", "[8]"},
                                                      {"network.critic_layer_norm", "false"},
                                                      {"network.std_head", "exp"},
                                                      {"network.shared_output", "false"}})
    expect_error(Exit::kData, {"network", "pretrained.safetensors"}, [&] { warmstart::Run(tiny_recipe(*folder_, {change}), options); });

  ActorCritic wider = fresh_agent(tiny_recipe(*folder_, {{"network.critic_hidden", "[8, 9]"}}));
  expect_error(Exit::kData, {"network of other sizes", "[8,9]", "here"}, [&] { get_agent(read_safetensors(file()), "here", wider); });
}

TEST_F(AgentFiles, EveryFlippedByteIsFound) {
  const auto bytes = read_bytes(file());
  Rng rng(5, "flips");
  for (int i = 0; i < 200; ++i) {
    auto damaged = bytes;
    const auto at = rng.below(static_cast<std::uint32_t>(bytes.size()));
    damaged[at] ^= static_cast<std::uint8_t>(1u << rng.below(8));
    try {
      read_agent_file(copy(damaged));
      ADD_FAILURE() << "byte " << at << " of " << bytes.size() << " was flipped and nobody saw it";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kData) << e.what();
      EXPECT_NE(std::string(e.what()).find("copy.safetensors"), std::string::npos) << e.what();
    }
  }
}

TEST_F(AgentFiles, EveryTruncationIsFound) {
  const auto bytes = read_bytes(file());
  for (std::size_t keep : {std::size_t{1}, std::size_t{8}, std::size_t{200}, bytes.size() / 2, bytes.size() - 1})
    expect_error(Exit::kData, {"copy.safetensors"}, [&] {
      read_agent_file(copy({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(keep)}));
    });
}

TEST_F(AgentFiles, NothingNotFiniteIsSaved) {
  ActorCritic agent = fresh_agent(tiny_recipe(*folder_));
  agent.critic.params[3] = NAN;
  SafeTensors f;
  expect_error(Exit::kDiverged, {"not finite", "critic"}, [&] { put_agent(agent, f); });
}

}  // namespace
}  // namespace warmstart
