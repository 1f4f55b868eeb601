#!/usr/bin/env python3
"""Writes docs/performance.md from the measurements that scripts/bench.sh left in a folder.

    bench/performance.py [FOLDER] [PAGE]      default: bench/results docs/performance.md
    warmstart doctor --json | bench/performance.py --describe FILE     the page's machine, without its folders

A part whose file is missing is left out. What stands between the page's two "by hand" markers is kept.
"""
import datetime
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- by hand: begin -->", "<!-- by hand: end -->"
BUSY = 100  # times a second that another program took a core; the kernel alone does it some 30 times
SHARE = 0.65  # of the peak, which every step is meant to reach
# what that share makes of the reference's time, as timed on two Zen 5 cores
RATIOS = {"wsrl-antmaze": 5.9, "wsrl-adroit": 4, "wsrl-kitchen": 4.7, "wsrl-locomotion": 6, "calql-antmaze": 34, "calql-adroit": 15,
          "cql-kitchen": 15, "cql-locomotion": 33, "iql-antmaze": 4}
BY_HAND = "\n## Where the time goes\n\n(profile and reasons, written by hand; kept when the page is made again)\n"


def load(folder, name):
    path = folder / (name + ".json")
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise SystemExit(f"error: not JSON: {error} ({path}): remove it, or measure again with scripts/bench.sh {name}")


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def number(value):
    """Three figures are what such measurements are good for."""
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def span(pair, scale=1, unit=""):
    return f"{number(pair[0] * scale)}-{number(pair[1] * scale)}{unit}"


def machine_lines(machine, steps):
    if machine:
        cpu, libraries = machine["cpu"], machine["libraries"]
        yield f"- machine: {cpu['model']}, {cpu['usable']} of {cpu['online']} cores usable, kernels for {cpu['kernels']}"
        if steps:
            peaks = sorted(s["fma_peak_gflops"] for s in steps)
            yield (f"- fp32 multiply-add peak on {steps[0]['threads']} threads: {number(peaks[0])}-{number(peaks[-1])} GFLOP/s "
                   f"(medians beside the steps), {number(max(s['fma_peak_max_gflops'] for s in steps))} at most")
        yield (f"- warmstart {machine['warmstart']['version']} (commit {machine['warmstart']['commit']}), {machine['warmstart']['compiler']}, "
               f"{libraries['simulator']}, oneDNN {libraries['onednn']}")
        yield f"- date: {machine['date']}"
    if busy := [s["case"] for s in steps or [] if s["preempted_per_s"] > BUSY]:
        yield f"- **other programs were running meanwhile**, which makes these say little: {', '.join(busy)}"
    yield "- command: `make bench`, with peers `REFERENCE=\"CHECKOUT PYTHON\" TORCH=PYTHON make bench`; one part: `scripts/bench.sh PART`"
    yield ""


def steps_lines(steps):
    yield "## Learning steps\n"
    yield ("One step is one environment step of WSRL online (4 critic steps on 256 rows each, actor and temperature on all 1024) or one offline "
           "gradient step on 256 rows; 10 critics throughout (IQL: 2, and V). GFLOP: the matrix products that some loss needs, a multiply-add counting 2. In "
           "every round the peak is sampled just before the step, on the same threads at once; medians, and in brackets the 10th to 90th "
           "percentile of the rounds.\n")
    yield from table(["case (`warmstart bench`)", "needed GFLOP", "ms", "GFLOP/s", "share of peak", f"target {100 * SHARE:.0f}%"],
                     [[s["case"], number(s["gflop_needed"]), f"{number(s['ms_per_step'])} ({span(s['ms_spread'])})", number(s["gflops"]),
                       f"{100 * s['share_of_peak']:.0f}% ({100 * s['share_spread'][0]:.0f}-{100 * s['share_spread'][1]:.0f}%)",
                       verdict(s["share_of_peak"], SHARE)] for s in steps])


def train_lines(runs):
    yield "## Inside a real run\n"
    yield ("The same learner in `warmstart train` and bare in `warmstart bench step --recipe`, in turns (`bench/train_rate.py`). A run's step also steps the "
           "simulator, draws its batch, copies the policy that acts, and writes metrics and checkpoints.\n")
    yield from table(["run", "phase", "ms a step in the run", "bare ms", "ratio"],
                     [[r["run"], r["phase"], number(r["ms_in_run"]), number(r["ms_bare"]), f"{r['ratio']:.2f}"] for r in runs])


def peers_lines(peers):
    names = []
    for row in peers:
        names += [n for n in row["peers"] if n not in names]
    if not names:
        return
    versions = {n: next(r["peers"][n]["version"] for r in peers if n in r["peers"]) for n in names}
    yield "## Peers, on this machine in the same run\n"
    yield ("`bench/peers/run.py` lets all contestants step in turns. \"reference\" is the public JAX implementation with its own presets; "
           "\"torch\" is `bench/peers/torch_peer.py`, a plain PyTorch version of the same updates that, like Warmstart and unlike the "
           "reference, leaves out target critics and actions that no loss uses (its actor's gradient still runs through all critics). "
           "Brackets: the ratio to Warmstart's time. Target: the ratio to the reference that 65% of the peak would be on the machine it was "
           "published for.\n")
    cell = lambda row, n: f"{number(row['peers'][n]['ms'])} ({row['peers'][n]['ratio']:.1f}x)" if n in row["peers"] else "-"
    yield from table(["case", "Warmstart ms"] + [f"{n} ms ({versions[n]})" for n in names] + ["target"],
                     [[row["case"], number(row["ms"])] + [cell(row, n) for n in names] + [ratio_verdict(row)] for row in peers])
    starts = {n: [r["peers"][n]["start_s"] for r in peers if n in r["peers"]] for n in names}
    start = ", ".join(f"{n} {span((min(starts[n]), max(starts[n])))} s" for n in names)
    yield f"Before its first timed step a peer took, compilation included: {start}.\n"


def elsewhere_lines(steps, cases):
    ours = {s["case"]: s for s in steps or []}
    peak = cases[0]["elsewhere"]["peak_gflops"]
    yield "## Figures from another machine\n"
    yield (f"Medians on two cores of a Zen 5 whose peak is {peak:.0f} GFLOP/s. The ratio at equal peak stretches them by that peak over the one "
           "measured here; it compares shares of what each machine can do, not wall clocks.\n")

    def cell(case, key):
        ms, here = case["elsewhere"][key], ours.get(case["case"])
        if ms is None or here is None:
            return number(ms)
        return f"{number(ms)} ({ms / here['ms_per_step']:.1f}x, {ms * peak / here['fma_peak_gflops'] / here['ms_per_step']:.1f}x)"

    yield from table(["case", "reference, jax 0.4.20 (pinned): ms (as timed, at equal peak)", "reference, jax 0.10.2", "rl-garden, torch 2.15"],
                     [[c["case"]] + [cell(c, k) for k in ("reference_pinned_ms", "reference_newest_ms", "torch_ms")] for c in cases])
    yield (f"RLtools (C++, shapes known to the compiler) needs 1.87 ms there for a SAC step of 256x2 networks, 2 critics and 256 rows, with OpenBLAS "
           f"forced to its AVX-512 path: about 350 GFLOP/s, {100 * 350 / peak:.0f}% of that peak, the best efficiency of any peer. RLPD's own code needs "
           "31.8 ms for update ratio 4 with 10 critics of 256x2, its actor on 256 rows.\n")


def at_most(value, limit, strict):
    return "met" if (value < limit if strict else value <= limit) else "**not met**"


def verdict(value, limit):
    return "met" if value >= limit else "**not met**"


def ratio_verdict(row):
    limit = RATIOS.get(row["case"])
    return f"{limit}x: {verdict(row['peers']['reference']['ratio'], limit)}" if limit and "reference" in row["peers"] else "-"


def rest_lines(act, envs, starts, memory):
    rows = []
    if act:
        size = f"{'x'.join(map(str, act['actor_hidden']))} actor, obs {act['obs']}, action {act['action']}"
        for kind in ("deterministic", "sampling"):
            us = act[kind]
            rows.append([f"acting, {kind}: {size}, one observation", f"p50 {number(us['p50_us'])} us, p99 {number(us['p99_us'])} us", "p99 below 60 us",
                         at_most(us["p99_us"], 60, True)])
    for env in envs or []:
        rows.append([f"step of {env['env']}, against its {env['simulator']} calls alone",
                     f"{env['ratio']:.3f} times ({env['ratio_spread'][0]:.3f}-{env['ratio_spread'][1]:.3f}); {number(env['us_per_step'])} us",
                     "at most 1.05 times", at_most(env["ratio"], 1.05, False)])
    for start in starts or []:
        rows.append([f"from the command to the first step, {start.get('case') or start.get('recipe')}",
                     f"begun after {start['ready_seconds']:.2f} s ({start['ready_spread'][0]:.2f}-{start['ready_spread'][1]:.2f}), done after "
                     f"{start['seconds']:.2f} s", "begun before 0.3 s", at_most(start["ready_seconds"], 0.3, True)])
    if memory:
        rows.append([f"peak resident memory, learner of {memory['case']} and {memory['transitions']:,} transitions of obs {memory['obs']}, "
                     f"action {memory['action']}",
                     f"{memory['peak_rss_bytes'] * 1e-9:.3f} GB, {memory['learner_rss_bytes'] * 1e-9:.3f} GB of it before the buffer filled", "at most 0.4 GB",
                     at_most(memory["peak_rss_bytes"] * 1e-9, 0.4, False)])
    if rows:
        yield "## Acting, simulating, starting, memory\n"
        yield from table(["what", "measured", "target", ""], rows)


def scale_lines(scale):
    threads = [t for t in scale[0]["speedup"] if t != "1"]
    yield "## More cores: a prediction\n"
    yield ("`warmstart bench scale` times every task of a step on one thread and deals the tasks out to more, as the thread team does, with 5 us "
           "for each parallel loop. What shared caches and memory do to many cores is not in it; results have the same bits on any number.\n")
    yield from table(["case", "one thread, ms"] + [f"{t} threads" for t in threads],
                     [[s["case"], number(s["ms_one_thread"])] + [f"{s['speedup'][t]:.1f}x" for t in threads] for s in scale])


def page(folder, by_hand):
    steps, cases = load(folder, "steps"), load(folder, "list")
    if steps and "preempted_per_s" not in steps[0]:
        raise SystemExit(f"error: steps of an older warmstart ({folder / 'steps.json'}): measure again with scripts/bench.sh steps")
    lines = ["# Performance", "", "Made by `bench/performance.py` from `bench/results/`; only the part by hand is written by people.", ""]
    lines += machine_lines(load(folder, "machine"), steps)
    lines += steps_lines(steps) if steps else ["No step has been measured yet: `make bench`.", ""]
    if runs := load(folder, "train"):
        lines += train_lines(runs)
    lines += peers_lines(load(folder, "peers") or [])
    lines += elsewhere_lines(steps, cases) if cases else []
    lines += rest_lines(*(load(folder, name) for name in ("act", "env", "start", "memory")))
    if scale := load(folder, "scale"):
        lines += scale_lines(scale)
    return "\n".join(lines) + "\n" + BEGIN + by_hand + END + "\n"


def kept_by_hand(path):
    text = path.read_text() if path.exists() else ""
    if BEGIN not in text and END not in text:
        return BY_HAND
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise SystemExit(f"error: the markers of the part by hand are damaged ({path}): put back one {BEGIN} and, after it, one {END}")
    return text.split(BEGIN)[1].split(END)[0]


def describe(path):
    doctor = json.load(sys.stdin)
    machine = dict(date=datetime.date.today().isoformat(), **{key: doctor[key] for key in ("cpu", "libraries", "warmstart")})
    path.write_text(json.dumps(machine, indent=1) + "\n")


def main(arguments):
    if arguments[:1] == ["--describe"]:
        return describe(pathlib.Path(arguments[1]))
    folder = pathlib.Path(arguments[0]) if arguments else ROOT / "bench/results"
    if not folder.is_dir():
        raise SystemExit(f"usage: bench/performance.py [RESULTS [PAGE]]; no folder {folder}")
    target = pathlib.Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs/performance.md"
    target.write_text(page(folder, kept_by_hand(target)))
    print(f"wrote {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
