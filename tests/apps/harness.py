"""What the end-to-end tests share: a tiny recipe, calls of the program, and a look into its files. Standard library only."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["WARMSTART_BINARY"]
PYTHON = os.environ.get("WARMSTART_PYTHON", "python3")  # has h5py and numpy

DONE, USAGE, DATA, DIVERGED, MACHINE, INTERRUPTED = 0, 2, 3, 4, 5, 130
ENV = "PointMaze_UMaze_Episodic-v3"

TINY = {
    "env": {"id": ENV, "max_episode_steps": 40, "reward_scale": 10, "reward_bias": -5},
    "data": {"collect": True, "sparse_reward": True},
    "collect": {"steps": 400, "noise": 0.3},
    "network": {"critic_hidden": [16], "actor_hidden": [16], "num_qs": 3, "std_head": "uniform"},
    "cql": {"autotune_alpha": True, "actions": 2},
    "pretrain": {"agent": "calql", "steps": 200, "batch": 16},
    "warm_up": {"steps": 100},
    "finetune": {"steps": 200, "batch": 8, "utd": 2},
    "eval": {"every": 150, "pretrain_every": 150, "episodes": 2},
    "run": {"log_every": 20, "checkpoint_every": 5, "checkpoint_seconds": 0},
}
FILES = ["final.safetensors", "pretrained.safetensors", "metrics.csv", "metrics.jsonl"]  # what the seed determines


def toml(tables):
    lines = []
    for section, table in tables.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def read_safetensors(path):
    """(metadata, {name: (dtype, shape, bytes)})"""
    raw = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    data = raw[8 + size :]
    return metadata, {n: (t["dtype"], t["shape"], data[t["data_offsets"][0] : t["data_offsets"][1]]) for n, t in header.items()}


def write_safetensors(path, metadata, tensors):
    """Without checksums, as another program would write it."""
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def flip_byte(path, at=None):
    raw = bytearray(pathlib.Path(path).read_bytes())
    raw[len(raw) // 2 if at is None else at] ^= 0x10
    pathlib.Path(path).write_bytes(raw)


class Case(unittest.TestCase):
    """Each test has a folder of its own; the tiny dataset is collected once and copied."""

    _dataset = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data.hdf5"
        self.recipe = self.write_recipe()

    def write_recipe(self, name="tiny.toml", **sections):
        tables = {k: dict(v) for k, v in TINY.items()}
        tables["data"]["path"] = str(self.data)
        for section, values in sections.items():
            tables.setdefault(section, {}).update(values)
        path = self.folder / name
        path.write_text(toml(tables))
        return path

    def make_data(self):
        if Case._dataset is None:
            keep = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-data-"))
            unittest.addModuleCleanup(shutil.rmtree, keep, ignore_errors=True)
            path = keep / "data.hdf5"
            self.ok("collect", "--env", ENV, "--max-episode-steps", 40, "--steps", 400, "--noise", 0.3, "--out", path)
            Case._dataset = path
        shutil.copy(Case._dataset, self.data)

    def call(self, *arguments, **options):
        return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder, timeout=300, **options)

    def start(self, *arguments, **options):
        process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder, **options)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def ok(self, *arguments, **options):
        result = self.call(*arguments, **options)
        self.assertEqual(result.returncode, DONE, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def refused(self, code, parts, *arguments, **options):
        """The call ends with `code`, and one line of standard error is the error, naming every one of `parts`."""
        result = self.call(*arguments, **options)
        self.check_error(result.returncode, result.stderr, code, parts, arguments)
        return result

    def check_error(self, got, stderr, code, parts, what=""):
        self.assertEqual(got, code, f"{what}\n{stderr}")
        if code == INTERRUPTED:  # asked for, so no error: one plain line says it
            self.assertNotIn("error: ", stderr, what)
            self.assertTrue(any(all(str(part) in line for part in parts) for line in stderr.splitlines()), f"{what}: no line with {parts}\n{stderr}")
            return
        errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(errors), 1, f"{what}: no line, or more than one, starts with 'error: '\n{stderr}")
        for part in parts:
            self.assertIn(str(part), errors[0], what)
        self.assertNotIn("(unexpected)", errors[0], what)

    def wait_until(self, condition, process=None, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if process is not None and process.poll() is not None:
                return False
            self.assertLess(time.monotonic(), end, "nothing happened in time")
            time.sleep(0.002)
        return True

    def assert_same_run(self, one, other, files=FILES):
        a, b = read_safetensors(one / "final.safetensors")[1], read_safetensors(other / "final.safetensors")[1]
        self.assertEqual(a.keys(), b.keys())
        for name in a:
            self.assertEqual(a[name], b[name], f"{name} differs")
        for name in files:
            self.assertEqual((one / name).read_bytes(), (other / name).read_bytes(), f"{name} differs")


def phase(folder):
    """Phase of the checkpoint, or None when there is none."""
    try:
        return read_safetensors(folder / "checkpoint.safetensors")[0]["phase"]
    except FileNotFoundError:
        return None


def main():
    unittest.main(verbosity=2)
