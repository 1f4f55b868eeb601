"""Writes datasets that are wrong in one way each, all from a good one: make_bad_data.py GOOD FOLDER. Needs h5py."""
import sys

import h5py
import numpy as np

good_path, folder = sys.argv[1], sys.argv[2]
with h5py.File(good_path) as f:  # without its metadata: nothing says what the actions are
    good = {k: f[k][:] for k in ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")}


def write(name, **changes):
    with h5py.File(f"{folder}/{name}.hdf5", "w") as f:
        for key, value in {**good, **changes}.items():
            if value is not None:
                f[key] = value


def poked(key, value, row=7):
    changed = good[key].copy()
    changed.reshape(len(changed), -1)[row, 0] = value
    return {key: changed}


n = len(good["rewards"])
write("good")
write("no_rewards", rewards=None)
write("no_flags", terminals=None, timeouts=None)
write("wide_observations", observations=np.zeros((n, 9), "f4"), next_observations=np.zeros((n, 9), "f4"))
write("wide_actions", actions=np.zeros((n, 5), "f4"))
write("lengths_differ", rewards=good["rewards"][:-3])
write("text_rewards", rewards=np.array([b"one"] * n))
write("nan_reward", **poked("rewards", np.nan))
write("inf_observation", **poked("observations", np.inf))
write("nan_next_observation", **poked("next_observations", np.nan))
write("nan_action", **poked("actions", np.nan))
write("loud_actions", actions=good["actions"] * 3)
overshot = good["actions"].copy()
overshot[:3, 0] = 1.2
write("overshot_actions", actions=overshot)
write("empty", **{k: v[:0] for k, v in good.items()})
write("one_step_episodes", terminals=np.ones(n, bool), timeouts=np.zeros(n, bool))
write("one_step_apart", terminals=np.ones(n, bool), timeouts=np.zeros(n, bool), next_observations=None)
write("one_step_timeouts", terminals=np.zeros(n, bool), timeouts=np.ones(n, bool), next_observations=None)

raw = open(f"{folder}/good.hdf5", "rb").read()
open(f"{folder}/truncated.hdf5", "wb").write(raw[: len(raw) // 2])
open(f"{folder}/text.hdf5", "w").write("these are not the data you are looking for\n" * 20)
open(f"{folder}/nothing.hdf5", "w").close()
