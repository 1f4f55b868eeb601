"""Writes a few episodes as other programs do, and files that are no dataset: make_other_data.py FOLDER. Needs h5py and numpy; what needs
more is left out where that is missing."""
import csv
import gzip
import json
import os
import pathlib
import pickle
import sys
import zipfile

import h5py
import numpy as np

os.chdir(sys.argv[1])
rng = np.random.default_rng(0)
LENGTHS = [12, 7, 9]  # the second one is cut
episodes = []
for n, cut in zip(LENGTHS, (False, True, False)):
    obs = rng.normal(size=(n + 1, 3)).astype("f4")
    ended = np.arange(n) == (n if cut else n - 1)
    episodes.append(dict(observations=obs[:-1], next_observations=obs[1:], actions=rng.uniform(-1, 1, (n, 2)).astype("f4"),
                         rewards=ended.astype("f4"), terminals=ended))
flat = {k: np.concatenate([e[k] for e in episodes]) for k in episodes[0]}
last = np.zeros(sum(LENGTHS), bool)
last[np.cumsum(LENGTHS) - 1] = True
flat["timeouts"] = last & ~flat["terminals"]
number = np.repeat(np.arange(3), LENGTHS)
frame = np.concatenate([np.arange(n) for n in LENGTHS])

# datasets of others
with h5py.File("robomimic.hdf5", "w") as f:
    for i, e in enumerate(episodes):
        g = f.create_group(f"data/demo_{i}")
        for ours, theirs in {"observations": "obs", "next_observations": "next_obs"}.items():
            g[f"{theirs}/a"], g[f"{theirs}/b"] = e[ours][:, :1], e[ours][:, 1:]
            g[f"{theirs}/image"] = np.zeros((len(e["rewards"]), 4, 4, 3), "u1")
        g["actions"], g["rewards"], g["dones"] = e["actions"], e["rewards"], e["terminals"].astype("i8")
with h5py.File("maniskill.h5", "w") as f:
    for i, e in enumerate(episodes):
        f[f"traj_{i}/obs"] = np.concatenate([e["observations"], e["next_observations"][-1:]])
        f[f"traj_{i}/actions"], f[f"traj_{i}/rewards"] = e["actions"], e["rewards"]
        f[f"traj_{i}/terminated"], f[f"traj_{i}/truncated"] = e["terminals"], np.zeros(len(e["rewards"]), bool)
pathlib.Path("aloha").mkdir()
for i, e in enumerate(episodes):
    with h5py.File(f"aloha/episode_{i}.hdf5", "w") as f:
        f["observations/qpos"], f["action"] = e["observations"], e["actions"]
pickle.dump(episodes, open("theirs.pkl", "wb"))
with h5py.File("theirs73.mat", "w", userblock_size=512) as f:
    for key, value in flat.items():
        f[key] = np.atleast_2d(value).T if value.ndim == 1 else value.T
with open("theirs73.mat", "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116))
with open("theirs.csv", "w") as f:
    rows = csv.writer(f)
    rows.writerow("o0 o1 o2 a0 a1 reward terminal timeout".split())
    for i in range(len(last)):
        rows.writerow([*flat["observations"][i], *flat["actions"][i], flat["rewards"][i], *(int(flat[k][i]) for k in ("terminals", "timeouts"))])
json.dump({k: v.tolist() for k, v in flat.items()}, open("theirs.json", "w"))
pathlib.Path("lerobot/meta").mkdir(parents=True)
pathlib.Path("lerobot/meta/info.json").write_text('{"codebase_version": "v2.1"}')
pathlib.Path("lerobot/data/chunk-000").mkdir(parents=True)
pathlib.Path("lerobot/data/chunk-000/episode_000000.parquet").write_bytes(b"PAR1....PAR1")
pathlib.Path("rlds").mkdir()
pathlib.Path("rlds/dataset_info.json").write_text("{}")
pathlib.Path("rlds/x-train.tfrecord-00000-of-00001").write_bytes(bytes(range(200, 250)))
pathlib.Path("theirs.zarr").mkdir()
pathlib.Path("theirs.zarr/.zgroup").write_text('{"zarr_format": 2}')
pathlib.Path("theirs.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(128))
try:
    import pandas as pd
    pd.DataFrame({"observation.state": list(flat["observations"]), "action": list(flat["actions"]), "next.reward": flat["rewards"],
                  "next.done": flat["terminals"], "episode_index": number, "frame_index": frame}).to_parquet("lerobot/data/chunk-000/episode_000000.parquet")
except ImportError:
    pass
try:
    import scipy.io
    scipy.io.savemat("theirs.mat", flat)
except ImportError:
    pass
try:
    import zarr
    z = zarr.open("theirs.zarr", mode="w")
    for key, value in {"data/state": flat["observations"], "data/action": flat["actions"], "meta/episode_ends": np.cumsum(LENGTHS)}.items():
        z.create_array(key, data=value)
except ImportError:
    pass
np.savez("expected.npz", **flat)

# no dataset at all
with h5py.File("good.hdf5", "w") as f:
    for key, value in flat.items():
        f[key] = value
good = pathlib.Path("good.hdf5").read_bytes()
files = {
    "empty.hdf5": b"",
    "page.hdf5": b"\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
    "denied.hdf5": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "pointer.hdf5": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "good.hdf5.gz": gzip.compress(good),
    "recipe.toml": b"[env]\nid = 'Hopper-v5'\n",
    "bag.bag": b"#ROSBAG V2.0\n" + bytes(100),
    "bag.mcap": b"\x89MCAP0\r\n" + bytes(100),
    "bag.db3": b"SQLite format 3\0" + bytes(100),
    "noise.hdf5": bytes(rng.integers(0, 256, 4000, dtype=np.uint8)),
    "cut.hdf5": good[: len(good) // 2],
}
for name, content in files.items():
    pathlib.Path(name).write_bytes(content)
with zipfile.ZipFile("torch.pt", "w") as z:
    z.writestr("archive/data.pkl", b"\x80\x02}")
with zipfile.ZipFile("packed.zip", "w") as z:
    z.write("good.hdf5")
np.save("alone.npy", flat["observations"])
