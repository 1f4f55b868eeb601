#!/usr/bin/env python3
"""The rate seen inside a real `warmstart train`, beside the same step timed bare; alternating rounds. JSON on stdout.

    bench/train_rate.py WARMSTART [ROUNDS]      default: 3 rounds

A run's step also steps the simulator, draws the batch, writes metrics and checkpoints.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPE = ROOT / "recipes/pointmaze-medium/wsrl.toml"
LOCOMOTION = {"env.id": "HalfCheetah-v4", "network.critic_hidden": "256,256", "network.actor_hidden": "256,256", "network.std_head": "exp",
              "env.reward_scale": 1, "env.reward_bias": 0}
RUNS = {  # what is run, which of its phases counts, its keys
    "HalfCheetah-v4, sizes of wsrl-locomotion": ("online", dict(LOCOMOTION, **{"pretrain.steps": 0, "warm_up.steps": 1100, "finetune.steps": 300})),
    "PointMaze Medium, the demo's sizes, Cal-QL": ("offline", {"pretrain.steps": 1500, "warm_up.steps": 0, "finetune.steps": 0}),
    "PointMaze Medium, the demo's sizes, WSRL": ("online", {"pretrain.steps": 10, "warm_up.steps": 1100, "finetune.steps": 1500}),
}
QUIET = {"eval.every": 0, "eval.pretrain_every": 0, "eval.episodes": 1, "run.log_every": 100}


def call(binary, *arguments):
    result = subprocess.run([binary, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return result.stdout


def run_ms(binary, phase, keys, folder):
    call(binary, "train", RECIPE, "--out", folder, "--overwrite", "--quiet", *[w for k, v in keys.items() for w in ("--" + k, v)])
    rows = map(json.loads, (folder / "timing.jsonl").read_text().splitlines())
    rates = [r["steps_per_second"] for r in rows if r["phase"] == ("pretrain" if phase == "offline" else "finetune")]
    return 1e3 / rates[-1]  # the rate counts from the phase's beginning


def main(binary, rounds=3):
    out = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for name, (phase, keys) in RUNS.items():
            keys = dict(QUIET, **keys)
            resolved = scratch / "run" / "recipe.toml"
            in_run, bare = [], []
            for _ in range(int(rounds)):
                in_run.append(run_ms(binary, phase, keys, scratch / "run"))
                step = json.loads(call(binary, "bench", "step", "--recipe", resolved, "--phase", phase, "--json"))
                bare.append((step[0] if isinstance(step, list) else step)["ms_per_step"])
            out.append({"run": name, "phase": phase, "ms_in_run": statistics.median(in_run), "ms_bare": statistics.median(bare),
                        "ratio": statistics.median(a / b for a, b in zip(in_run, bare))})
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
