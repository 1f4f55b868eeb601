#!/usr/bin/env python3
"""The paper's tasks, really learned, at sizes that fit two cores: data, runs, and the table of docs/results.md.

    tasks.py [--seeds 0 1 2] [--jobs N] [--out runs/tasks] [--check-only] [--docs] [TASK[/METHOD]...]    default: everything of TASKS

Datasets are collected when they are missing. Finished runs are not repeated, interrupted ones continued; runs that differ only
online share one pre-training per seed. Every run has one thread; --jobs are run at once (default: all CPUs).
WARMSTART_BINARY names a program other than the release build. --docs (with the Python of .venv, and Chromium) also writes the curves:
docs/images/tasks-TASK.png, and every evaluation in docs/data/tasks.csv.
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WARMSTART = os.environ.get("WARMSTART_BINARY", str(ROOT / "build/release/warmstart"))

# sizes are those of `--small`, recipes/FAMILY/small.toml
TASKS = {
    "door-binary-v0": ["wsrl", "no-warmup", "calql", "wsrl-50k-online"],
    "pen-binary-v0": ["wsrl", "no-warmup", "calql"],
    "halfcheetah-medium-replay-v2": ["wsrl", "no-warmup", "cql"],
    "antmaze-umaze-v2": ["wsrl", "no-warmup", "calql", "wsrl-100k-offline"],
    "FrankaPegInsertion-v0": ["wsrl", "no-warmup", "rlpd", "rlpd-at-once"],
}
RECIPES = {"FrankaPegInsertion-v0": "peg"}  # folders of other names than their task
# method: the recipe it is, what differs, and whose pre-training it shares
METHODS = {
    "no-warmup": ("wsrl", {"warm_up.steps": 0}, "wsrl"),
    "wsrl-50k-online": ("wsrl", {"finetune.steps": 45000, "eval.every": 2500}, "wsrl"),  # after 5000 of warmup
    "wsrl-100k-offline": ("wsrl", {"pretrain.steps": 100000}, None),
    "rlpd-at-once": ("rlpd", {"warm_up.steps": 0}, None),  # it learns from the first step instead of acting at random for 5000
}
NUMBERS = ["success_rate", "return_mean", "normalized"]  # of docs/data/tasks.csv


def meaning(method):
    return METHODS.get(method, (method, {}, None))


def options(method):
    return ["--small", *(str(x) for key, value in meaning(method)[1].items() for x in (f"--{key}", value))]


def call(*arguments, log):
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out:
        done = subprocess.run([WARMSTART, *map(str, arguments)], stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {WARMSTART} {' '.join(map(str, arguments))}\n{log.read_text()[-800:]}")


def one_run(out, task, method, seed):
    recipe, _, start = meaning(method)
    file = ROOT / "recipes" / RECIPES.get(task, task) / f"{recipe}.toml"
    folder = out / task / method / f"seed{seed}"
    common = [file, "--seed", seed, "--threads", 1, "--out", folder, "--resume", "--quiet", "--label", method, *options(method)]
    print(f"== {task}/{method}, seed {seed}", flush=True)
    if start:
        call("finetune", *common, "--from", out / task / start / f"seed{seed}" / "pretrained.safetensors", log=folder.with_suffix(".log"))
    else:
        call("train", *common, log=folder.with_suffix(".log"))


def wall_clock(out, chosen):
    """the fastest seed's minutes, since whatever else the machine does only adds to them"""
    print("| task | recipe | pre-training, min | online, min |\n|---|---|---|---|")
    for task, method in chosen:
        runs = [json.loads((p.parent / "run.json").read_text())["seconds"] for p in (out / task / method).glob("seed*/final.safetensors")]
        if runs:
            offline = min(r.get("pretrain", 0) for r in runs) / 60
            online = min(r.get("warmup", 0) + r["finetune"] for r in runs) / 60
            print(f"| {task} | {method} | {f'{offline:.0f}' if offline > 0.1 else '-'} | {online:.0f} |")


def write_docs(out, chosen):
    sys.path[:0] = [str(ROOT / "tests/apps"), str(ROOT / "scripts")]
    from browser import Browser
    from pictures import picture
    from success import evaluations

    lines, browser = [",".join(["task,method,seed,phase,step", *NUMBERS])], Browser()
    try:
        for task in dict.fromkeys(t for t, _ in chosen):
            runs = [p.parent for _, m in (c for c in chosen if c[0] == task) for p in sorted((out / task / m).glob("seed*/final.safetensors"))]
            if not runs:
                continue
            for run in runs:
                measured = [evaluations(run, number) for number in NUMBERS]
                for phase, step in measured[0]:
                    values = [f"{m[phase, step]:g}" if m[phase, step] is not None else "" for m in measured]
                    lines.append(",".join([task, run.parent.name, run.name.removeprefix("seed"), phase, str(step), *values]))
            page = out / task / "report.html"
            subprocess.run([WARMSTART, "report", *map(str, runs), "--out", page], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            image = ROOT / f"docs/images/tasks-{task}.png"
            picture(browser, page, image, 1120, "light", "#online h2", '#online [data-plot^="eval-"]', 700)
    finally:
        browser.close()
    data = ROOT / "docs/data/tasks.csv"
    data.parent.mkdir(exist_ok=True)
    data.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="TASK[/METHOD]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs/tasks")
    parser.add_argument("--check-only", action="store_true", help="print the table of what has been run")
    parser.add_argument("--docs", action="store_true", help="also write pictures and numbers into docs")
    args = parser.parse_args()
    chosen = [(t, m) for t in TASKS for m in TASKS[t] if not args.what or any(w in (t, f"{t}/{m}") for w in args.what)]
    if not chosen:
        sys.exit(f"error: nothing of that name; tasks are {', '.join(TASKS)}")
    if not args.check_only:
        for seed, wave in itertools.product(args.seeds, (False, True)):  # of a seed, those that start from others come last
            jobs = [(t, m, seed) for t, m in chosen if bool(meaning(m)[2]) == wave]
            with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
                for done in [pool.submit(one_run, args.out, *job) for job in jobs]:
                    done.result()
    folders = [args.out / t / m for t, m in chosen if (args.out / t / m).exists()]
    subprocess.run([sys.executable, ROOT / "bench/learning/success.py", "--summary", *folders], check=True)
    wall_clock(args.out, chosen)
    if args.docs:
        write_docs(args.out, chosen)


if __name__ == "__main__":
    main()
