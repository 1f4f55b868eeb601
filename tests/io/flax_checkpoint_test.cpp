// Flax checkpoints: real ones read whole, every truncation refused, and hand-made ones for what the real ones do not have.
#include "warmstart/io/flax_checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "../support.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

using nlohmann::json;
const fs::path kFlax = fs::path(WARMSTART_GOLDEN) / "flax";

/// One array as flax packs it; `extension` 1 is an array, 3 a NumPy scalar.
template <class T>
json packed(const std::string& dtype, const std::vector<std::int64_t>& shape, const std::vector<T>& values, int extension = 1) {
  std::vector<std::uint8_t> raw(values.size() * sizeof(T));
  if (!raw.empty()) std::memcpy(raw.data(), values.data(), raw.size());
  return json::binary(json::to_msgpack(json::array({shape, dtype, json::binary(raw)})), static_cast<std::uint8_t>(extension));
}

class Files : public testing::Test {
 protected:
  fs::path write(const std::vector<std::uint8_t>& bytes) const { return folder_.write("file", std::string(bytes.begin(), bytes.end())); }
  FlaxCheckpoint read(const json& tree) const { return read_flax_checkpoint(write(json::to_msgpack(tree))); }
  void expect_refused(const json& tree, std::vector<std::string> parts) const {
    parts.push_back((folder_ / "file").string());
    expect_error(Exit::kData, parts, [&] { read(tree); });
  }
  TemporaryFolder folder_;
};

TEST_F(Files, OrbaxFolder) {
  const FlaxCheckpoint c = read_flax_checkpoint(kFlax / "calql" / "checkpoint_3");
  EXPECT_EQ(c.integer("state/step"), 3);
  const FlaxArray& kernel = c.at("state/params/modules_critic/network/Dense_1/kernel");
  EXPECT_EQ(kernel.dtype, "float32");
  EXPECT_EQ(kernel.shape, (std::vector<std::int64_t>{10, 12, 8}));
  EXPECT_EQ(c.integer("state/opt_states/actor/inner_state/0/0/count"), 3);  // a sequence of sequences
  EXPECT_EQ(c.at("state/rng").dtype, "uint32");
}

TEST_F(Files, FlaxFileWithArraysInPieces) {
  const FlaxCheckpoint c = read_flax_checkpoint(kFlax / "sac" / "checkpoint_6");
  const std::string kernel = "state/params/modules_critic/network/Dense_0/kernel";
  EXPECT_EQ(c.at(kernel).shape, (std::vector<std::int64_t>{2, 8, 8}));
  EXPECT_EQ(c.floats(kernel).size(), 128u);
  for (const auto& [path, array] : c.arrays) EXPECT_EQ(path.find("chunk"), std::string::npos) << path;
}

TEST_F(Files, EveryTruncationIsRefused) {
  const auto bytes = read_bytes(kFlax / "iql" / "checkpoint_0" / "checkpoint");
  for (std::size_t keep = 0; keep < bytes.size(); keep += keep < 300 ? 1 : 97)
    expect_error(Exit::kData, {"not a whole Flax checkpoint", (folder_ / "file").string()}, [&] {
      read_flax_checkpoint(write({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(keep)}));
    });
  auto longer = bytes;
  longer.push_back(0);
  expect_error(Exit::kData, {"not a whole Flax checkpoint"}, [&] { read_flax_checkpoint(write(longer)); });
}

TEST_F(Files, FlippedBitsNeverCrash) {
  const auto bytes = read_bytes(kFlax / "iql" / "checkpoint_0" / "checkpoint");
  for (std::size_t at = 0; at < bytes.size(); at += 19) {
    auto damaged = bytes;
    damaged[at] ^= static_cast<std::uint8_t>(1u << at % 8);
    try {
      read_flax_checkpoint(write(damaged));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::kData) << error.what();
    }
  }
}

TEST_F(Files, Types) {
  const std::uint16_t half = 0xc0a0;  // -5 in bfloat16
  const FlaxCheckpoint c = read({{"f32", packed<float>("float32", {2, 1}, {0.1f, -3})},
                                 {"f64", packed<double>("float64", {2}, {0.1, 1e-300})},
                                 {"bf16", packed<std::uint16_t>("bfloat16", {2}, {half, 0x3f80})},
                                 {"f16", packed<std::uint16_t>("float16", {1}, {0})},
                                 {"huge", packed<std::uint16_t>("float16", {1LL << 40}, {})},
                                 {"none", packed<float>("float32", {0, 3}, {})},
                                 {"i32", packed<std::int32_t>("int32", {}, {-7})},
                                 {"scalar", packed<std::int64_t>("int64", {}, {1LL << 40}, 3)},
                                 {"list", {nullptr, 5, 2.5, "text", true}},
                                 {"complex", json::binary({0, 1}, 2)}});
  EXPECT_EQ(c.floats("f32"), (std::vector<float>{0.1f, -3}));
  EXPECT_EQ(c.at("f32").shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(c.floats("f64"), (std::vector<float>{0.1f, 0}));
  EXPECT_EQ(c.floats("bf16"), (std::vector<float>{-5, 1}));
  EXPECT_TRUE(c.floats("none").empty());
  EXPECT_EQ(c.integer("i32"), -7);
  EXPECT_EQ(c.integer("scalar"), 1LL << 40);
  EXPECT_EQ(c.integer("list/1"), 5);
  EXPECT_EQ(c.floats("list/2"), std::vector<float>{2.5});
  for (const char* path : {"f16", "huge", "i32", "list/3", "complex"})
    expect_error(Exit::kData, {"an array of type", path, "float32, float64 or bfloat16"}, [&] { c.floats(path); });
  for (const char* path : {"f32", "list/2", "list/3", "complex"})
    expect_error(Exit::kData, {"whole number", path}, [&] { c.integer(path); });
  expect_error(Exit::kData, {"missing", "nowhere"}, [&] { c.floats("nowhere"); });
}

TEST_F(Files, NumbersThatAreNotFinite) {
  const FlaxCheckpoint c = read({{"a", packed<float>("float32", {2}, {1, NAN})},
                                 {"b", packed<double>("float64", {1}, {1e300})},  // too large for a float
                                 {"c", packed<std::uint16_t>("bfloat16", {1}, {0x7f80})}});
  for (const char* path : {"a", "b", "c"}) expect_error(Exit::kData, {"not finite", path}, [&] { c.floats(path); });
}

TEST_F(Files, BrokenArrays) {
  expect_refused({{"a", packed<float>("float32", {3}, {1, 2})}}, {"do not fit its shape", ", a"});
  expect_refused({{"a", packed<float>("float32", {-1, -2}, {1, 2})}}, {"do not fit its shape"});
  expect_refused({{"a", packed<float>("float32", {1LL << 40, 1LL << 40}, {1})}}, {"do not fit its shape"});
  expect_refused({{"a", json::binary({0x93, 0x90}, 1)}}, {"an array is broken", ", a"});
  expect_refused({{"a", json::binary({}, 1)}}, {"an array is broken"});
  expect_refused({{"a", "PLACEHOLDER://state.step"}}, {"not in this file", ", a", "one-file.msgpack"});
  const json pieces = {{"0", packed<float>("float32", {2}, {1, 2})}, {"1", packed<float>("float32", {1}, {3})}};
  const json whole = {{"__msgpack_chunked_array__", true}, {"shape", {{"0", 3}, {"1", 1}}}, {"chunks", pieces}};
  EXPECT_EQ(read({{"a", {{"b", whole}}}}).floats("a/b"), (std::vector<float>{1, 2, 3}));
  json other = whole;
  other["shape"]["0"] = 4;
  expect_refused({{"a", other}}, {"do not fit its shape"});
  other["shape"]["0"] = packed<std::int64_t>("int64", {0}, {});
  expect_refused({{"a", other}}, {"broken shape"});
}

TEST_F(Files, DeepNestingIsRefused) {
  const std::vector<std::uint8_t> deep(1'000'000, 0x91);  // arrays of one array
  expect_error(Exit::kData, {"not a whole Flax checkpoint", "levels deep"}, [&] { read_flax_checkpoint(write(deep)); });
  expect_refused({{"a", json::binary(deep, 1)}}, {"an array is broken"});
}

TEST_F(Files, Folders) {
  expect_error(Exit::kData, {"no such checkpoint", "nowhere"}, [&] { read_flax_checkpoint(folder_ / "nowhere"); });
  expect_error(Exit::kData, {"no file named checkpoint", folder_.path().string(), "one-file.msgpack"},
               [&] { read_flax_checkpoint(folder_.path()); });
  folder_.write("checkpoint_9/checkpoint", "");
  folder_.write("checkpoint_1e6/checkpoint", "");
  folder_.write("checkpoint_200/checkpoint", "");
  expect_error(Exit::kData, {"a folder of checkpoints", "checkpoint_1e6"}, [&] { read_flax_checkpoint(folder_.path()); });
  folder_.write("checkpoint_3.orbax-checkpoint-tmp-1/checkpoint", "");
  expect_error(Exit::kData, {"interrupted"}, [&] { read_flax_checkpoint(folder_ / "checkpoint_3.orbax-checkpoint-tmp-1"); });
}

}  // namespace
}  // namespace warmstart
