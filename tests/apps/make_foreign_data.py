"""Datasets in other people's habits, of one walk through the plane: make_foreign_data.py FOLDER. Needs h5py and numpy."""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(3)
EPISODES, LENGTH = 24, 25
n = EPISODES * LENGTH
starts = rng.normal(size=(EPISODES, 1, 3)) * 40
walks = starts + np.cumsum(rng.normal(size=(EPISODES, LENGTH + 1, 3)) * 0.1, axis=1)
observations = walks[:, :-1].reshape(n, 3).astype("f4")
next_observations = walks[:, 1:].reshape(n, 3).astype("f4")
actions = np.tanh(rng.normal(size=(n, 1))).astype("f4")
rewards = rng.random(n).astype("f4")
last = np.zeros(n, bool)
last[LENGTH - 1 :: LENGTH] = True
true_end = last & (np.arange(n) // LENGTH % 3 == 0)  # 8 of 24
cut = last & ~true_end
base = {"observations": observations, "actions": actions, "rewards": rewards}


def npz(name, **arrays):
    np.savez(folder / f"{name}.npz", **{k: v for k, v in arrays.items() if v is not None})


def hdf5(name, **arrays):
    with h5py.File(folder / f"{name}.hdf5", "w") as f:
        for key, value in arrays.items():
            f[key] = value


whole = {**base, "terminals": true_end, "timeouts": cut, "next_observations": next_observations}
npz("right", **whole)
# names
hdf5("gymnasium", **base, terminated=true_end, truncated=cut, next_obs=next_observations)
hdf5("plural", **base, Terminations=true_end, Truncations=cut)
npz("short", obs=observations, act=actions, Reward=rewards, done=last, timeout=cut, obs_next=next_observations)
hdf5("terminals_dones", **base, terminals=true_end, dones=last)
npz("dones_truncated", **base, dones=last, truncated=cut)  # a done is either
npz("dones_terminated", **base, dones=true_end, truncated=cut)  # a done is terminated alone
npz("dones_both", **base, dones=np.where(np.arange(n) < 300, last, true_end), truncated=cut)
npz("dones_alone", obs=observations, action=actions, reward=rewards, done=last)
npz("dones_contradict", **base, dones=cut, terminals=true_end)
npz("twice", **whole, terminated=true_end)
npz("extra", **whole, speed=rewards, qpos=observations)
npz("timeouts_alone", **base, timeouts=cut)
# OGBench: the end of a trajectory is `terminals`, the end of the task a mask of 0, also inside a trajectory
masks = np.ones(n, "f4")
masks[[5, 60, 61]] = 0
npz("ogbench", **base, next_observations=next_observations, terminals=last.astype("f4"), masks=masks)
# ends
hidden = last.copy()
hidden[LENGTH - 1 :: 2 * LENGTH] = False
npz("hidden", **{**whole, "terminals": np.zeros(n, bool), "timeouts": hidden})
npz("hidden_right", **{**whole, "terminals": np.zeros(n, bool), "timeouts": last})
hdf5("late", **base, terminals=np.zeros(n, bool), timeouts=np.roll(last, 1))
hdf5("late_next", **{**whole, "terminals": np.zeros(n, bool), "timeouts": np.roll(last, 1)})
# values
bad = next_observations.copy()
bad[true_end] = np.nan
npz("nan_behind_ends", **{**whole, "next_observations": bad})
bad[3, 1] = np.inf
npz("nan_elsewhere", **{**whole, "next_observations": bad})
npz("percent", **{**whole, "actions": 50 + 50 * actions})
npz("newton", **{**whole, "actions": 10 * actions})
hdf5("bounds", **{**whole, "actions": 0.4 * actions, "metadata/action_low": np.array([-0.4]), "metadata/action_high": np.array([0.4])})
npz("hostile", **{**whole, "rewards": rewards * np.float32(1e20)})
