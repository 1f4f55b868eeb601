"""Records transcripts of Gymnasium's own environments: the numbers that tests/envs/parity_test.cpp demands.

Regenerate all of tests/golden/envs with one command, from the root of the repository (needs the packages of `make setup`):

    .venv/bin/python tests/oracle/record_envs.py            # all, or the ids that follow

Other families have their recorders in files of their own: envs_ants.py, envs_hands.py, envs_kitchen.py, envs_peg.py.
One JSON file per id: {"env", "versions", "segments": [{"qpos", "qvel", "goal", "time_limit", "obs0", "actions", "obs",
"reward", "terminated", "truncated"}]}; "obs_every" k keeps observations 0, k, 2k, ... alone; "walls" are
the centres of a maze's walls. Arrays are base64 of little-endian float64 (actions, obs, reward) or bytes (flags),
rows in time order. A segment starts from an injected state and ends where Gymnasium ends the episode or after its share of
the 200 steps. Actions are seeded, some of them outside the range, because each task treats those in its own way.
"""

import base64
import json
import pathlib
import sys

import envs_ants
import envs_peg
import gymnasium
import gymnasium_robotics
import mujoco
import numpy as np

gymnasium.register_envs(gymnasium_robotics)
gymnasium.logger.min_level = gymnasium.logger.ERROR  # the v4 ids work, they are merely not the newest

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "envs"
STEPS = 200
LOCOMOTION = [f"{name}-{v}" for name in ("HalfCheetah", "Hopper", "Walker2d") for v in ("v5", "v4")]
MAZES = [f"PointMaze_{size}{kind}-v3" for kind in ("", "_Episodic", "Dense") for size in ("UMaze", "Medium", "Large", "Medium_Diverse_G")]


def make(name, time_limit):
    kwargs = {"max_episode_steps": time_limit} if time_limit else {}
    if "_Episodic" in name:  # our id for Gymnasium's episodic variant
        return gymnasium.make(name.replace("_Episodic", ""), continuing_task=False, **kwargs)
    return gymnasium.make(name, **kwargs)


def flat(obs):
    return np.concatenate([obs["observation"], obs["desired_goal"]]) if isinstance(obs, dict) else obs


def pack(array, dtype):
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def inject(env, qpos, qvel, goal):
    """Puts a freshly reset environment into a state, with nothing left over from before."""
    inner = env.unwrapped
    simulated = getattr(inner, "point_env", inner)
    mujoco.mj_resetData(simulated.model, simulated.data)
    simulated.set_state(np.asarray(qpos), np.asarray(qvel))
    if simulated is inner:
        return inner._get_obs()
    inner.goal = np.asarray(goal)
    return flat(inner._get_obs(simulated._get_obs()[0]))


def actions_of(env, rng, steps):
    actions = rng.uniform(-1, 1, (steps, env.action_space.shape[0]))
    wild = rng.random(steps) < 0.1
    actions[wild] *= 1.5
    return actions


def segment(name, seed, steps, time_limit=0, goal_offset=None, push=0.0):
    """One transcript. `goal_offset` moves a maze's goal next to the start; `push` adds to the first velocities."""
    rng = np.random.default_rng(seed)
    env = make(name, time_limit)
    env.reset(seed=seed)
    inner = env.unwrapped
    simulated = getattr(inner, "point_env", inner)
    qpos, qvel = simulated.data.qpos.copy(), simulated.data.qvel.copy() + push
    goal = inner.goal.copy() if simulated is not inner else np.zeros(0)
    if goal_offset is not None:
        goal = qpos[:2] + goal_offset
    obs0 = inject(env, qpos, qvel, goal)
    actions = actions_of(env, rng, steps)
    if goal_offset is not None:  # drive to the goal, so that it is reached and passed
        actions = 0.5 * actions + np.sign(goal_offset) * 0.6
    rows = {"obs": [], "reward": [], "terminated": [], "truncated": []}
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        for key, value in zip(rows, (flat(obs), reward, terminated, truncated)):
            rows[key].append(value)
        if terminated or truncated:
            break
    taken = len(rows["reward"])
    env.close()
    return {
        "qpos": qpos.tolist(),
        "qvel": qvel.tolist(),
        "goal": goal.tolist(),
        "time_limit": time_limit,
        "obs0": pack(obs0, "<f8"),
        "actions": pack(actions[:taken], "<f8"),
        "obs": pack(rows["obs"], "<f8"),
        "reward": pack(rows["reward"], "<f8"),
        "terminated": pack(rows["terminated"], "u1"),
        "truncated": pack(rows["truncated"], "u1"),
    }


def transcript(name):
    segments = [segment(name, 1, 7, time_limit=7)]  # the time limit strikes in its last step
    if name in MAZES:
        segments.append(segment(name, 2, 60, goal_offset=np.array([0.55, 0.0])))
        segments.append(segment(name, 3, 20, push=7.0))  # faster than the ball may be: its velocity is clipped
        segments.append(segment(name, 4, STEPS))
    else:
        segments.append(segment(name, 3, 40, push=3.0))
        taken, seed = 0, 4
        while taken < STEPS:  # the falling ones end early: go on from new states
            segments.append(segment(name, seed, STEPS - taken))
            taken += len(base64.b64decode(segments[-1]["terminated"]))
            seed += 1
    versions = {m.__name__: m.__version__ for m in (gymnasium, gymnasium_robotics, mujoco)}
    return {"env": name, "versions": versions, "segments": segments}


def main():
    import envs_hands
    import envs_kitchen

    FOLDER.mkdir(parents=True, exist_ok=True)
    recorders = {name: transcript for name in LOCOMOTION + MAZES}
    for family in (envs_hands, envs_kitchen):
        recorders |= {name: family.transcript for name in family.IDS}
    recorders[envs_peg.NAME] = lambda _: envs_peg.transcript(pack)
    wanted = sys.argv[1:]
    made = [(name, recorders[name](name)) for name in wanted or recorders if name in recorders]
    if not wanted or set(wanted) - set(recorders):
        made += [(name, record) for name, record in envs_ants.transcripts() if not wanted or name in wanted]
    for name, record in made:
        (FOLDER / f"{name}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
        ends = sum(any(base64.b64decode(s["terminated"])) for s in record["segments"])
        print(f"{name}: {len(record['segments'])} segments, {ends} end in a terminal state")


if __name__ == "__main__":
    main()
