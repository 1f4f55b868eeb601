#!/usr/bin/env python3
"""Puts what `warmstart advise` says of the starts of two studies beside what came of them: a Markdown table.

    .venv/bin/python scripts/advise_table.py       after studies/06-start-quality.toml and studies/08-hard-exploration.toml

Numbers of the arms: area under the success rate since the switch, %. The advice's own arm is marked.
"""
import csv
import json
import os
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("WARMSTART_BINARY", ROOT / "build/release/warmstart")
# study: the arms that do what each regime's recipe does, from the start of the first
STUDIES = {
    "06-start-quality": [[start, f"{start}, half offline", "RLPD"] for start in ("near-optimal", "mediocre", "poor", "near-random")],
    "08-hard-exploration": [["WSRL", "WSRL, a tenth of the data kept", "RLPD"]],
}
REGIMES = ["superior", "comparable", "inferior"]


def advice(start, dataset):
    command = [PROGRAM, "advise", "--checkpoint", start / "pretrained.safetensors", "--dataset", ROOT / dataset, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def rows(name):
    folder = ROOT / "runs/studies" / name
    plan = json.loads((folder / "plan.json").read_text())
    area = {(r["task"], r["arm"], int(r["seed"])): 100 * float(r["area"]) for r in csv.DictReader((folder / "results.csv").open())}
    for task in plan["tasks"]:
        arms = {a["arm"]: a for a in plan["arms"] if a["task"] == task}
        for choice in STUDIES[name]:
            dataset = tomllib.loads(arms[choice[0]]["recipe"])["data"]["path"]
            for seed in plan["seeds"]:
                said = advice(folder / "starts" / arms[choice[0]]["start"] / f"seed{seed}", dataset)
                found = [area[task, arm, seed] for arm in choice]
                picked = REGIMES.index(said["regime"])
                start = choice[0] if len(STUDIES[name]) > 1 else task
                yield [start, seed, f"{100 * said['success_rate']:.0f}%", f"{said['data']['mean']:.2f}", said["regime"],
                       *(f"**{v:.0f}**" if i == picked else f"{v:.0f}" for i, v in enumerate(found)), f"{max(found) - found[picked]:.0f}"]


print("| start | seed | policy's success | data's return | advice | WSRL | data kept | RLPD | lost by the advice |")
print("|---|---|---|---|---|---|---|---|---|")
for study in STUDIES:
    for row in rows(study):
        print(f"| {' | '.join(map(str, row))} |")
