"""Plug-ins through the program: doctor, whole runs, resuming, and what is left when one goes wrong in the middle of a run."""
import re

from harness import *

PLUGINS = pathlib.Path(os.environ["WARMSTART_PLUGINS"])


class Plugin(Case):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "run"

    def use(self, name, **env):
        """A recipe that names a copy of the plug-in beside itself."""
        shutil.copy(PLUGINS / f"{name}.so", self.folder / "mine.so")
        env = {"plugin": "./mine.so", "max_episode_steps": 20, "reward_bias": 0, "reward_scale": 1, **env}
        return self.write_recipe(env=env, collect={"policy": "random"}, data={"sparse_reward": False}, eval={"every": 0, "pretrain_every": 0})

    def train(self, recipe, *more, out=None):
        return ["train", recipe, "--out", out or self.out, "--quiet", *more]

    def test_doctor(self):
        good = self.ok("doctor", "--env-plugin", PLUGINS / "plugin_env.so")
        self.assertEqual(good.stdout.count("ok "), 8, good.stdout)
        self.assertIn("CartPendulum-v0 can be trained on", good.stdout)
        found = json.loads(self.ok("doctor", "--env-plugin", PLUGINS / "plugin_env.so", "--json").stdout)
        self.assertEqual((found["obs_size"], found["action_size"], found["can_save"], found["passed"]), (4, 1, True, True))
        self.refused(MACHINE, ["fails 1 of 1"], "doctor", "--env-plugin", PLUGINS / "bad_version.so")
        hanging = self.refused(MACHINE, ["bad_hang.so"], "doctor", "--env-plugin", PLUGINS / "bad_hang.so", "--timeout", 0.3)
        self.assertIn("does not answer", hanging.stdout)

    def test_a_whole_run_and_from_another_folder(self):
        recipe = self.use("plugin_env")
        self.ok(*self.train(recipe))
        header = read_safetensors(self.out / "final.safetensors")[0]
        self.assertEqual(header["env"], "CartPendulum-v0")
        self.assertEqual(json.loads((self.out / "run.json").read_text())["env"], "CartPendulum-v0")
        played = json.loads(self.ok("eval", self.out / "final.safetensors", "--episodes", 3, "--json").stdout)
        self.assertEqual(played["env"], "CartPendulum-v0")
        self.assertGreaterEqual(played["episode_length"], 1)
        # a relative path on the command line starts at the current folder
        (self.folder / "deeper").mkdir()
        shutil.move(self.folder / "mine.so", self.folder / "deeper" / "moved.so")
        self.refused(USAGE, ["no such plug-in", self.folder / "mine.so"], *self.train(recipe, out=self.folder / "b"))
        self.ok(*self.train(recipe, "--env.plugin", "deeper/moved.so", out=self.folder / "b"))
        self.assert_same_run(self.out, self.folder / "b", ["metrics.csv", "metrics.jsonl"])  # headers name the plug-in's place
        self.refused(USAGE, ["no such plug-in"], "eval", self.out / "final.safetensors")
        again = json.loads(
            self.ok("eval", self.out / "final.safetensors", "--episodes", 3, "--json", "--env-plugin", "deeper/moved.so").stdout)
        self.assertEqual(again["return_mean"], played["return_mean"])
        self.refused(DATA, ["another task", "CartPendulum-v0", "Line-v0"], "eval", self.out / "final.safetensors", "--env-plugin",
                     PLUGINS / "bad_good.so")

    def stopped_and_resumed(self, name):
        recipe = self.use(name)
        steps = ["--finetune.steps", 1500, "--finetune.utd", 1]
        self.ok(*self.train(recipe, *steps, out=self.folder / "whole"))
        long = self.train(recipe, *steps)
        process = self.start(*long)
        self.assertTrue(self.wait_until(lambda: phase(self.out) == "finetune", process))
        time.sleep(0.1)
        process.terminate()
        _, stderr = process.communicate(timeout=60)
        self.check_error(process.returncode, stderr, INTERRUPTED, ["--resume"])
        return self.ok(*[a for a in long if a != "--quiet"], "--resume")

    def test_resume_is_exact_with_saved_state(self):
        self.stopped_and_resumed("plugin_env")
        self.assert_same_run(self.folder / "whole", self.out)

    def test_resume_without_saved_state_says_so(self):
        resumed = self.stopped_and_resumed("bad_no_state")
        self.assertIn("a new one begins", resumed.stderr)

    def test_runs_are_saved_when_a_plugin_fails(self):
        for name, code, says in [("late_crash", MACHINE, "Segmentation fault"), ("late_hang", MACHINE, "does not answer"),
                                 ("late_nan_obs", DIVERGED, "obs[1] is nan"), ("late_huge_obs", DIVERGED, "obs[1] is 1e+300"), ("late_fails", MACHINE, "the motor is off")]:
            with self.subTest(name):
                recipe = self.use(name, plugin_timeout=1)
                self.data.unlink(missing_ok=True)
                shutil.copy(PLUGINS / "bad_good.so", self.folder / "good.so")
                # the dataset comes from the one that works: what fails is an environment's 151st step
                self.ok("collect", "--env-plugin", self.folder / "good.so", "--policy", "random", "--steps", 400, "--out", self.data)
                out = self.folder / name
                tiny = self.train(recipe, "--pretrain.steps", 5, "--warm_up.steps", 100, "--finetune.steps", 100, out=out)
                self.refused(code, [says, "mine.so", "the run is saved: finetune, step 150", "--resume"], *tiny)
                self.assertEqual(json.loads((out / "run.json").read_text())["status"], "failed")
                self.assertEqual(phase(out), "finetune")
                # the repaired one goes on from the step that failed
                shutil.copy(PLUGINS / "bad_good.so", self.folder / "mine.so")
                resumed = self.ok(*[a for a in tiny if a != "--quiet"], "--resume")
                self.assertIn("a new one begins", resumed.stderr)
                self.assertEqual(json.loads((out / "run.json").read_text())["steps"]["online"], 201)

    def test_destroy_is_called_when_the_program_is_killed(self):
        told = self.folder / "destroyed"
        recipe = self.use("bad_good")
        process = self.start(*self.train(recipe, "--finetune.steps", 1000000), env=os.environ | {"WARMSTART_TEST_DESTROYED": str(told)})
        self.assertTrue(self.wait_until(lambda: phase(self.out) == "finetune", process))
        before = told.read_text().count("destroyed") if told.exists() else 0
        process.kill()
        self.assertTrue(self.wait_until(lambda: told.exists() and told.read_text().count("destroyed") == before + 2, seconds=20), "learning and evaluating")

    def test_limits_hold_while_data_are_collected(self):
        recipe = self.use("plugin_env")
        limits = ["--safety.action_low", -0.25, "--safety.action_high", 0.5, "--safety.max_action_change", 0.125]
        self.ok(*self.train(recipe, *limits, "--pretrain.steps", 5, "--finetune.steps", 5))
        code = ("import sys, h5py, numpy as np; f = h5py.File(sys.argv[1]); a = f['actions'][:, 0]; ends = f['terminals'][:].astype(bool) | f['timeouts'][:].astype(bool)\n"
                "print(a.min() >= -.25, a.max() <= .5, np.ptp(a) > .5, np.abs(np.diff(a))[~ends[:-1]].max() <= .125 + 1e-6)")
        said = subprocess.run([PYTHON, "-c", code, self.data], capture_output=True, text=True, check=True).stdout
        self.assertEqual(said.split(), ["True"] * 4)

    def test_an_agent_of_other_sizes_is_refused(self):
        self.ok(*self.train(self.use("plugin_env"), "--pretrain.steps", 5, "--finetune.steps", 5))
        # the task got another sensor, and kept its name
        source = (pathlib.Path(__file__).parents[2] / "examples/plugin_env.c").read_text()
        (self.folder / "more.c").write_text(re.sub(r"\.obs_size = \w+", ".obs_size = 5", source))
        built = subprocess.run(["cc", "-shared", "-fPIC", f"-I{pathlib.Path(__file__).parents[2]}", "-o", self.folder / "mine.so", self.folder / "more.c", "-lm"], capture_output=True, text=True)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.refused(DATA, ["4 observations and 1 actions", "CartPendulum-v0 has 5 and 1"], "eval", self.out / "final.safetensors", "--episodes", 1)

    def test_a_failing_save_loses_nothing(self):
        self.refused(MACHINE, ["save", "the motor is off", "the run is saved"], *self.train(self.use("bad_save_fails")))


if __name__ == "__main__":
    main()
