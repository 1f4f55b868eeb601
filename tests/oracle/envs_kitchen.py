"""Transcripts of gymnasium-robotics' FrankaKitchen and of D4RL's kitchen tasks on it, for record_envs.py.

The original draws its observation noise from numpy's generator. Here the draws are recorded, 59 for each observation, so that the
noise's formula is compared as well. FrankaKitchen-v1 is the package's own. D4RL's kitchen-*-v0 need a simulator of their time; they
share the model, so they are recorded from the package's robot with D4RL's observation, noise and reward put on top: see D4rlKitchen.
"""

import gymnasium
import gymnasium_robotics
import mujoco
import numpy as np
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import OBS_ELEMENT_GOALS, OBS_ELEMENT_INDICES
from record_envs import actions_of, pack

D4RL = {
    "kitchen-complete-v0": ["microwave", "kettle", "light switch", "slide cabinet"],
    "kitchen-mixed-v0": ["microwave", "kettle", "bottom burner", "light switch"],
}
IDS = ["FrankaKitchen-v1", *D4RL]


class Draws:
    """Stands in for numpy's generator and writes down what it gives."""

    def __init__(self, seed):
        self.rng, self.log = np.random.default_rng(seed), []

    def uniform(self, low, high, size):
        assert (low, high) == (-1.0, 1.0)
        values = self.rng.uniform(low, high, size)
        self.log.append(values)
        return values


class D4rlKitchen(gymnasium.Wrapper):
    """What D4RL makes of the robot (with the cumulative reward of the version that WSRL used): observation = noisy qpos 30 and goal 30;
    noise 0.1 of the amplitudes, those of the objects from the ninth on; parts are judged by the noisy observation."""

    def __init__(self, env, parts):
        super().__init__(env)
        self.parts, self.goal = parts, np.zeros(30)
        for part in parts:
            self.goal[OBS_ELEMENT_INDICES[part]] = OBS_ELEMENT_GOALS[part]
        config = env.unwrapped.robot_env
        self.amplitude = np.append(config.robot_pos_noise_amp, 0.005)[9:]  # the 30th lies beyond what the package reads

    def observe(self, robot_obs):
        inner = self.unwrapped
        draw = inner.robot_env.np_random.uniform
        objects = inner.data.qpos[9:] + 0.1 * self.amplitude * draw(low=-1.0, high=1.0, size=21)
        draw(low=-1.0, high=1.0, size=20)  # of the velocities, which are not observed
        return np.concatenate([robot_obs[:9], objects, self.goal])

    def begin(self, robot_obs):
        self.left = list(self.parts)
        return self.observe(robot_obs)

    def step(self, action):
        robot_obs = self.unwrapped.robot_env.step(action)[0]
        obs = self.observe(robot_obs)
        for part in list(self.left):
            at = OBS_ELEMENT_INDICES[part]
            if np.linalg.norm(obs[at] - self.goal[at]) < 0.3:
                self.left.remove(part)
        self.steps += 1
        return obs, float(len(self.parts) - len(self.left)), not self.left, self.steps >= self.limit, {}


def make(name, time_limit):
    if name not in D4RL:
        return gymnasium.make(name, **({"max_episode_steps": time_limit} if time_limit else {}))
    env = D4rlKitchen(gymnasium.make("FrankaKitchen-v1", robot_noise_ratio=0.1), D4RL[name])
    env.limit, env.steps = time_limit or 280, 0
    return env


def segment(name, seed, steps, time_limit=0, push=0.0, done=()):
    """`done`: parts that start a little short of their goal, moving towards it."""
    rng = np.random.default_rng(seed)
    env = make(name, time_limit)
    env.reset(seed=seed)
    inner = env.unwrapped
    robot = inner.robot_env
    qpos, qvel = robot.init_qpos.copy(), push * rng.uniform(-1, 1, robot.model.nv)
    for k, part in enumerate(done):
        at = OBS_ELEMENT_INDICES[part]
        qpos[at] = OBS_ELEMENT_GOALS[part]
        if k % 2:  # the threshold, give or take: completed later, or not at all
            qpos[at[0]] += 0.3 * (1 if at[0] != 22 else -1) + 0.02 * rng.uniform(-1, 1)
    draws = Draws(seed)
    robot.np_random = draws
    mujoco.mj_resetData(robot.model, robot.data)
    robot.set_state(qpos, qvel)
    if name in D4RL:
        obs0 = env.begin(robot._get_obs())
    else:
        obs0 = inner._get_obs(robot._get_obs())["observation"]
    actions = actions_of(env, rng, steps)
    rows = {"obs": [], "reward": [], "terminated": [], "truncated": []}
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        for key, value in zip(rows, (obs if name in D4RL else obs["observation"], reward, terminated, truncated)):
            rows[key].append(value)
        if terminated or truncated:
            break
    taken = len(rows["reward"])
    env.close()
    return {"qpos": qpos.tolist(), "qvel": qvel.tolist(), "goal": [], "time_limit": time_limit, "noise": pack(np.concatenate(draws.log), "<f8"),
            "obs0": pack(obs0, "<f8"), "actions": pack(actions[:taken], "<f8"), "obs": pack(rows["obs"], "<f8"),
            "reward": pack(rows["reward"], "<f8"), "terminated": pack(rows["terminated"], "u1"), "truncated": pack(rows["truncated"], "u1")}


def transcript(name):
    parts = D4RL.get(name, list(OBS_ELEMENT_GOALS))
    versions = {m.__name__: m.__version__ for m in (gymnasium, gymnasium_robotics, mujoco)}
    return {"env": name, "versions": versions, "segments": [
        segment(name, 1, 7, time_limit=7),
        segment(name, 2, 40, push=0.3, done=parts),
        segment(name, 3, 40, done=parts[::2]),
        segment(name, 4, 40, done=parts[::-1]),
        segment(name, 5, 160 if name in D4RL else 115)]}
