// Minari: what the spaces say of the actions, and what a file lacks.
#include <fstream>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/data/pack_dataset.h"
#include "warmstart/io/hdf5_writer.h"
#include "warmstart/io/steps.h"

namespace warmstart {
namespace {

/// A Minari folder: one action, observations of 2, an episode of each length.
fs::path minari(const TemporaryFolder& scratch, const std::vector<std::pair<int, int>>& episodes, const std::string& metadata) {
  std::vector<std::uint8_t> image;
  {
    const std::lock_guard lock(hdf5_mutex());
    Hdf5Writer file;
    for (const auto& [number, steps] : episodes) {
      const std::string group = "episode_" + std::to_string(number);
      const auto T = static_cast<std::size_t>(steps);
      file.group(group), file.group(group + "/infos");
      const std::vector<float> numbers(2 * T + 2, 0.25f);
      const std::vector<std::uint8_t> flags(T, 0);
      file.write(group + "/observations", std::span<const float>(numbers).first(2 * T + 2), T + 1, 2);
      file.write(group + "/actions", std::span<const float>(numbers).first(T), T, 1);
      file.write(group + "/rewards", std::span<const float>(numbers).first(T), T, 0);
      file.write_flags(group + "/terminations", flags), file.write_flags(group + "/truncations", flags);
      file.write_text(group + "/infos/comment", "text");
    }
    image = file.image();
  }
  write_atomically(scratch / "main_data.hdf5", image);
  std::ofstream(scratch / "metadata.json") << metadata;
  return scratch.path();
}

std::string box(const std::string& low, const std::string& high) {
  return R"({"total_episodes": 2, "total_steps": 7, "action_space": "{\"type\": \"Box\", \"dtype\": \"float32\", \"shape\": [1], \"low\": )" +
         low + R"(, \"high\": )" + high + R"(}", "dataset_id": "toy/Infinity-NaN-v0"})";
}

bool mentions(const std::vector<std::string>& notes, const std::string& words) {
  return std::any_of(notes.begin(), notes.end(), [&](const std::string& n) { return n.find(words) != std::string::npos; });
}

TEST(Minari, ActionBoundsAreKept) {
  const TemporaryFolder scratch, out;
  const auto folder = minari(scratch, {{0, 3}, {1, 4}}, box("[-0.4000000059604645]", "[0.5]"));
  const auto reader = open_steps(folder);
  EXPECT_EQ(reader->layout().action_low, std::vector<double>{-0.4000000059604645});
  EXPECT_EQ(reader->layout().action_high, std::vector<double>{0.5});
  EXPECT_EQ(reader->layout().metadata.at("dataset_id"), "toy/Infinity-NaN-v0") << "words in texts stay as they are";

  // through our own file and a pack
  write_d4rl(out / "a.hdf5", read_all(*reader));
  const auto again = open_steps(out / "a.hdf5");
  EXPECT_EQ(again->layout().action_low, reader->layout().action_low);
  pack_dataset(*open_checked(out / "a.hdf5"), out / "a.pack");
  const auto packed = open_steps(out / "a.pack");
  EXPECT_EQ(packed->layout().action_low, reader->layout().action_low);
  EXPECT_EQ(packed->layout().action_high, reader->layout().action_high);
  auto metadata = again->layout().metadata;
  metadata[kActionUnits] = kUnitActions;  // a pack's actions are those of training
  EXPECT_EQ(packed->layout().metadata, metadata);
  EXPECT_EQ(PackMap(out / "a.pack").action_high(), reader->layout().action_high);
}

TEST(Minari, OneBoundForAllAndInfiniteOnes) {
  const TemporaryFolder scratch;
  EXPECT_EQ(open_steps(minari(scratch, {{0, 3}, {1, 4}}, box("-2", "2")))->layout().action_high, std::vector<double>{2});
  for (const auto& [low, high] : {std::pair{"[-Infinity]", "[Infinity]"}, {"[NaN]", "[1.0]"}, {"[-1.0]", "[Infinity]"}}) {
    const StepsLayout layout = open_steps(minari(scratch, {{0, 3}, {1, 4}}, box(low, high)))->layout();
    EXPECT_TRUE(layout.action_low.empty() && layout.action_high.empty()) << low;
    EXPECT_TRUE(mentions(layout.notes, "infinite")) << low;
  }
  expect_error(Exit::kData, {"between 1 and 1"}, [&] { open_steps(minari(scratch, {{0, 3}}, box("[1.0]", "[1.0]"))); });
}

TEST(Minari, SaysWhatIsMissing) {
  const TemporaryFolder scratch;
  const auto notes = [&](const std::vector<std::pair<int, int>>& episodes) {
    return open_steps(minari(scratch, episodes, box("[-1.0]", "[1.0]")))->layout().notes;
  };
  const auto whole = notes({{0, 3}, {1, 4}});
  EXPECT_EQ(whole.size(), 1u) << "only the info that is text";
  EXPECT_TRUE(mentions(whole, "comment"));
  EXPECT_TRUE(mentions(notes({{0, 3}, {2, 4}}), "numbers of episodes are missing: there are 2 from 0 to 2"));
  EXPECT_TRUE(mentions(notes({{0, 3}, {1, 4}, {2, 0}}), "1 episodes without a step"));
  EXPECT_TRUE(mentions(notes({{0, 3}}), "holds 1 episodes, its metadata say 2"));
  EXPECT_TRUE(mentions(notes({{0, 3}, {1, 3}}), "holds 6 steps, its metadata say 7"));
}

TEST(Minari, EpisodesGoByTheirNumbers) {
  const TemporaryFolder scratch;
  const auto reader = open_steps(minari(scratch, {{10, 2}, {9, 5}, {2, 1}}, box("[-1.0]", "[1.0]")));
  D4rlFile file = read_all(*reader);
  EXPECT_EQ(file.timeouts, (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1, 0, 1}));
}

}  // namespace
}  // namespace warmstart
