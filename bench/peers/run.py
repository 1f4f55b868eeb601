"""Warmstart and its peers on the same learning steps, in one run on one machine: medians of interleaved rounds.

    bench/peers/run.py [--case NAME ...] [--rounds N] [--threads T] [--reference CHECKOUT PYTHON] [--torch PYTHON] [--json FILE]

A peer is a program that prints one JSON line when it is ready and then, for every line it reads, does one step and prints
{"ms": ...}. It holds its compiled step between rounds and waits without using the processor. Each round times every
contestant, so that a slow moment of the machine hits all of them. WARMSTART_BINARY names a program other than the release build.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
WARMSTART = os.environ.get("WARMSTART_BINARY", HERE.parent.parent / "build/release/warmstart")


class Peer:
    """One peer process; `ms()` runs one step in it."""

    def __init__(self, name, command, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONWARNINGS="ignore")
        self.name = name
        self.process = subprocess.Popen(command, env=env, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: peer {self.name} stopped:\n{self.process.stderr.read()[-2000:]}")
        return json.loads(line)

    def ms(self):
        self.process.stdin.write("\n")
        return self.read()["ms"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(*arguments):
    command = [WARMSTART, "bench", *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def contest(case, args):
    peers = []
    if args.reference:
        peers.append(Peer("reference", [args.reference[1], HERE / "reference.py", args.reference[0], case], args.threads))
    if args.torch and not case.startswith("iql"):  # the PyTorch version has SAC, CQL and Cal-QL
        for mode in ("eager", "compiled"):
            peers.append(Peer("torch " + mode, [args.torch, HERE / "torch_peer.py", mode, case], args.threads))
    times = {peer.name: [] for peer in peers}
    runs = []
    for _ in range(args.rounds):
        runs.append(ours("step", "--case", case, "--threads", args.threads, "--rounds", args.steps))
        for peer in peers:
            times[peer.name].append(statistics.median(peer.ms() for _ in range(args.steps)))  # as ours: the first finds cold caches
    for peer in peers:
        peer.close()
    ms = statistics.median(r["ms_per_step"] for r in runs)
    peak = statistics.median(r["fma_peak_gflops"] for r in runs)
    row = {"case": case, "threads": args.threads, "ms": ms, "gflop_needed": runs[0]["gflop_needed"], "fma_peak_gflops": peak,
           "share_of_peak": runs[0]["gflop_needed"] / ms * 1e3 / peak,
           "spread_ms": [min(r["ms_per_step"] for r in runs), max(r["ms_per_step"] for r in runs)], "peers": {}}
    for peer in peers:
        median = statistics.median(times[peer.name])
        row["peers"][peer.name] = dict(peer.about, ms=median, ratio=median / ms, spread_ms=[min(times[peer.name]), max(times[peer.name])])
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", help="one of `warmstart bench list`; may be repeated (default: all)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3, help="steps of each contestant in a round; their median counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--reference", nargs=2, metavar=("CHECKOUT", "PYTHON"), help="checkout of the JAX implementation, and a Python with its requirements")
    parser.add_argument("--torch", metavar="PYTHON", help="a Python with PyTorch")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    args = parser.parse_args()
    cases = [c["case"] for c in ours("list")]
    if unknown := set(args.case or []) - set(cases):
        parser.error(f"no case {', '.join(unknown)}: the cases are {', '.join(cases)}")
    rows = []
    print(f"{'case':<16} {'ours ms':>9} {'of peak':>8}   peers: ms (ratio)")
    for case in args.case or cases:
        row = contest(case, args)
        rows.append(row)
        peers = ", ".join(f"{name} {p['ms']:.0f} ({p['ratio']:.1f}x)" for name, p in row["peers"].items())
        print(f"{case:<16} {row['ms']:>9.1f} {100 * row['share_of_peak']:>7.1f}%   {peers}", flush=True)
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
