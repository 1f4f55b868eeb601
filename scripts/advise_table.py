#!/usr/bin/env python3
"""Puts what `warmstart advise` says of the starts of three studies beside what came of them: a Markdown table.

    .venv/bin/python scripts/advise_table.py       after studies 03-warm-up-length, 06-start-quality and 08-hard-exploration

Numbers of the arms: area under the success rate since the switch in %, or under the return where the reward is dense. The advice's own arm is marked.
"""
import csv
import json
import os
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("WARMSTART_BINARY", ROOT / "build/release/warmstart")
# study: its tasks (None: all), and the arms that do what each regime's recipe does, from the start of the first; None: there was none
STUDIES = {
    "06-start-quality": (None, [[start, f"{start}, half offline", "RLPD"] for start in ("near-optimal", "mediocre", "poor", "near-random")]),
    "08-hard-exploration": (None, [["WSRL", "WSRL, a tenth of the data kept", "RLPD"]]),
    "03-warm-up-length": (["sparse reward, mediocre data", "dense reward"], [["K=5000", "K=5000, half offline", None]]),
}
REGIMES = ["superior", "comparable", "inferior"]


def advice(start, dataset):
    command = [PROGRAM, "advise", "--checkpoint", start / "pretrained.safetensors", "--dataset", ROOT / dataset, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def rows(name):
    folder = ROOT / "runs/studies" / name
    plan = json.loads((folder / "plan.json").read_text())
    area = {(r["task"], r["arm"], int(r["seed"])): float(r["area"]) for r in csv.DictReader((folder / "results.csv").open())}
    tasks, choices = STUDIES[name]
    for task in tasks or plan["tasks"]:
        arms = {a["arm"]: a for a in plan["arms"] if a["task"] == task}
        for choice in choices:
            data = tomllib.loads(arms[choice[0]]["recipe"])["data"]
            for seed in plan["seeds"]:
                said = advice(folder / "starts" / arms[choice[0]]["start"] / f"seed{seed}", data["path"])
                scale, policy = (100, f"{100 * said['success_rate']:.0f}%") if data["sparse_reward"] else (1, f"{said['policy']['mean']:.0f}")
                found = [scale * area[task, arm, seed] if arm else None for arm in choice]
                picked = REGIMES.index(said["regime"])
                lost = "?" if found[picked] is None else f"{max(v for v in found if v is not None) - found[picked]:.0f}"
                shown = ["" if v is None else f"**{v:.0f}**" if i == picked else f"{v:.0f}" for i, v in enumerate(found)]
                start = choice[0] if len(choices) > 1 else task
                yield [start, seed, policy, f"{said['data']['mean']:.{2 if scale == 100 else 0}f}", said["regime"], *shown, lost]


print("| start | seed | policy's success | data's return | advice | WSRL | data kept | RLPD | lost by the advice |")
print("|---|---|---|---|---|---|---|---|---|")
for study in STUDIES:
    for row in rows(study):
        print(f"| {' | '.join(map(str, row))} |")
