"""Writes one recorded dataset in every format that is read, with minari, h5py and numpy, and variants that are wrong in one way each.

    make_own_data.py write GOOD FOLDER     GOOD is a D4RL file of PointMaze with next_observations
    make_own_data.py nested FOLDER         a Minari dataset of nested Dict observations, and flat.npy as gymnasium flattens it
    make_own_data.py same_nested FILE FOLDER   FILE holds what `nested` wrote
    make_own_data.py packs FOLDER PACK     damaged variants of PACK
    make_own_data.py same A B              two D4RL files hold the same steps, number for number
"""
import os
import pathlib
import struct
import sys

import h5py
import numpy as np

KEYS = ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")


def read(path):
    with h5py.File(path) as f:
        return {k: f[k][:] for k in KEYS}


def episodes(data):
    begin = 0
    for i in np.flatnonzero(data["terminals"] | data["timeouts"]):
        yield slice(begin, i + 1)
        begin = i + 1


def minari_dataset(folder, name, buffers, observation_space, action_space):
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    import minari

    minari.create_dataset_from_buffers(name, buffers, observation_space=observation_space, action_space=action_space, data_format="hdf5")
    return folder / name


def rows(data, e, take):
    return np.concatenate([data["observations"][e], data["next_observations"][e][-1:]])[:, take]


def write_minari(folder, data):
    """As gymnasium-robotics gives PointMaze: Dict observations; ours are observation and desired_goal."""
    from gymnasium import spaces
    from minari.data_collector import EpisodeBuffer

    def box(n, dtype=np.float64):
        return spaces.Box(-np.inf, np.inf, (n,), dtype)

    buffers, flat = [], []
    for k, e in enumerate(episodes(data)):
        steps = dict(id=k, seed=k, actions=data["actions"][e], rewards=data["rewards"][e].astype("f8"),
                     terminations=data["terminals"][e], truncations=data["timeouts"][e])
        parts = {"observation": rows(data, e, slice(0, 4)).astype("f8"), "desired_goal": rows(data, e, slice(4, 6)).astype("f8"),
                 "achieved_goal": rows(data, e, slice(0, 2)).astype("f8")}
        buffers.append(EpisodeBuffer(observations=parts, **steps))
        flat.append(EpisodeBuffer(observations=rows(data, e, slice(0, 6)), **steps))
    actions = spaces.Box(-1, 1, (2,), np.float32)
    sizes = {"observation": 4, "desired_goal": 2, "achieved_goal": 2}
    minari_dataset(folder, "maze/dict-v0", buffers, spaces.Dict({k: box(n) for k, n in sizes.items()}), actions)
    minari_dataset(folder, "maze/flat-v0", flat, box(6, np.float32), actions)


def write_bad_minari(folder):
    good = folder / "maze/flat-v0/data/main_data.hdf5"

    def changed(name, change, metadata=None):
        target = folder / f"bad/{name}"
        target.mkdir(parents=True)
        (target / "main_data.hdf5").write_bytes(good.read_bytes())
        if metadata:
            (target / "metadata.json").write_text(metadata)
        with h5py.File(target / "main_data.hdf5", "a") as f:
            change(f)

    def replace(f, key, value):
        del f[key]
        f[key] = value

    changed("no_terminations", lambda f: f.__delitem__("episode_2/terminations"))
    changed("short_observations", lambda f: replace(f, "episode_1/observations", f["episode_1/observations"][:-1]))
    changed("wide_observations", lambda f: replace(f, "episode_1/observations", np.zeros((len(f["episode_1/rewards"]) + 1, 7))))
    changed("discrete", lambda f: replace(f, "episode_0/observations", np.zeros(len(f["episode_0/rewards"]) + 1, "i8")))
    changed("text", lambda f: replace(f, "episode_0/observations", np.array([b"one"] * (len(f["episode_0/rewards"]) + 1))))
    changed("bytes", lambda f: replace(f, "episode_0/observations", np.zeros((len(f["episode_0/rewards"]) + 1, 6), "u1")))

    def tuple_space(f):
        value = f["episode_0/observations"][:]
        del f["episode_0/observations"]
        f["episode_0/observations/_index_0"] = value

    changed("tuple", tuple_space)
    changed("discrete_space", lambda f: None, '{"observation_space": "{\\"type\\": \\"Discrete\\", \\"n\\": 4}"}')
    images = '{"observation_space": "{\\"type\\": \\"Box\\", \\"dtype\\": \\"uint8\\", \\"shape\\": [64, 64, 3]}"}'
    changed("images", lambda f: None, images)
    changed("flags", lambda f: replace(f, "episode_1/truncations", np.full(len(f["episode_1/rewards"]), 2)))
    changed("nan", lambda f: f["episode_1/rewards"].__setitem__(3, np.nan))
    (folder / "bad/arrow/data").mkdir(parents=True)
    (folder / "bad/arrow/data/metadata.json").write_text('{"data_format": "arrow"}')
    raw = good.read_bytes()
    (folder / "bad/truncated.hdf5").write_bytes(raw[: len(raw) // 2])


def write_npz(folder, data):
    np.savez(folder / "plain.npz", **data)
    np.savez_compressed(folder / "packed.dat", **data)  # numpy adds .npz
    (folder / "packed.dat.npz").rename(folder / "packed.dat")
    wide = {k: v.astype({"f": "f8", "b": "i8"}[v.dtype.kind]) for k, v in data.items()}
    np.savez(folder / "wide.npz", **wide | {"rewards": wide["rewards"][:, None], "infos/speed": np.arange(len(data["rewards"]))})

    bad = folder / "bad"
    np.savez(bad / "object.npz", **data | {"rewards": np.array([None] * len(data["rewards"]))})
    np.savez(bad / "fortran.npz", **data | {"observations": np.asfortranarray(data["observations"])})
    np.savez(bad / "big_endian.npz", **data | {"actions": data["actions"].astype(">f4")})
    np.savez(bad / "half.npz", **data | {"actions": data["actions"].astype("f2")})
    np.savez(bad / "no_flags.npz", **{k: v for k, v in data.items() if k != "timeouts"})
    np.savez(bad / "lengths.npz", **data | {"rewards": data["rewards"][:-3]})
    np.savez(bad / "nothing.npz")
    np.save(bad / "alone.npy", data["rewards"])
    raw = (folder / "packed.dat").read_bytes()
    (bad / "truncated.npz").write_bytes(raw[: len(raw) // 2])
    # a flipped byte in the data of a stored array: only the checksum can tell
    raw = bytearray((folder / "plain.npz").read_bytes())
    raw[raw.index(data["observations"].tobytes()) + 401] ^= 0x10
    (bad / "flipped.npz").write_bytes(raw)


def write_pack_variants(folder, pack):
    raw = pathlib.Path(pack).read_bytes()
    bad = folder / "bad"
    (bad / "truncated.pack").write_bytes(raw[:-4096])
    (bad / "stub.pack").write_bytes(raw[:64])
    (bad / "long.pack").write_bytes(raw + b"x" * 4096)

    def flipped(name, at):
        changed = bytearray(raw)
        changed[at] ^= 0x10
        (bad / name).write_bytes(changed)

    flipped("header.pack", 32)    # number of steps
    flipped("version.pack", 8)
    flipped("rewards.pack", 4096)
    (steps,) = struct.unpack_from("<Q", raw, 32)
    pages = lambda n: (n + 4095) // 4096 * 4096
    flipped("rows.pack", 4096 + 2 * pages(4 * steps) + 2 * pages(steps) + 8)  # behind rewards, two flags and next


def write(good, folder):
    data, folder = read(good), pathlib.Path(folder)
    write_minari(folder, data)
    write_bad_minari(folder)
    write_npz(folder, data)


def nested(folder):
    from gymnasium import spaces
    from minari.data_collector import EpisodeBuffer

    folder = pathlib.Path(folder)
    space = spaces.Dict({
        "zeta": spaces.Box(-1, 1, (2,), np.float64), "Alpha": spaces.Box(-1, 1, (1,), np.float64), "alpha": spaces.Box(-1, 1, (3,), np.float32),
        "middle": spaces.Dict({"b": spaces.Box(-1, 1, (2, 3), np.float64), "a": spaces.Box(-1, 1, (1,), np.float64)})})
    space.seed(3)
    buffers, flat, steps = [], [], (4, 13, 2, 1, 5, 6, 7, 8, 9, 10, 11, 3)  # more than ten: episode_10 must come after episode_9
    for k, n in enumerate(steps):
        drawn = [space.sample() for _ in range(n + 1)]
        flat += [spaces.flatten(space, o) for o in drawn[:-1]]
        stack = lambda name: np.stack([o[name] for o in drawn])
        observations = {name: stack(name) for name in ("zeta", "Alpha", "alpha")}
        observations["middle"] = {name: np.stack([o["middle"][name] for o in drawn]) for name in ("b", "a")}
        ends = np.arange(n) == n - 1
        buffers.append(EpisodeBuffer(id=k, observations=observations, actions=np.zeros((n, 2), "f4"), rewards=np.arange(n) + 100.0 * k,
                                     terminations=ends & (k % 2 == 0), truncations=np.zeros(n, bool)))
    minari_dataset(folder, "own/nested-v0", buffers, space, spaces.Box(-1, 1, (2,), np.float32))
    np.save(folder / "flat.npy", np.array(flat, "f4"))


def same_nested(path, folder):
    flat = np.load(pathlib.Path(folder) / "flat.npy")
    with h5py.File(path) as f:
        np.testing.assert_array_equal(f["observations"][:], flat)
        steps = (4, 13, 2, 1, 5, 6, 7, 8, 9, 10, 11, 3)
        np.testing.assert_array_equal(f["rewards"][:], np.concatenate([np.arange(n) + 100 * k for k, n in enumerate(steps)]))
        last = np.cumsum(steps) - 1
        assert np.flatnonzero(f["terminals"][:]).tolist() == last[::2].tolist()
        assert np.flatnonzero(f["timeouts"][:]).tolist() == last[1::2].tolist()


def same(a, b):
    one, other = read(a), read(b)
    for key in KEYS:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


if __name__ == "__main__":
    {"write": write, "nested": nested, "same": same, "same_nested": same_nested,
     "packs": lambda folder, pack: write_pack_variants(pathlib.Path(folder), pack)}[sys.argv[1]](*sys.argv[2:])
