"""Observation normalization, actions at the bounds and numbers of hostile size, through the program; numpy says what is right."""
from harness import *

CHECK = """
import json, sys
import h5py, numpy as np
from safetensors import safe_open
data, agent = sys.argv[1:]
obs = h5py.File(data)["observations"][:].astype(np.float64)
with safe_open(agent, framework="np") as f:
    rows = int(f.metadata()["normalizer_rows"])
    mean, deviation = f.get_tensor("normalizer/mean"), f.get_tensor("normalizer/deviation")
assert rows == len(obs), (rows, len(obs))
np.testing.assert_allclose(mean, obs.mean(0), rtol=0, atol=1e-12)
np.testing.assert_allclose(np.sqrt(deviation / rows), obs.std(0), rtol=1e-10, atol=1e-15)
"""


class Normalize(Case):
    def train(self, recipe, name, *options, verb="train"):
        return self.ok(verb, recipe, "--out", self.folder / name, *options), self.folder / name

    def test_statistics_are_numpys(self):
        self.make_data()
        recipe = self.write_recipe(data={"normalize": "dataset"}, diagnostics={"hold_out": False})
        _, run = self.train(recipe, "run", "--pretrain.steps", 5, "--finetune.steps", 40)
        for name in ("pretrained.safetensors", "final.safetensors"):
            result = subprocess.run([PYTHON, "-c", CHECK, self.data, run / name], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
        # rows of a pack stay where they are, and count the same
        self.ok("data", "pack", self.data, self.folder / "data.pack")
        _, packed = self.train(recipe, "packed", "--pretrain.steps", 5, "--data", self.folder / "data.pack", verb="pretrain")
        self.assertEqual(read_safetensors(packed / "pretrained.safetensors")[1], read_safetensors(run / "pretrained.safetensors")[1])

    def test_running_resumes_bit_for_bit(self):
        self.make_data()
        recipe = self.write_recipe(data={"normalize": "running"})
        _, whole = self.train(recipe, "whole")
        for steps in (40, 170):
            self.train(recipe, "parts", "--run.max_steps", steps, *(["--resume"] if steps > 40 else []))
        self.train(recipe, "parts", "--resume")
        self.assert_same_run(whole, self.folder / "parts", ["metrics.csv", "metrics.jsonl"])
        self.assertEqual(read_safetensors(whole / "final.safetensors")[0]["normalizer_rows"],
                         read_safetensors(self.folder / "parts" / "final.safetensors")[0]["normalizer_rows"])

    def test_who_acts_sees_by_the_statistics(self):
        # dense rewards, so that another policy has another return
        recipe = self.write_recipe(env={"id": "PointMaze_UMazeDense-v3"}, data={"normalize": "dataset", "sparse_reward": False})
        _, run = self.train(recipe, "run")
        last = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines() if '"eval"' in line][-1]
        seen = json.loads(self.ok("eval", run / "final.safetensors", "--episodes", 2, "--seed", 1000, "--json").stdout)
        self.assertEqual(seen["return_mean"], last["return_mean"], "the program acts as the run did")
        # statistics of another file are another policy
        metadata, tensors = read_safetensors(run / "final.safetensors")
        metadata = {k: v for k, v in metadata.items() if not k.startswith("xxh3.")}
        count = len(tensors["normalizer/mean"][2]) // 8
        tensors["normalizer/mean"] = ("F64", [count], struct.pack(f"<{count}d", *[100.0] * count))
        write_safetensors(self.folder / "other.safetensors", metadata, tensors)
        other = json.loads(self.ok("eval", self.folder / "other.safetensors", "--episodes", 2, "--seed", 1000, "--json").stdout)
        self.assertNotEqual(other["return_mean"], seen["return_mean"])

    def test_refusals(self):
        self.make_data()
        scratch = ("--pretrain.steps", 0, "--data.collect", "false")
        self.refused(USAGE, ["data.normalize", "pretrain.steps"], "train", self.recipe, "--data.normalize", "dataset", "--out", "x", *scratch)
        self.assertFalse((self.folder / "x").exists())
        self.refused(USAGE, ["data.normalize", "running"], "train", self.recipe, "--data.normalize", "mean", "--out", "x")
        _, run = self.train(self.recipe, "plain", "--pretrain.steps", 5, verb="pretrain")
        self.refused(USAGE, ['"none"', '"dataset"', "pretrained.safetensors"], "finetune", self.recipe, "--data.normalize", "dataset",
                     "--from", run / "pretrained.safetensors", "--out", "y")


class Hostile(Case):
    def test_iql_learns_from_a_buffer_of_actions_at_the_bounds(self):
        self.make_data()
        # TD3's noise of 3 puts nearly every action of the warm-up at a bound
        recipe = self.write_recipe(pretrain={"agent": "td3", "steps": 5}, td3={"exploration_noise": 3.0}, finetune={"agent": "iql"})
        out = self.folder / "run"
        self.ok("train", recipe, "--out", out)
        self.ok("data", "convert", out, self.folder / "buffer.hdf5")
        script = "import sys, h5py, numpy as np; a = h5py.File(sys.argv[1])['actions'][:]; print(int((abs(a) == 1).sum()))"
        seen = subprocess.run([PYTHON, "-c", script, self.folder / "buffer.hdf5"], capture_output=True, text=True, check=True).stdout
        self.assertGreater(int(seen), 100)
        self.assertEqual(json.loads((out / "run.json").read_text())["status"], "done")

    def test_rewards_of_hostile_size_are_named(self):
        script = ("import sys, numpy as np; g = np.random.default_rng(0); n = 300\n"
                  "np.savez(sys.argv[1], observations=g.normal(size=(n, 11)).astype('f4'), actions=g.uniform(-1, 1, (n, 3)).astype('f4'),"
                  "rewards=np.full(n, 1e20, 'f4'), terminals=np.zeros(n, bool), timeouts=np.arange(n) % 30 == 29)")
        data = self.folder / "hostile.npz"
        subprocess.run([PYTHON, "-c", script, data], check=True)
        task = ("--env.id", "Hopper-v5", "--data", data, "--data.sparse_reward", "false", "--env.reward_scale", 1)
        result = self.refused(DIVERGED, ["rewards reach 1e+20", "env.reward_scale multiplied by 1e-20", "critic_loss", "pretrain, step 1"],
                              "train", self.recipe, "--out", "run", *task)
        self.assertIn("warning: rewards reach 1e+20", result.stderr)
        self.assertEqual(json.loads((self.folder / "run" / "run.json").read_text())["status"], "failed")
        # the remedy works
        self.ok("pretrain", self.recipe, "--out", "run", "--overwrite", *task[:-1], 1e-20, "--eval.episodes", 1)


if __name__ == "__main__":
    main()
