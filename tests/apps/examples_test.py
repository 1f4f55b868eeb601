"""The programs in examples/, as a reader would run them."""
import re

from harness import *

EXAMPLES = pathlib.Path(os.environ["WARMSTART_EXAMPLES"])


class Examples(Case):
    def program(self, name, *arguments, code=DONE):
        result = subprocess.run([EXAMPLES / name, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder, timeout=300)
        self.assertEqual(result.returncode, code, f"{name}\n{result.stdout}\n{result.stderr}")
        return result

    def test_custom_env_trains_on_its_own_task(self):
        out = self.program("custom_env", "run").stdout
        # random actions give -25 or so: twenty episodes of 50 steps at a mean distance of half a unit and more
        value, success = map(float, re.match(r"return (-?[\d.]+), success (\d+)%", out).groups())
        self.assertGreater(value, -10, out)
        self.assertEqual(success, 100, out)
        header = read_safetensors(self.folder / "run" / "final.safetensors")[0]
        self.assertEqual(header["env"], "Line-v0")
        # the policy acts without its environment being known, in another program
        self.assertIn(" 0 allocations", self.program("act", "run/final.safetensors", 200, 0.2).stdout)
        self.refused(USAGE, ["no environment", "Line-v0"], "eval", "run/final.safetensors")

    def test_a_budget_ends_a_program_well(self):
        stopped = self.program("custom_env", "run", "run.max_steps", 100).stdout
        self.assertIn("stopped and saved after 100 environment steps (run.max_steps) in warmup", stopped)
        self.assertEqual(json.loads((self.folder / "run" / "run.json").read_text())["status"], "stopped")
        self.assertIn("run.max_seconds", self.program("custom_env", "run", "run.max_seconds", 1e-3).stdout)
        # and the other one goes on from there
        self.make_data()
        budget = self.write_recipe("budget.toml", run={"max_steps": 20})
        self.assertIn("stopped and saved after 20 environment steps", self.program("finetune", budget, "other").stdout)
        self.write_recipe("budget.toml")
        self.assertIn("done:", self.program("finetune", budget, "other").stdout)

    def test_act_needs_little(self):
        out = subprocess.run(["ldd", EXAMPLES / "act"], capture_output=True, text=True, check=True).stdout
        names = re.findall(r"^\s*(\S+) =>", out, re.M)
        for word in ("hdf5", "mujoco", "curl", "dnnl", "png", "gif", "zip"):
            self.assertFalse([n for n in names if word in n], out)
        self.assertLess(len(names), 12, out)

    def test_finetune_calls_back_stops_and_goes_on(self):
        self.make_data()
        stopped = self.program("finetune", self.recipe, "run", -1e9, code=INTERRUPTED)
        self.assertIn("interrupted and saved", stopped.stderr)
        rows = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        evaluations = [row for row in rows if "return_mean" in row]
        told = re.findall(r"at step (\d+): return (-?[\d.]+)", stopped.stdout)
        self.assertEqual([(str(row["step"]), f"{row['return_mean']:.2f}") for row in evaluations], told)
        self.assertIn("done:", self.program("finetune", self.recipe, "run").stdout)
        self.ok("train", self.recipe, "--out", "whole")
        self.assert_same_run(self.folder / "whole", self.folder / "run")

    def test_act_refuses_bad_input(self):
        self.assertIn("arguments are missing", self.program("act", code=USAGE).stderr)
        (self.folder / "none.safetensors").write_text("x")
        self.assertIn("none.safetensors", self.program("act", "none.safetensors", code=DATA).stderr)


if __name__ == "__main__":
    main()
