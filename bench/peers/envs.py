"""Steps of our tasks beside Gymnasium's and EnvPool's, in turns on one machine: medians, and the simulator's calls alone.

    bench/peers/envs.py [--env ID ...] [--rounds N] [--gymnasium PYTHON] [--envpool PYTHON] [--json FILE]

The Python of .venv has Gymnasium after `make test`; EnvPool is measured when a Python that has it is named. An id that a peer
lacks is left out of its column, and why is said.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

from run import HERE, ours

DEFAULT = ["PointMaze_Medium-v3", "HalfCheetah-v4", "Hopper-v4", "Walker2d-v4", "Ant-v4", "AntMaze_Medium-v5", "antmaze-medium-play-v2",
           "AdroitHandDoor-v1", "AdroitHandPen-v1", "FrankaPegInsertion-v0", "FrankaKitchen-v1"]
STEPS = 2000


class Stepper:
    def __init__(self, python, kind, name):
        command = [python, HERE / "env_peer.py", kind, name, str(STEPS)]
        self.process = subprocess.Popen(command, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.about = self.process.stdout.readline()

    def round(self):
        self.process.stdin.write("\n")
        return json.loads(self.process.stdout.readline())["us_per_step"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def contest(name, args):
    peers = {kind: Stepper(python, kind, name) for kind, python in (("gymnasium", args.gymnasium), ("envpool", args.envpool)) if python}
    for kind in [k for k, p in peers.items() if not p.about]:
        why = peers[kind].process.stderr.read().strip().splitlines()
        print(f"{name}: no {kind}: {why[-1] if why else 'it stopped without a word'}", file=sys.stderr)
        peers.pop(kind).close()
    times = {"ours": [], "simulator": [], **{kind: [] for kind in peers}}
    for _ in range(args.rounds):
        run = ours("env", "--env", name, "--rounds", 3, "--steps", STEPS)
        times["ours"].append(run["us_per_step"])
        times["simulator"].append(run["simulator_us_per_step"])
        for kind, peer in peers.items():
            times[kind].append(peer.round())
    for peer in peers.values():
        peer.close()
    together = ours("env", "--env", name, "--rounds", 3, "--steps", STEPS, "--envs", 16)["together"]
    return {"env": name, **{k: statistics.median(v) for k, v in times.items()}, "together": together}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--env", nargs="+", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gymnasium", default=HERE.parent.parent / ".venv/bin/python")
    parser.add_argument("--envpool")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    print("| task | ours, us | simulator alone | Gymnasium | EnvPool | 16 together, steps/s |\n|---|---|---|---|---|---|")
    for name in args.env:
        row = contest(name, args)
        rows.append(row)
        times = lambda key: f"{row[key]:.1f} ({row[key] / row['ours']:.2f}x)" if key in row else "-"
        print(f"| {name} | {row['ours']:.1f} | {times('simulator')} | {times('gymnasium')} | {times('envpool')} | {row['together']['steps_per_second']:.0f} |", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
