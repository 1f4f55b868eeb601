"""h5py as the oracle of the D4RL format.

    h5py_check.py samples DIR   write the small files in tests/golden/data that h5py made
    h5py_check.py check FILE    read what our writer made of the values below; prints the first difference
"""
import sys
from pathlib import Path

import h5py
import numpy as np

T, O, A = 6, 3, 2
observations = np.arange(T * O, dtype=np.float32).reshape(T, O) / 8
actions = np.arange(T * A, dtype=np.float32).reshape(T, A) / 16 - 0.5
rewards = np.array([0, 0, 1, 0, 0, 0], np.float32)
terminals = np.array([0, 0, 1, 0, 0, 0], bool)
timeouts = np.array([0, 0, 0, 0, 0, 1], bool)
qpos = np.arange(T * 2, dtype=np.float64).reshape(T, 2) / 3


def base():
    return dict(observations=observations, actions=actions, rewards=rewards, terminals=terminals, timeouts=timeouts)


def write(path, keys):
    with h5py.File(path, "w") as f:
        for key, value in keys.items():
            big = getattr(value, "ndim", 0) > 0 and value.dtype.kind != "O"
            f.create_dataset(key, data=value, track_times=False, **(dict(compression="gzip") if big else {}))


def samples(folder):
    plain = base() | {"infos/qpos": qpos, "metadata/algorithm": "SAC", "metadata/iteration": np.array([7])}
    write(folder / "h5py_plain.hdf5", plain)
    write(folder / "h5py_columns.hdf5", plain | {
        "observations": observations.astype("f8"), "rewards": rewards.astype("f8")[:, None],
        "terminals": terminals.astype("f4")[:, None], "timeouts": timeouts.astype("i8"), "infos/success": terminals})
    write(folder / "h5py_next.hdf5", plain | {"next_observations": observations + np.float32(100)})
    missing = base()
    missing["rewarded"] = missing.pop("rewards")
    write(folder / "bad_missing.hdf5", missing)
    write(folder / "bad_lengths.hdf5", base() | {"actions": actions[:-1]})
    write(folder / "bad_info_length.hdf5", base() | {"infos/qpos": qpos[:-2]})
    write(folder / "bad_rank.hdf5", base() | {"observations": observations[:, :, None]})
    write(folder / "bad_rewards_rank.hdf5", base() | {"rewards": actions})
    write(folder / "bad_flags.hdf5", base() | {"terminals": np.full(T, 2)})
    write(folder / "bad_compound.hdf5", base() | {"rewards": np.zeros(T, [("a", "f4"), ("b", "i4")])})
    write(folder / "bad_strings.hdf5", base() | {"rewards": np.array([b"one"] * T)})
    write(folder / "bad_minari.hdf5", {f"episode_{i}/{k}": v for i in range(2) for k, v in base().items()})


def check(path):
    expected = base() | {"infos/qpos": qpos}
    with h5py.File(path) as f:
        for key, value in expected.items():
            assert f[key].shape == value.shape, (key, f[key].shape)
            assert f[key].dtype == value.dtype, (key, f[key].dtype)
            assert f[key].compression == "gzip", key
            np.testing.assert_array_equal(f[key][()], value, err_msg=key)
        assert f["metadata/algorithm"][()].decode() == "SAC", f["metadata/algorithm"][()]
        names = []
        f.visit(names.append)
        assert set(names) == set(expected) | {"infos", "metadata", "metadata/algorithm"}, names


if __name__ == "__main__":
    {"samples": samples, "check": check}[sys.argv[1]](Path(sys.argv[2]))
