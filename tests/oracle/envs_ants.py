"""The ants' transcripts, for record_envs.py: Gymnasium's Ant, gymnasium-robotics' AntMaze, OGBench's antmaze, and D4RL's antmaze and
our AntReach, whose rules are written down here once more and stepped by Python's mujoco with OGBench's ant.xml.

Observations are wide, so only every 5th or 20th one is kept: a difference in any step shows in all later ones, and every reward is kept.
"""

import base64
import importlib.metadata
import importlib.util
import pathlib
import sys
import types
import xml.etree.ElementTree as ElementTree

import gymnasium
import gymnasium_robotics
import mujoco
import numpy as np

# ogbench's own __init__ wants packages that only its downloads and robot arms need
OGBENCH_FOLDER = pathlib.Path(importlib.util.find_spec("ogbench").origin).parent
sys.modules["ogbench"] = types.ModuleType("ogbench")
sys.modules["ogbench"].__path__ = [str(OGBENCH_FOLDER)]
importlib.import_module("ogbench.locomaze")  # registers its ids

gymnasium.register_envs(gymnasium_robotics)

STEPS = 200
SIZES = ["UMaze", "Open", "Medium", "Large"]
SIZES += [f"{size}_Diverse_{kind}" for size in ("Open", "Medium", "Large") for kind in ("G", "GR")]
ANTS = ["Ant-v5", "Ant-v4"]
ROBOTICS = [f"AntMaze_{size}{kind}-v5" for kind in ("", "Dense") for size in SIZES]
OGBENCH = [f"antmaze-{size}-v0" for size in ("medium", "large", "giant")]

# walls of D4RL's mazes; the start, in cell (1, 1), is the origin
D4RL = {
    "antmaze-umaze-v2": "##### #...# ###.# #...# #####",
    "antmaze-medium-play-v2": "######## #..##..# #..#...# ##...### #..#...# #.#..#.# #...#..# ########",
    "antmaze-large-play-v2": (
        "############ #....#.....# #.##.#.#.#.# #......#...# #.####.###.# #..#.#.....# ##.#.#.#.### #..#...#...# ############"
    ),
    "antmaze-ultra-play-v2": (
        "################ #.......#......# #.###.#.#.##.#.# #.###.#....#.#.# #...#.##.###.#.# #.#...#........# "
        "#...#...#.###.## #.#.###.#...#.## #.......#.#....# ##.##.#...####.# ##.#..#.#......# ################"
    ),
}


class D4rlAnt:
    """D4RL's ant by its published rules; `walls` None is open ground."""

    def __init__(self, walls):
        tree = ElementTree.parse(OGBENCH_FOLDER / "locomaze" / "assets" / "ant.xml")
        world = tree.find(".//worldbody")
        for i, row in enumerate(walls.split() if walls else []):
            for j, cell in enumerate(row):
                if cell == "#":
                    box = dict(pos="%f %f 1" % (4 * j - 4, 4 * i - 4), size="2 2 1", type="box", contype="1", conaffinity="1")
                    ElementTree.SubElement(world, "geom", box)
        self.model = mujoco.MjModel.from_xml_string(ElementTree.tostring(tree.getroot(), encoding="unicode"))
        self.data = mujoco.MjData(self.model)

    def place(self, qpos, qvel, goal):
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:], self.goal = qpos, qvel, np.asarray(goal)
        mujoco.mj_forward(self.model, self.data)
        return self.obs()

    def away(self):
        return np.linalg.norm(self.data.qpos[:2] - self.goal)

    def simulate(self, action):
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=5)

    def obs(self):
        return np.concatenate([self.data.qpos, self.data.qvel])

    def step(self, action):
        self.simulate(action)
        there = self.away() <= 0.5
        return self.obs(), float(there), there


def about_z(angle):
    quat = np.zeros(4)
    mujoco.mju_axisAngle2Quat(quat, np.array([0.0, 0.0, 1.0]), angle)
    return quat


def rotated(vector, quat):
    out = np.zeros(3)
    mujoco.mju_rotVecQuat(out, np.asarray(vector, dtype=float), quat)
    return out


class Reach(D4rlAnt):
    """AntReach-v0, with mujoco's quaternions instead of our formulas."""

    BEND = np.array([1.0, -1.0, -1.0, 1.0])
    MOTORS = [2, 3, 4, 5, 6, 7, 0, 1]  # of legs 1 to 4

    def frame(self):
        """Quarter turn of the torso that faces the goal, the direction it faces, the way to the goal."""
        unit = self.data.qpos[3:7] / np.linalg.norm(self.data.qpos[3:7])
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, unit)
        heading = np.arctan2(turn[3] - turn[1], turn[0] + turn[4])
        way = np.append(self.goal - self.data.qpos[:2], 0.0)
        yaws = [heading + k * np.pi / 2 for k in range(4)]
        quarter = int(np.argmax([way[0] * np.cos(y) + way[1] * np.sin(y) for y in yaws]))
        return quarter, yaws[quarter], way / max(np.linalg.norm(way) / 8, 1.0)

    def legs(self, joints, quarter):
        joints = joints.reshape(4, 2) * np.stack([np.ones(4), self.BEND], axis=1)
        return np.roll(joints, -quarter, axis=0).ravel()

    def obs(self):
        quarter, yaw, way = self.frame()
        qpos, qvel = self.data.qpos.copy(), self.data.qvel.copy()
        torso = np.zeros(4)  # not of unit length right after a start; the up vector scales with it
        mujoco.mju_mulQuat(torso, qpos[3:7], about_z(quarter * np.pi / 2))
        scale = np.sum(np.square(torso))
        up = scale * rotated([0, 0, 1], np.array([1, -1, -1, -1]) * torso / np.sqrt(scale))
        spin = rotated(qvel[3:6], about_z(-quarter * np.pi / 2))
        parts = [qpos[2:3], up, self.legs(qpos[7:], quarter), rotated(qvel[:3], about_z(-yaw)), spin, self.legs(qvel[6:], quarter)]
        return np.concatenate(parts + [rotated(way, about_z(-yaw))[:2]])

    def step(self, action):
        quarter, _, _ = self.frame()
        before = self.away()
        named = np.roll(np.reshape(action, (4, 2)), quarter, axis=0) * np.stack([np.ones(4), self.BEND], axis=1)
        torques = np.zeros(8)
        torques[self.MOTORS] = named.ravel()
        self.simulate(torques)
        there = self.away() <= 0.5
        reward = (before - self.away()) / 0.1 - 0.05 * np.sum(np.square(action)) + 10.0 * there
        fallen = rotated([0, 0, 1], self.data.qpos[3:7])[2] < 0
        return self.obs(), reward - 20.0 * fallen, bool(there or fallen)


class Packaged:
    """An environment of a package, put into injected states."""

    def __init__(self, name):
        self.env = gymnasium.make(name).unwrapped
        self.env.reset(seed=1)
        self.inner = getattr(self.env, "ant_env", self.env)
        self.model, self.data = self.inner.model, self.inner.data

    def flat(self, obs):
        return np.concatenate([obs["observation"], obs["desired_goal"]]) if isinstance(obs, dict) else obs

    def place(self, qpos, qvel, goal):
        mujoco.mj_resetData(self.model, self.data)
        self.inner.set_state(np.asarray(qpos), np.asarray(qvel))
        if self.inner is not self.env:
            self.env.goal = np.asarray(goal)
            return self.flat(self.env._get_obs(self.inner._get_obs()))
        if hasattr(self.env, "set_goal"):
            self.env.set_goal(goal_xy=np.asarray(goal))
            return self.env.get_ob()
        return self.inner._get_obs()

    def step(self, action):
        obs, reward, terminated, _, _ = self.env.step(action)
        return self.flat(obs), reward, terminated


def pack(array, dtype):
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def segment(env, obs_every, qpos, qvel, goal, actions, time_limit=0):
    obs0 = env.place(qpos, qvel, goal)
    obs, reward, terminated, truncated = [], [], [], []
    for t, action in enumerate(actions):
        o, r, end = env.step(action)
        obs.append(o)
        reward.append(r)
        terminated.append(end)
        truncated.append(time_limit == t + 1)
        if terminated[-1] or truncated[-1]:
            break
    return {
        "qpos": np.asarray(qpos).tolist(),
        "qvel": np.asarray(qvel).tolist(),
        "goal": np.asarray(goal).tolist(),
        "time_limit": time_limit,
        "obs_every": obs_every,
        "obs0": pack(obs0, "<f8"),
        "actions": pack(actions[: len(reward)], "<f8"),
        "obs": pack(obs[::obs_every], "<f8"),
        "reward": pack(reward, "<f8"),
        "terminated": pack(terminated, "u1"),
        "truncated": pack(truncated, "u1"),
    }


def transcript(name, env):
    rng = np.random.default_rng(1)
    plain, obs_every = name in ANTS, 20 if name in ROBOTICS else 5

    def start():
        qpos = env.model.qpos0 + rng.uniform(-0.1, 0.1, env.model.nq)
        if not plain and name != "AntReach-v0":
            qpos[:2] += free_place(env.model, rng)
        return qpos, 0.1 * rng.standard_normal(env.model.nv)

    def actions(steps):
        out = rng.uniform(-1, 1, (steps, 8))
        out[rng.random(steps) < 0.1] *= 1.5  # outside the range
        return out

    def far(qpos):
        return np.zeros(0) if plain else qpos[:2] + rng.uniform(2, 4, 2)

    qpos, qvel = start()
    segments = [segment(env, obs_every, qpos, qvel, far(qpos), actions(7), time_limit=7)]
    qpos, qvel = start()
    if plain:
        qvel[2] = 5.0  # leaps out of the healthy range
        segments.append(segment(env, obs_every, qpos, qvel, np.zeros(0), actions(40)))
    else:
        qvel[0] = 3.0  # slides into the goal, past its rim
        segments.append(segment(env, obs_every, qpos, qvel, qpos[:2] + np.array([0.9, 0.05]), actions(30)))
    radius = 0.45 if name in ROBOTICS else 0.5
    for rim in () if plain else (radius - 0.01, radius + 0.01):  # just reached in the first step, and just not
        (qpos, qvel), step, direction = start(), actions(1), rng.uniform(0, 2 * np.pi)
        env.place(qpos, qvel, np.full(2, 1e3))
        env.step(step[0])
        goal = env.data.qpos[:2] + rim * np.array([np.cos(direction), np.sin(direction)])
        segments.append(segment(env, obs_every, qpos, qvel, goal, step))
    if name == "AntReach-v0":
        qpos, qvel = start()
        qpos[2:7], qvel[3] = [1.0, 0.72, 0.69, 0.0, 0.0], 4.0  # rolls onto its back
        segments.append(segment(env, obs_every, qpos, qvel, far(qpos), actions(20)))
    taken = 0
    while taken < STEPS:  # those that fall end early: go on from new states
        qpos, qvel = start()
        segments.append(segment(env, obs_every, qpos, qvel, far(qpos), actions(STEPS - taken)))
        taken += len(base64.b64decode(segments[-1]["terminated"]))
    walls = [env.model.geom_pos[i][:2].tolist() for i in wall_geoms(env.model)]
    versions = {m: importlib.metadata.version(m) for m in ("gymnasium", "gymnasium_robotics", "mujoco", "ogbench")}
    return {"env": name, "versions": versions, "walls": walls, "segments": segments}


def wall_geoms(model):
    return [i for i in range(model.ngeom) if model.geom_type[i] == mujoco.mjtGeom.mjGEOM_BOX]


def free_place(model, rng):
    """Somewhere in the maze that the ant does not overlap with, often beside a wall."""
    centers = model.geom_pos[wall_geoms(model)][:, :2]
    low, high = centers.min(0), centers.max(0)
    while True:
        xy = rng.uniform(low, high)
        if np.all(np.max(np.abs(centers - xy), axis=1) > 3.0):
            return xy


def transcripts():
    """(id, record) of every ant."""
    for name in ANTS + ROBOTICS + OGBENCH:
        yield name, transcript(name, Packaged(name))
    for name, walls in D4RL.items():
        yield name, transcript(name, D4rlAnt(walls))
    yield "AntReach-v0", transcript("AntReach-v0", Reach(None))
