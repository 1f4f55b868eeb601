#!/usr/bin/env python3
"""What a pack costs against the same dataset in memory: resident memory while training, and gradient steps per second.

    .venv/bin/python bench/pack.py [--steps 2000000] [--agents bc,iql]     needs numpy (make test installs it)

Random numbers of HalfCheetah's sizes are written as NPZ and packed. Each pre-training runs in a process of its own; its status file is read
ten times a second.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/warmstart"
RECIPE = """
[env]
id = "HalfCheetah-v5"
[data]
path = "{data}"
[pretrain]
agent = "{agent}"
steps = {updates}
[finetune]
initialise = "{initialise}"
[eval]
episodes = 1
[run]
log_every = 100
"""


def write_npz(path, steps, episode=1000):
    rng = np.random.default_rng(0)
    observations = rng.standard_normal((steps + 1, 17), dtype=np.float32)
    ends = np.arange(steps) % episode == episode - 1
    np.savez(path, observations=observations[:-1], next_observations=observations[1:], actions=rng.uniform(-1, 1, (steps, 6)).astype("f4"),
             rewards=rng.standard_normal(steps, dtype=np.float32), terminals=np.zeros(steps, bool), timeouts=ends)


def status(pid):
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {key: int(lines[key].split()[0]) / 1024 for key in ("RssAnon", "RssFile", "VmHWM") if key in lines}


def measure(folder, data, agent, updates):
    recipe, out = folder / "pack.toml", folder / f"run-{agent}-{data.suffix[1:]}"
    recipe.write_text(RECIPE.format(data=data, agent=agent, updates=updates, initialise="policy" if agent == "bc" else "both"))
    shutil.rmtree(out, ignore_errors=True)
    begin, peak, last, first = time.monotonic(), 0, {}, None
    process = subprocess.Popen([BINARY, "pretrain", recipe, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            now = status(process.pid)
            if "RssAnon" in now:
                peak = max(peak, now["RssAnon"])
                if first is not None and not (out / "pretrained.safetensors").exists():
                    last = now  # the dataset is let go when pre-training ends
        except (FileNotFoundError, ProcessLookupError):
            pass
        if first is None and (out / "run.json").exists():
            first = time.monotonic() - begin  # what a run does before its first step
        time.sleep(0.1)
    assert process.returncode == 0, process.returncode
    rates = [json.loads(line) for line in (out / "timing.jsonl").read_text().splitlines()]
    return dict(load=first, anon=last["RssAnon"], file=last["RssFile"], peak=peak, rate=rates[-1]["steps_per_second"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2_000_000, help="of the dataset")
    parser.add_argument("--agents", default="bc,iql")
    parser.add_argument("--updates", type=int, default=3000, help="gradient steps per run")
    parser.add_argument("--rounds", type=int, default=3, help="taken in turns; the fastest of each kind is shown")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warmstart-pack-") as name:
        folder = pathlib.Path(name)
        npz, pack = folder / "data.npz", folder / "data.pack"
        write_npz(npz, o.steps)
        begin = time.monotonic()
        packing = subprocess.Popen([BINARY, "data", "pack", npz, pack], stdout=subprocess.DEVNULL)
        peak = 0
        while packing.poll() is None:
            try:
                peak = max(peak, status(packing.pid).get("RssAnon", 0))
            except (FileNotFoundError, ProcessLookupError):
                pass
            time.sleep(0.05)
        assert packing.returncode == 0
        print(f"{o.steps} steps: NPZ {npz.stat().st_size / 1e6:.0f} MB, pack {pack.stat().st_size / 1e6:.0f} MB, "
              f"packed in {time.monotonic() - begin:.1f} s with {peak:.0f} MiB of memory\n")
        print("| agent | data | start s | own memory, training MiB | own memory, peak MiB | mapped pages MiB | gradient steps/s |")
        print("|---|---|---|---|---|---|---|")
        for agent in o.agents.split(","):
            kinds = {"NPZ, in memory": npz, "pack": pack}
            rounds = [{kind: measure(folder, data, agent, o.updates) for kind, data in kinds.items()} for _ in range(o.rounds)]
            for kind in kinds:
                m = max((r[kind] for r in rounds), key=lambda r: r["rate"])
                print(f"| {agent} | {kind} | {m['load']:.1f} | {m['anon']:.0f} | {m['peak']:.0f} | {m['file']:.0f} | {m['rate']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
