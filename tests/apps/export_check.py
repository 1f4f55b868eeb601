"""export_check.py CHECKPOINT LIMITS UNITS ONNX SAMPLING_ONNX C SAFETENSORS: every file's actions against numpy in 64 bits.

The formulas are those of docs/export.md, computed here from the checkpoint's tensors. LIMITS is the [safety] section as JSON, UNITS a
list of [low, high], the machine's actions for -1 and 1.
"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import tomllib

import numpy as np
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file

TOLERANCE = 1e-5  # the files compute in 32 bits


def network(p, prefix, obs):
    x, k = obs, 0
    while f"{prefix}layer{k}/kernel" in p:
        layer = f"{prefix}layer{k}/"
        x = x @ p[layer + "kernel"] + p[layer + "bias"]
        if layer + "scale" in p:
            x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * p[layer + "scale"] + p[layer + "shift"]
        x, k = np.maximum(x, 0), k + 1
    mean = x @ p[prefix + "mean/kernel"] + p[prefix + "mean/bias"]
    log_std = p[prefix + "log_std/bias"] + (x @ p[prefix + "log_std/kernel"] if prefix + "log_std/kernel" in p else 0)
    return mean, np.clip(np.exp(log_std), 1e-5, 10)


def limited(action, previous, limits):
    share = limits.get("smoothing", 0)
    action = np.clip(share * previous + (1 - share) * action, limits.get("action_low", -1), limits.get("action_high", 1))
    change = limits.get("max_action_change", np.inf)
    return np.clip(action, previous - change, previous + change)


def main():
    checkpoint, limits, units, deterministic, sampling, source, tensors = sys.argv[1:]
    limits, (low, high) = json.loads(limits), np.array(json.loads(units), float).T
    in_units = lambda x: low + (x + 1) / 2 * (high - low)
    close = lambda seen, policy: np.testing.assert_allclose((seen - low) / (high - low) * 2 - 1, policy, rtol=0, atol=TOLERANCE)
    p = {k: v.astype(np.float64) for k, v in load_file(checkpoint).items() if k != "run_state"}
    rng = np.random.default_rng(0)
    n, o, a = 64, p["params/actor/layer0/kernel"].shape[0], p["params/actor/mean/bias"].shape[0]
    obs, noise = rng.normal(size=(n, o)).astype(np.float32) * 2, rng.normal(size=(n, a)).astype(np.float32)
    seen = obs.astype(np.float64)
    if "normalizer/mean" in p:  # in the task's own units, as far from the middle
        with safe_open(checkpoint, framework="np") as f:
            rows = int(f.metadata()["normalizer_rows"])
            epsilon = tomllib.loads(f.metadata()["recipe"])["data"]["normalize_epsilon"]
        deviation = np.sqrt(p["normalizer/deviation"] / rows)
        obs = (p["normalizer/mean"] + deviation * obs).astype(np.float32)
        seen = (obs.astype(np.float64) - p["normalizer/mean"]) / np.where(deviation > 0, deviation + epsilon, 1)
    mean, std = network(p, "params/actor/", seen)

    exported = {"params/" + k: v for k, v in load_file(tensors).items() if not k.startswith("obs_")}
    assert set(exported) == {k for k in p if k.startswith("params/actor/")}, set(exported)
    assert all((exported[k] == p[k]).all() for k in exported)

    previous = rng.uniform(-0.3, 0.3, size=(n, a)).astype(np.float32)
    for path, feeds, raw in ((deterministic, {"obs": obs}, mean), (sampling, {"obs": obs, "noise": noise}, mean + std * noise)):
        if limits:
            feeds["previous_action"] = in_units(previous).astype(np.float32)
        session = onnxruntime.InferenceSession(path)
        assert {i.name for i in session.get_inputs()} == set(feeds), [i.name for i in session.get_inputs()]
        (seen,) = session.run(["action"], feeds)
        close(seen, limited(np.tanh(raw), previous, limits))

    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "policy.so")
        flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O2", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, source, "-o", library, "-lm"], check=True)
        c = ctypes.CDLL(library)
        pointer = lambda x: x.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        state = np.zeros(a, np.float32)  # previous[A] is all that the state is
        first = [pointer(state)] if limits else []
        for sample in (False, True):
            if limits:
                c.policy_reset(pointer(state))
            last, action = np.zeros(a), np.empty(a, np.float32)
            for i in range(n):
                if sample:
                    c.policy_sample(*first, pointer(obs[i]), pointer(noise[i]), pointer(action))
                else:
                    c.policy_act(*first, pointer(obs[i]), pointer(action))
                last = limited(np.tanh(mean[i] + (std if std.ndim == 1 else std[i]) * noise[i] * sample), last, limits)
                close(action, last)


if __name__ == "__main__":
    main()
