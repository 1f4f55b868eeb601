#!/usr/bin/env python3
"""Success at each evaluation, mean and standard error over seeds, one column per folder of runs (FOLDER/seed*/metrics.jsonl).

    success.py FOLDER...
    success.py --summary FOLDER...    one row per folder: at the switch, lowest and last after it, seeds that never come back to 90% of the switch
"""
import json
import math
import sys
from pathlib import Path


def evaluations(run):
    """{(phase, step): success rate in percent}, in the order in which they happened"""
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {(r["phase"], r["step"]): 100 * r["success_rate"] for r in rows if r["kind"] in ("eval", "switch")}


def cell(values):
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.1f}"
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
    return f"{mean:.1f} +- {error:.1f}"


def summary(folders):
    print("| method | at the switch | lowest after | last | never back to 90% |\n|---|---|---|---|---|")
    for folder in folders:
        runs = [evaluations(run) for run in sorted(Path(folder).glob("seed*"))]
        runs = [run for run in runs if any(phase == "finetune" for phase, _ in run)]
        if not runs:
            continue
        before = [next((v for (phase, step), v in run.items() if phase == "warmup" and step == 0), 0.0) for run in runs]
        after = [[v for (phase, step), v in run.items() if phase == "finetune"] for run in runs]
        lost = sum(max(a[a.index(min(a)):]) < 0.9 * b for a, b in zip(after, before))
        cells = [cell(before), cell([min(a) for a in after]), cell([a[-1] for a in after]), f"{lost} of {len(runs)}"]
        print(f"| {Path(folder).name} | " + " | ".join(cells) + " |")


def main(folders):
    if folders and folders[0] == "--summary":
        return summary(folders[1:])
    columns = [[evaluations(run) for run in sorted(Path(f).glob("seed*"))] for f in folders]
    if not folders or not all(columns):
        sys.exit(__doc__)
    print(f"{'success, %':<20}" + "".join(f"{f'{Path(f).name} ({len(runs)} seeds)':>20}" for f, runs in zip(folders, columns)))
    for key in columns[0][0]:
        values = [[run[key] for run in runs if key in run] for runs in columns]
        if all(values):
            print(f"{key[0] + ' ' + str(key[1]):<20}" + "".join(f"{cell(v):>20}" for v in values))


if __name__ == "__main__":
    main(sys.argv[1:])
