// Recordings of another task with the same body, as data of the one that learns.
#include "warmstart/phases/task_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support.h"
#include "warmstart/data/dataset.h"
#include "warmstart/envs/adroit.h"

namespace warmstart {
namespace {

/// Success as gymnasium-robotics said it, step by step, of two recorded people at the door; dense rewards.
D4rlFile human_doors() { return read_d4rl(std::string(WARMSTART_GOLDEN) + "/data/door-human.hdf5"); }

TEST(TaskData, ADoorIsOpenWhereTheOriginalSaidSo) {
  const D4rlFile file = human_doors(), made = data_for_task(file, env_spec("door-binary-v0"), "doors");
  const std::vector<double>& said = file.infos.at("success").values;
  // of each episode: what lies before the last success, told here from the recorded flags alone; its last step has no next observation
  std::vector<double> expected;
  std::size_t first = 0;
  for (std::size_t t = 0; t < said.size(); ++t) {
    if (!file.timeouts[t] && !file.terminals[t]) continue;
    std::size_t end = t;
    while (end > first && said[end - 1] == 0) --end;
    for (std::size_t i = first; i < end; ++i) expected.push_back(said[i]);
    first = t + 1;
  }
  ASSERT_GT(expected.size(), 100u);
  ASSERT_EQ(made.rewards.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(made.rewards[i], expected[i] - 1) << i;
    EXPECT_EQ(made.terminals[i], expected[i]) << i;
    EXPECT_EQ(made.timeouts[i], 0);
  }
  EXPECT_EQ(made.infos.at("qpos").rows, static_cast<int>(expected.size()));
  EXPECT_EQ(made.metadata.at("env"), "door-binary-v0");
  // what is this task's already stays as it is
  const D4rlFile again = data_for_task(made, env_spec("door-binary-v0"), "made");
  EXPECT_EQ(again.rewards, made.rewards);
  EXPECT_EQ(again.terminals, made.terminals);
}

// The simulator, which is held to gymnasium-robotics, against its own observations.
TEST(TaskData, ObservationsShowWhatTheSimulatorSays) {
  for (const std::string id : {"pen-binary-v0", "relocate-binary-v0", "door-binary-v0"}) {
    const auto env = make_env({id});
    play_on_after_success(*env, true);
    const bool ball = id == "relocate-binary-v0";
    Rng rng(3, "task data");
    int successes = 0, steps = 0;
    std::vector<double> action(static_cast<std::size_t>(env->spec().action_size));
    std::vector<float> obs(static_cast<std::size_t>(env->spec().obs_size));
    for (int episode = 0; episode < 12; ++episode) {
      env->reset(rng);
      if (ball) {  // the target about as far from the ball as success allows
        std::vector<double> goal = env->goal();
        for (int i = 0; i < 3; ++i) goal[i + 3] = goal[i] + rng.uniform(-0.12, 0.12);
        env->set_state(env->qpos(), env->qvel(), goal);
      }
      if (id == "pen-binary-v0")  // a target near to how the pen begins
        for (double cosine = 0; cosine < 0.94;) {
          std::vector<double> quat(4);
          for (double& q : quat) q = rng.normal();
          const double length = std::sqrt(quat[0] * quat[0] + quat[1] * quat[1] + quat[2] * quat[2] + quat[3] * quat[3]);
          for (double& q : quat) q /= length;
          env->set_state(env->qpos(), env->qvel(), quat);
          cosine = 0;
          for (int i = 33; i < 36; ++i) cosine += env->obs()[i] * env->obs()[i + 3];
        }
      if (id == "door-binary-v0") {  // a hinge that swings through what counts as open
        std::vector<double> qpos = env->qpos(), qvel = env->qvel();
        qpos[qpos.size() - 2] = 1.2, qvel[qvel.size() - 2] = 3;
        env->set_state(qpos, qvel, env->goal());
      }
      for (int t = 0; t < 40; ++t) {
        for (double& a : action) a = rng.uniform(-0.3, 0.3);
        const Step step = env->step(action);
        std::copy(env->obs().begin(), env->obs().end(), obs.begin());
        EXPECT_EQ(env->spec().data.done(obs), step.success ? 1u : 0u) << id << ", episode " << episode << ", step " << t;
        successes += step.success, ++steps;
      }
    }
    EXPECT_GT(successes, 0) << id;
    EXPECT_LT(successes, steps) << id;
  }
}

/// One episode of FrankaKitchen-v1: the microwave opens in step 1, shuts again, the switch goes on in step 3, kettle and cabinet in step 4.
D4rlFile kitchen() {
  constexpr int kSteps = 7;
  D4rlFile file;
  file.observations.resize(kSteps, 59), file.next_observations.resize(kSteps, 59), file.actions.resize(kSteps, 9);
  file.rewards.assign(kSteps, 0), file.terminals.assign(kSteps, 0), file.timeouts.assign(kSteps, 0);
  file.timeouts.back() = 1;
  const auto write = [](float* row, int t) {
    for (int i = 0; i < 59; ++i) row[i] = static_cast<float>(i) * 1e-3f;
    float* position = row + 9;  // qpos 9 and on stand from entry 18
    position[22] = t == 2 ? -0.75f : 0;
    position[17] = t >= 4 ? -0.69f : 0, position[18] = t >= 4 ? -0.05f : 0;
    const float kettle[] = {-0.23f, 0.75f, 1.62f, 0.99f, 0, 0, -0.06f};
    for (int i = 0; i < 7; ++i) position[23 + i] = t >= 5 ? kettle[i] : 0;
    position[19] = t >= 5 ? 0.37f : 0;
  };
  for (int t = 0; t < kSteps; ++t) write(file.observations.row(t), t), write(file.next_observations.row(t), t + 1);
  return file;
}

TEST(TaskData, KitchenCountsWhatWasSeenDone) {
  const D4rlFile made = data_for_task(kitchen(), env_spec("kitchen-complete-v0"), "kitchen");
  EXPECT_EQ(made.rewards, (std::vector<float>{0, 1, 1, 2, 4})) << "what follows the fourth is left out";
  EXPECT_EQ(made.terminals, (std::vector<std::uint8_t>{0, 0, 0, 0, 1}));
  ASSERT_EQ(made.observations.cols(), 60);
  // robot, objects, goal: as D4RL orders them
  EXPECT_FLOAT_EQ(made.observations(0, 8), 8e-3f);
  EXPECT_FLOAT_EQ(made.observations(0, 9), 18e-3f);
  EXPECT_EQ(made.next_observations(1, 22), -0.75f);
  EXPECT_FLOAT_EQ(made.observations(0, 30 + 22), -0.75f);
  EXPECT_EQ(made.observations(0, 30), 0);
  // the mixed task has a burner in the cabinet's place
  EXPECT_EQ(data_for_task(kitchen(), env_spec("kitchen-mixed-v0"), "kitchen").rewards, (std::vector<float>{0, 1, 1, 2, 3, 3, 3}));
}

TEST(TaskData, BadInput) {
  const D4rlFile doors = human_doors();
  expect_error(Exit::kUsage, {"Hopper-v4", "--for"}, [&] { data_for_task(doors, env_spec("Hopper-v4"), "doors"); });
  expect_error(Exit::kData, {"doors", "39", "45"}, [&] { data_for_task(doors, env_spec("pen-binary-v0"), "doors"); });
  expect_error(Exit::kData, {"doors", "actions", "28", "30"}, [&] { data_for_task(doors, env_spec("relocate-binary-v0"), "doors"); });
  D4rlFile shut = doors;
  for (int t = 0; t < shut.observations.rows(); ++t) shut.observations(t, 28) = 0;
  expect_error(Exit::kData, {"doors", "no episode"}, [&] { data_for_task(shut, env_spec("door-binary-v0"), "doors"); });
}

TEST(TaskData, BodiesAreToldApart) {
  check_body("halfcheetah-medium-v2", env_spec("HalfCheetah-v5"), "f");  // other versions are a note's matter
  check_body("antmaze-umaze-v2", env_spec("antmaze-large-play-v2"), "f");
  check_body("MyRobot-v0", env_spec("Hopper-v4"), "f");
  expect_error(Exit::kData, {"f", "halfcheetah-medium-v2", "walker2d-medium-v2"},
               [] { check_body("halfcheetah-medium-v2", env_spec("walker2d-medium-v2"), "f"); });
  EXPECT_TRUE(same_task("walker2d-expert-v2", "Walker2d-v4"));
  EXPECT_FALSE(same_task("Walker2d-v5", "Walker2d-v4"));
}

TEST(TaskData, RewardsOfAnotherRuleAreRefused) {
  const auto load = [](const D4rlFile& file, const char* id) {
    const EnvSpec& spec = env_spec(id);
    DatasetOptions options = dataset_options(spec);
    options.source = "doors";
    options.obs_size = file.observations.cols();  // the kitchen below is of the other layout; rewards are what counts here
    return Dataset::from_d4rl(file, options);
  };
  expect_error(Exit::kData, {"doors", "door-binary-v0", "-1 to 0", "convert --for"}, [&] { load(human_doors(), "door-binary-v0"); });
  EXPECT_NO_THROW(load(human_doors(), "AdroitHandDoor-v1"));
  EXPECT_NO_THROW(load(data_for_task(human_doors(), env_spec("door-binary-v0"), "doors"), "door-binary-v0"));
  // D4RL's kitchen files go on after the fourth part; that the task has ended there is no matter of their flags
  D4rlFile file = kitchen();
  file.rewards = {0, 1, 1, 2, 4, 4, 4};
  const Dataset data = load(file, "kitchen-complete-v0");
  EXPECT_EQ(data.at(3).mask, 1);
  EXPECT_EQ(data.at(4).mask, 0);
  EXPECT_EQ(data.episodes().front().end, EpisodeEnd::kTerminal);
  EXPECT_EQ(data.episodes().front().length, 7u) << "recorded in one piece";
  EXPECT_EQ(data.episodes().front().reward_sum, 8) << "and over for the task in its fifth step";
  EXPECT_EQ(data.at(4).mc_return, 4) << "where its returns end, too";
}

}  // namespace
}  // namespace warmstart
