"""Compares our safetensors files with Python's `safetensors`.

  safetensors_check.py read FILE    FILE (written by the test) must hold what `expected()` says
  safetensors_check.py write FILE   writes the same content with Python's library
"""
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def expected():
    return {
        "actor.w": (np.arange(6, dtype=np.float32) / 7).reshape(2, 3),
        "empty": np.zeros((0, 4), np.float32),
        "moments": np.array([1e-300, -2.5], np.float64),
        "index": np.array([-1, 2**31 - 1, -(2**31)], np.int32),
        "count": np.array(2**40 + 1, np.int64),  # scalar: shape []
        "random": np.frombuffer(b"\x00\xff\x7f", np.uint8),
    }


METADATA = {"config": 'agent = "sac"\nname = "\u00e9\u2028"\n', "format": "warmstart-1"}


def read(path):
    with safe_open(path, framework="np") as f:
        ours = {k: v for k, v in f.metadata().items() if not k.startswith("xxh3.")}
        assert ours == METADATA, ours
        want = expected()
        assert set(f.keys()) == set(want), list(f.keys())
        for name, value in want.items():
            got = f.get_tensor(name)
            assert got.dtype == value.dtype, (name, got.dtype)
            assert got.shape == value.shape, (name, got.shape)
            assert got.tobytes() == value.tobytes(), name


if __name__ == "__main__":
    verb, path = sys.argv[1:]
    if verb == "read":
        read(path)
    else:
        save_file(expected(), path, metadata=METADATA)
