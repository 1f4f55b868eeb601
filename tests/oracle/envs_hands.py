"""Transcripts of gymnasium-robotics' Adroit hands, for record_envs.py.

The Sparse and the -binary- ids move as the dense ones do, so they hold only what differs, and `motion_of` names the file with
states, actions and observations. The -binary- ids are the AdroitHand tasks with reward success - 1 that end at the first success
(pen: 100 steps at most); nobody packages them for this simulator, so success is the original's and the rule is applied here.
Each task has a segment in which it succeeds: DAPG's experts (data/policies) open the door and turn the pen; the ball and the nail
start near their goals.
"""

import base64
import json
import pathlib

import gymnasium
import gymnasium_robotics
import mujoco
import numpy as np
from record_envs import actions_of, pack

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "envs"
POLICIES = pathlib.Path(__file__).resolve().parents[2] / "data" / "policies"
TASKS = ["Door", "Pen", "Relocate", "Hammer"]
BINARY = {"door-binary-v0": "Door", "pen-binary-v0": "Pen", "relocate-binary-v0": "Relocate"}
# of a gymnasium-robotics that has them: none on PyPI so far, its repository at df28ecdb has, put first in PYTHONPATH
NEWER = [f"AdroitHand{task}-v2" for task in TASKS if task != "Pen"]
SAME_AS_V1 = ["AdroitHandPen-v2"] + [f"AdroitHand{task}Sparse-v2" for task in TASKS]  # checked while NEWER is recorded
IDS = [f"AdroitHand{task}{kind}-v1" for kind in ("", "Sparse") for task in TASKS] + list(BINARY)
IDS = [name for name in IDS + NEWER if name in BINARY or name in gymnasium.registry]


class Binary(gymnasium.Wrapper):
    def step(self, action):
        obs, _, _, truncated, info = self.env.step(action)
        return obs, float(info["success"]) - 1.0, bool(info["success"]), truncated, info


def make(name, time_limit):
    if name not in BINARY:
        return gymnasium.make(name, **({"max_episode_steps": time_limit} if time_limit else {}))
    limit = time_limit or (100 if name == "pen-binary-v0" else 200)
    return Binary(gymnasium.make(f"AdroitHand{BINARY[name]}-v1", max_episode_steps=limit))


def task_of(name):
    return BINARY.get(name) or next(task for task in TASKS if task in name)


def place(inner, task, goal):
    model = inner.model
    if task == "Door":
        model.body("frame").pos[:] = goal
    elif task == "Pen":
        model.body("target").quat[:] = goal
    elif task == "Relocate":
        model.body("Object").pos[:] = goal[:3]
        model.site("target").pos[:] = goal[3:]
    else:
        model.body("nail_board").pos[:] = goal


def placed(inner, task):
    model = inner.model
    if task == "Door":
        return model.body("frame").pos.copy()
    if task == "Pen":
        return model.body("target").quat.copy()
    if task == "Relocate":
        return np.concatenate([model.body("Object").pos, model.site("target").pos])
    return model.body("nail_board").pos.copy()


def inject(inner, task, qpos, qvel, goal):
    place(inner, task, goal)
    mujoco.mj_resetData(inner.model, inner.data)
    inner.set_state(qpos, qvel)
    return inner._get_obs()


class Expert:
    def __init__(self, task):
        self.p = dict(np.load(POLICIES / f"dapg_{task.lower()}.npz"))

    def mean(self, obs):
        p = self.p
        h = (obs - p["in_shift"]) / (p["in_scale"] + 1e-8)
        for k in "01":
            h = np.tanh(p["W" + k] @ h + p["b" + k])
        return (p["W2"] @ h + p["b2"]) * p["out_scale"] + p["out_shift"]

    def __call__(self, obs, rng):
        mean = self.mean(obs)
        return mean + 0.5 * np.exp(self.p["log_std"]) * rng.standard_normal(len(mean))


def segment(name, seed, steps, time_limit=0, push=0.0, near=False, expert=False):
    task = task_of(name)
    rng = np.random.default_rng(seed)
    env = make(name, time_limit)
    env.reset(seed=seed)
    inner = env.unwrapped
    qpos, qvel, goal = inner.data.qpos.copy(), inner.data.qvel + push * rng.uniform(-1, 1, inner.model.nv), placed(inner, task)
    if near and task == "Relocate":  # the ball high in the air, falling past the target
        qpos[-4] += 0.35
        goal[3:] = goal[:3] + [0.02, 0.03, 0.15]
    if near and task == "Hammer":  # the nail all but driven in, and pushed on; the hammer lifted
        nail = inner.model.joint("nail_dir")
        qpos[nail.qposadr[0]] = nail.range[1] - 0.0105
        qvel[nail.dofadr[0]] = 1.0
        qpos[-4] += 0.1
    obs = obs0 = inject(inner, task, qpos, qvel, goal)
    actions = actions_of(env, rng, steps)
    policy = Expert(task) if expert else None
    rows = {"obs": [], "reward": [], "terminated": [], "truncated": [], "success": []}
    for t in range(steps):
        if policy:
            actions[t] = policy(obs, rng)
        obs, reward, terminated, truncated, info = env.step(actions[t])
        for key, value in zip(rows, (obs, reward, terminated, truncated, bool(info["success"]))):
            rows[key].append(value)
        if terminated or truncated:
            break
    taken = len(rows["reward"])
    env.close()
    motion = {"qpos": qpos.tolist(), "qvel": qvel.tolist(), "goal": goal.tolist(), "obs0": pack(obs0, "<f8"),
              "actions": pack(actions[:taken], "<f8"), "obs": pack(rows["obs"], "<f8")}
    if policy:
        motion["expert_at_start"] = pack(policy.mean(obs0), "<f8")  # for tests/phases/demonstrations_test.cpp
    flags = {key: pack(rows[key], "u1") for key in ("terminated", "truncated", "success")}
    return motion, {"time_limit": time_limit, "reward": pack(rows["reward"], "<f8")} | flags


def segments_of(name):
    task = task_of(name)
    scripted = task in ("Door", "Pen")
    return [segment(name, 1, 7, time_limit=7),  # the time limit strikes in its last step
            segment(name, 2, 100, push=1.0),
            segment(name, 6 if task == "Pen" else 3, 80, near=not scripted, expert=scripted),
            segment(name, 4, 80)]


def same_as_recorded(name, segments, rewards=False):
    """`segments` move as the transcript of `name`, and with `rewards` are all of it."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    motions = json.loads((GOLDEN / f"{golden.get('motion_of', name)}.json").read_text())
    for (motion, rest), theirs, whole in zip(segments, golden["segments"], motions["segments"], strict=True):
        for key, value in motion.items():
            same = value == whole[key] if not isinstance(value, str) else base64.b64decode(whole[key]).startswith(base64.b64decode(value))
            assert same, f"{name}: {key} differs"
        assert not rewards or all(rest[key] == theirs[key] for key in rest), f"{name}: rewards or flags differ"


def transcript(name):
    versions = {m.__name__: m.__version__ for m in (gymnasium, gymnasium_robotics, mujoco)}
    original = f"AdroitHand{task_of(name)}-v1"
    own = segments_of(name)
    if name in NEWER:
        versions["gymnasium_robotics"] += " and later: the repository at df28ecdb"
        same_as_recorded(original, own)
        for other in SAME_AS_V1:
            if task_of(other) == task_of(name) or name == NEWER[0] and "Pen" in other:
                same_as_recorded(other.replace("-v2", "-v1"), segments_of(other), rewards=True)
        return {"env": name, "versions": versions, "motion_of": original, "segments": [rest for _, rest in own]}
    if name == original:
        return {"env": name, "versions": versions, "segments": [motion | rest for motion, rest in own]}
    for (motion, _), (theirs, _) in zip(own, segments_of(original)):  # the same, as far as it goes
        for key in ("qpos", "qvel", "goal", "obs0"):
            assert motion[key] == theirs[key], key
        for key in ("actions", "obs"):
            assert base64.b64decode(theirs[key]).startswith(base64.b64decode(motion[key])), key
    return {"env": name, "versions": versions, "motion_of": original, "segments": [rest for _, rest in own]}
