// Exported policies: every form of policy and limit in every format acts as ours does, and a damaged file is found.
// tests/apps/export_test.py holds the same files to onnxruntime, numpy and a C compiler.
#include "warmstart/phases/export/export.h"

#include <algorithm>
#include <cmath>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/io/onnx.h"

namespace warmstart {
namespace {

struct Form {
  bool layer_norm, squash, exp_head;
  double exploration_noise;
  SafetyConfig safety;
  ActionUnits units = {};
  bool normalized = false;
};

const SafetyConfig kOff = {};
const SafetyConfig kBox = {.action_low = {-0.5}, .action_high = {0.25, 0.5, 1}};
const SafetyConfig kAll = {.action_low = {-0.5, 0.125, -1}, .action_high = {0.75}, .max_action_change = {0.25, 0.5, 1}, .smoothing = 0.5};

const ActionUnits kMachine = {.low = {-20, 0, 300}, .high = {10, 0.125, 301}};

const Form kForms[] = {{true, true, true, 0, kOff},           {true, true, false, 0, kBox},
                       {false, true, true, 0.2, kAll},        {true, false, true, 0, kAll},
                       {false, false, false, 0, kOff},        {true, true, true, 0.1, {.smoothing = 0.75}},
                       {true, true, true, 0, kOff, kMachine}, {true, true, false, 0.2, kAll, kMachine},
                       {true, true, true, 0, kAll, {}, true}, {false, false, false, 0, kOff, {}, true}};

ExportedActor drawn(const Form& form) {
  const TrunkSpec trunk{.input = 5, .hidden = {17, 32}, .layer_norm = form.layer_norm};
  ExportedActor out{
      .actor = Actor(
          {.obs = 5, .action = 3, .trunk = trunk, .std_head = form.exp_head ? StdHead::kExp : StdHead::kUniform, .squash = form.squash}),
      .exploration_noise = form.exploration_noise,
      .safety = form.safety,
      .units = form.units,
      .env = "a task */ with \"marks\"",
      .label = "drawn"};
  Rng rng(3, "export");
  initialise(out.actor, rng);
  for (const TensorInfo& t : out.actor.tensors())  // biases, scales and shifts that matter
    if (t.shape.size() == 1)
      for (std::size_t i = 0; i < t.size; ++i) out.actor.params[t.offset + i] += 0.3f * static_cast<float>(rng.normal());
  if (form.normalized)  // places and sizes that a network could not take
    out.actor.normalizer = ObsNormalizer::fixed({0, 1000, -0.5f, 1e-20f, 3}, {1, 20, 1e-3f, 1e20f, 0.1f});
  return out;
}

constexpr ExportFormat kFormats[] = {ExportFormat::kOnnx, ExportFormat::kC, ExportFormat::kSafetensors};

TEST(Export, EveryFormActsAsOurs) {
  const TemporaryFolder folder;
  for (const Form& form : kForms)
    for (const ExportFormat format : kFormats)
      for (const bool stochastic : {false, true}) {
        if (stochastic && format != ExportFormat::kOnnx) continue;
        const auto seen = write_export(drawn(form), format, stochastic, folder / "policy");
        if (!seen) GTEST_SKIP() << "no C compiler";
        EXPECT_LE(*seen, form.units.off() ? kExportTolerance : 1e-4) << "300 in a range of 1 is known to 3e-5";
      }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2) << "nothing but the file and a C file's header is left";
}

TEST(Export, AnOnnxModelHoldsNothingThatItDoesNotUse) {
  for (const Form& form : kForms)
    for (const bool stochastic : {false, true}) {
      const OnnxModel model = decode_onnx(onnx_text(drawn(form), stochastic), "here");
      for (const auto& constant : model.constants)
        EXPECT_TRUE(std::ranges::any_of(model.nodes, [&](const OnnxNode& n) { return std::ranges::count(n.inputs, constant.name) > 0; }))
            << constant.name;
    }
}

TEST(Export, ACFileAndItsHeaderGoTogether) {
  EXPECT_EQ(c_header_path("a/arm.c"), "a/arm.h");
  EXPECT_EQ(c_header_path("a/arm.cc"), "a/arm.cc.h");
  const ExportedActor machine = drawn(kForms[6]);
  EXPECT_EQ(action_range(machine), "-20 to 10, 0 to 0.125, 300 to 301");
  EXPECT_EQ(action_range(drawn(kForms[0])), "-1 to 1");
  EXPECT_NE(c_header(machine, "arm.h").find("300 to 301"), std::string::npos);
}

TEST(Export, AWrongWeightLayoutOrLimitIsFound) {
  const TemporaryFolder folder;
  ExportedActor actor = drawn({true, true, true, 0, kAll});
  for (const ExportFormat format : kFormats) {
    const fs::path path = folder / "policy";
    const auto wrong = [&](auto change) {
      ExportedActor other = actor;
      change(other);
      write_export(other, format, false, path);
      expect_error(Exit::kMachine, {"acts differently", path.string()}, [&] { check_export(actor, format, false, path); });
    };
    wrong([](ExportedActor& a) { a.actor.params[a.actor.mean_bias] += 1e-3f; });
    wrong([](ExportedActor& a) { std::swap(a.actor.params[0], a.actor.params[1]); });
    wrong([](ExportedActor& a) { a.safety.smoothing = 0.501; });
    wrong([](ExportedActor& a) { a.units = {{-1}, {1.001}}; });
    wrong([](ExportedActor& a) { a.actor.normalizer = ObsNormalizer::fixed({0, 0, 0, 0, 0.01f}, {1, 1, 1, 1, 1}); });
    wrong([](ExportedActor& a) { a.safety.max_action_change = {0.25, 0.49, 1}; });
  }
}

TEST(Export, DamagedFilesAreRefused) {
  const TemporaryFolder folder;
  const ExportedActor actor = drawn(kForms[0]);
  for (const ExportFormat format : {ExportFormat::kOnnx, ExportFormat::kSafetensors}) {
    write_export(actor, format, false, folder / "policy");
    const std::string whole = read_text(folder / "policy");
    spill(folder / "policy", whole.substr(0, whole.size() / 2));
    expect_error(Exit::kData, {"policy"}, [&] { check_export(actor, format, false, folder / "policy"); });
  }
  spill(folder / "policy", "");
  expect_error(Exit::kData, {"no ONNX graph"}, [&] { check_export(actor, ExportFormat::kOnnx, false, folder / "policy"); });
  OnnxModel model = decode_onnx(onnx_text(actor, false), "here");
  model.nodes.back().op = "Sinh";
  expect_error(Exit::kData, {"Sinh", "not evaluated"}, [&] {
    Matrix obs(1, 5);
    evaluate_onnx(model, {{"obs", obs}});
  });
}

TEST(Export, WhatCannotBeWrittenLeavesTheOlderFile) {
  const TemporaryFolder folder;
  ExportedActor actor = drawn(kForms[0]);
  write_export(actor, ExportFormat::kOnnx, false, folder / "policy");
  const std::string before = read_text(folder / "policy");
  actor.actor.params[0] = std::nanf("");  // never equal to anything
  expect_error(Exit::kMachine, {"acts differently"}, [&] { write_export(actor, ExportFormat::kOnnx, false, folder / "policy"); });
  EXPECT_EQ(read_text(folder / "policy"), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Export, WhoActsDecidesHowItExplores) {
  const TemporaryFolder folder;
  warmstart::Run run(tiny_recipe(folder, {{"finetune.agent", "td3"}, {"td3.exploration_noise", "0.3"}}), options_in(folder / "run"));
  train(run);
  const auto noise = [&](const char* name) { return exported_actor(read_agent_file(folder / "run" / name), "p").exploration_noise; };
  EXPECT_EQ(noise("pretrained.safetensors"), 0) << "Cal-QL samples";
  EXPECT_EQ(noise("final.safetensors"), 0.3) << "TD3 adds noise";
}

}  // namespace
}  // namespace warmstart
