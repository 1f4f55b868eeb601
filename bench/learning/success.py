#!/usr/bin/env python3
"""Success at each evaluation, mean and standard error over seeds, one column per folder of runs (FOLDER/seed*/metrics.jsonl).

    success.py FOLDER...
    success.py --summary [--check FILE] FOLDER...    one row per folder: at the switch, lowest and last after it, seeds that
                                                     never come back to 90% of the switch; finished runs only,
                                                     D4RL's normalized score where no run ever succeeds
FILE: {"TASK/METHOD": [[number, "switch" or "last", least mean over seeds]...]}, number as metrics.jsonl names it.
"""
import functools
import json
import math
import sys
from pathlib import Path


@functools.cache
def rows_of(run):
    """of a finished or waiting run: what is read once is not read again"""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def evaluations(run, number="success_rate"):
    """{(phase, step): number}, in the order in which they happened; None where the task has no such number"""
    return {(r["phase"], r["step"]): r.get(number) for r in rows_of(run) if r["kind"] in ("eval", "switch")}


def runs_of(folder):
    return [run for run in sorted(Path(folder).glob("seed*")) if (run / "metrics.jsonl").exists()]


def mean(values):
    return sum(values) / len(values)


def cell(values):
    if len(values) == 1:
        return f"{values[0]:.1f}"
    error = math.sqrt(sum((v - mean(values)) ** 2 for v in values) / (len(values) - 1) / len(values))
    return f"{mean(values):.1f} ± {error:.1f}"


def before_and_after(folder, number):
    """per seed: the value at the switch and those of fine-tuning"""
    runs = [evaluations(run, number) for run in runs_of(folder) if (run / "final.safetensors").exists()]
    runs = [run for run in runs if any(phase == "finetune" for phase, _ in run)]
    at_switch = [next((v for (phase, step), v in run.items() if step == 0 and phase == "warmup"), None) for run in runs]
    at_switch = [next(iter(run.values())) if v is None else v for run, v in zip(runs, at_switch)]
    return at_switch, [[v for (phase, _), v in run.items() if phase == "finetune"] for run in runs]


def title(folder):
    return "/".join(Path(folder).parts[-2:])


def summary(folders):
    """one table per task; returns only where they are not the success rate itself"""
    for task in dict.fromkeys(Path(f).parent.name for f in folders):
        arms = {f: before_and_after(f, "success_rate") for f in folders if Path(f).parent.name == task}
        arms = {f: (before, after) for f, (before, after) in arms.items() if before}
        if not arms:
            continue
        succeeds = any(v for before, after in arms.values() for run in [before, *after] for v in run)
        what, scale = ("success", 100) if succeeds else ("score", 1)
        rows, dense = [], False
        for folder, (before, after) in arms.items():
            returns, later = before_and_after(folder, "return_mean")
            dense = dense or any(abs(a - b) > 1e-6 for a, b in zip(returns, before))
            if not succeeds:
                before, after = before_and_after(folder, "normalized")
            lost = sum(max(a[a.index(min(a)):]) < 0.9 * b for a, b in zip(after, before))
            values = [[scale * v for v in values] for values in (before, [min(a) for a in after], [a[-1] for a in after])]
            rows.append([Path(folder).name, str(len(before)), *map(cell, values), str(lost), cell(returns), cell([a[-1] for a in later])])
        columns = ["recipe", "seeds", f"{what} at the switch" + ", %" * succeeds, "lowest after", "last", "never back to 90%", "return at the switch", "last"]
        keep = len(columns) if dense else 6
        print(f"{task}\n\n| {' | '.join(columns[:keep])} |\n|{'---|' * keep}")
        for row in rows:
            print(f"| {' | '.join(row[:keep])} |")
        print()


def check(thresholds, folders):
    """True when every folder that has thresholds reaches them"""
    good = True
    for folder in folders:
        for number, when, least in thresholds.get(title(folder), []):
            before, after = before_and_after(folder, number)
            values = before if when == "switch" else [a[-1] for a in after]
            if not values or not mean(values) >= least:
                print(f"{title(folder)}: {number} {when} is {cell(values) if values else 'missing'}, must reach {least}", file=sys.stderr)
                good = False
    return good


def main(arguments):
    thresholds = {}
    wants_summary = arguments[:1] == ["--summary"]
    arguments = arguments[wants_summary:]
    if arguments[:1] == ["--check"]:
        thresholds, arguments = json.loads(Path(arguments[1]).read_text()), arguments[2:]
    if not arguments:
        sys.exit(__doc__)
    if wants_summary:
        summary(arguments)
        sys.exit(0 if check(thresholds, arguments) else 1)
    columns = [[evaluations(run) for run in runs_of(f)] for f in arguments]
    if not all(columns):
        sys.exit(__doc__)
    print(f"{'success, %':<20}" + "".join(f"{f'{Path(f).name} ({len(runs)} seeds)':>20}" for f, runs in zip(arguments, columns)))
    for key in columns[0][0]:
        values = [[100 * run[key] for run in runs if key in run] for runs in columns]
        if all(values):
            print(f"{key[0] + ' ' + str(key[1]):<20}" + "".join(f"{cell(v):>20}" for v in values))


if __name__ == "__main__":
    main(sys.argv[1:])
