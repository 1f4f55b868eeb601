#!/usr/bin/env python3
"""What reading a compressed HDF5 dataset costs, beside h5py on the same file in the same run.

    .venv/bin/python bench/read.py [--steps 1000000] [--rounds 3]     needs h5py (make test installs it)

Two files are made: one of AntMaze's sizes as D4RL writes it (f4, gzip, h5py's own chunks), and 50,000 one-hot rows of 1,024 doubles. `warmstart
data info` reads one whole, slab by slab, and also takes all statistics; h5py reads the same arrays whole and turns them into 4-byte floats. Both are
measured in CPU seconds of a process, start included, in turns; the smallest of each counts. Before that, both must agree on the mean of the
observations.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/warmstart"
KEYS = ("observations", "actions", "rewards", "terminals", "timeouts")
H5PY = f"""
import h5py, numpy as np, sys
with h5py.File(sys.argv[1]) as f:
    arrays = {{k: f[k][:].astype("f4", copy=False) for k in {KEYS}}}
print(arrays["observations"].mean(dtype="f8"))
"""


def write(path, observations, actions, length):
    n = len(observations)
    with h5py.File(path, "w") as f:
        for key, value in {"observations": observations, "actions": actions, "rewards": np.zeros(n, "f4"), "terminals": np.zeros(n, bool),
                           "timeouts": np.arange(n) % length == length - 1}.items():
            f.create_dataset(key, data=value, compression="gzip")


def make(folder, steps):
    rng = np.random.default_rng(0)
    ant = np.cumsum(rng.standard_normal((steps, 29), dtype=np.float32) * np.float32(0.01), axis=0)
    write(folder / "ant.hdf5", ant, rng.uniform(-1, 1, (steps, 8)).astype("f4"), 1000)
    wide = np.zeros((50_000, 1024))
    wide[np.arange(len(wide)), rng.integers(0, 1024, len(wide))] = 1
    write(folder / "one-hot.hdf5", wide, rng.uniform(-1, 1, (len(wide), 2)), 100)
    return {"ant.hdf5": f"{steps:,} x 29 floats, gzip", "one-hot.hdf5": "50,000 x 1,024 doubles, one-hot, gzip"}


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warmstart-read-") as name:
        folder = pathlib.Path(name)
        print("| file | MB packed | MB unpacked | warmstart, CPU s | h5py, CPU s | ratio |\n|---|---|---|---|---|---|")
        for file, what in make(folder, options.steps).items():
            path = folder / file
            ours, theirs = [BINARY, "data", "info", path, "--json"], [sys.executable, "-c", H5PY, path]
            mean, other = json.loads(timed(ours)[1])["observations"]["mean"], float(timed(theirs)[1])
            if abs(mean - other) > 1e-4 * max(1e-3, abs(other)):
                sys.exit(f"{file}: the mean of the observations is {mean} here and {other} with h5py")
            here, there = zip(*((timed(ours)[0], timed(theirs)[0]) for _ in range(options.rounds)))
            with h5py.File(path) as f:
                unpacked = sum(f[k].nbytes for k in KEYS)
            print(f"| {what} | {path.stat().st_size / 1e6:.1f} | {unpacked / 1e6:.0f} | {min(here):.2f} | {min(there):.2f} | {min(here) / min(there):.2f} |",
                  flush=True)


if __name__ == "__main__":
    main()
