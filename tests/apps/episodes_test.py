"""Where episodes end: stored with every transition, through saving, resuming, conversion, and tasks that cannot be saved."""
from harness import *

PLUGINS = pathlib.Path(os.environ["WARMSTART_PLUGINS"])
METRICS = ["metrics.csv", "metrics.jsonl"]  # the headers of other files name the keys that were changed
LIMIT = 10  # of the task in which every observation is the same


class Episodes(Case):
    def use(self, name, **sections):
        """A recipe of the plug-in with a dataset of alike episodes, each 10 steps long, made by numpy."""
        if not self.data.exists():
            code = ("import sys, numpy as np; n = 400; r = np.random.default_rng(0); o = np.full((n, 2), .5, np.float32)\n"
                    "a = r.uniform(-1, 1, (n, 1)).astype(np.float32); t = np.arange(n) % 10 == 9\n"
                    "np.savez(sys.argv[1], observations=o, actions=a, rewards=1 + .1 * a[:, 0], terminals=np.zeros(n, bool), timeouts=t, next_observations=o)")
            self.data = self.data.with_suffix(".npz")
            subprocess.run([PYTHON, "-c", code, self.data], check=True)
        tables = {
            "env": {"plugin": str(PLUGINS / f"{name}.so"), "max_episode_steps": 0, "reward_bias": 0, "reward_scale": 1},
            "data": {"collect": False, "sparse_reward": False},
            "pretrain": {"steps": 20},
            "warm_up": {"steps": 50},
            "finetune": {"agent": "calql", "steps": 300, "batch": 8, "utd": 1},
            "retention": {"mode": "mixed"},
            "agent": {"n_step": 3},
            "eval": {"every": 0, "pretrain_every": 0, "episodes": 1},
            "run": {**TINY["run"], "checkpoint_every": 0},
        }
        for section, values in sections.items():
            tables.setdefault(section, {}).update(values)
        return self.write_recipe(**tables)

    def train(self, recipe, *more, out="run"):
        return ["train", recipe, "--out", self.folder / out, "--quiet", "--no-report", *more]

    def ends(self, out="run"):
        """(terminals, timeouts) of the run's transitions as h5py reads them"""
        path = self.folder / f"{out}.hdf5"
        path.unlink(missing_ok=True)
        self.ok("data", "convert", self.folder / out, path)
        code = "import sys, h5py, json; f = h5py.File(sys.argv[1]); print(json.dumps([[i for i, x in enumerate(f[k][:]) if x] for k in ('terminals', 'timeouts')]))"
        return json.loads(subprocess.run([PYTHON, "-c", code, path], capture_output=True, text=True, check=True).stdout)

    def test_episodes_that_meet_in_one_observation(self):
        recipe = self.use("steady_still")
        self.ok(*self.train(recipe, out="whole"))
        for cut in (77, 205):
            out = f"cut{cut}"
            self.ok(*self.train(recipe, "--run.max_steps", cut, out=out))
            self.assertEqual(json.loads((self.folder / out / "run.json").read_text())["status"], "stopped")
            self.ok(*self.train(recipe, "--resume", out=out))
            self.assert_same_run(self.folder / "whole", self.folder / out, METRICS)
        # 50 steps of warm-up, one more as the reference counts, and 300: 35 episodes and one step of another
        expected = [*range(LIMIT - 1, 350, LIMIT), 350]
        self.assertEqual(self.ends("whole"), [[], expected])
        self.assertEqual(self.ends("cut205"), [[], expected])

    def test_a_task_that_cannot_be_saved(self):
        recipe = self.use("steady_still_no_state")
        self.ok(*self.train(recipe, "--run.max_steps", 83))
        resumed = self.ok("train", recipe, "--out", self.folder / "run", "--no-report", "--resume", "--run.max_steps", 83)
        self.assertIn("a new one begins", resumed.stderr)
        self.ok(*self.train(recipe, "--resume", "--run.max_steps", 126))
        # it is evaluated on the one environment there is: the 6th episode is cut where the warmup ends, after its 51 steps. The last one
        # was cut after 2 steps: each ends there as by a time limit, and the next begins
        first = [*range(9, 50, 10), 50, 60, 70, 80, 82]
        self.assertEqual(self.ends(), [[], [*first, *range(92, 126, 10), 125]])
        self.ok(*self.train(recipe, "--resume"))
        second = [*first, *range(92, 126, 10), 125]
        self.assertEqual(self.ends(), [[], [*second, *range(135, 351, 10), 350]])

    def test_a_terminal_is_one_however_far_the_time_limit(self):
        recipe = self.use("steady_far", finetune={"agent": "sac"}, retention={"mode": "none"})
        self.ok(*self.train(recipe, "--finetune.steps", 60))
        self.assertEqual(self.ends(), [[29, 59, 89], [110]])

    def test_learning_starts_when_an_episode_has_ended(self):
        # 16 rows would be enough, and the time limit is a million steps away
        recipe = self.use("steady_far", warm_up={"steps": 0}, finetune={"utd": 2}, retention={"mode": "none"})
        result = self.ok(*self.train(recipe, "--finetune.steps", 60))
        info = json.loads((self.folder / "run" / "run.json").read_text())
        self.assertEqual((info["updates"], info["first_update"]), (31, 30))
        self.assertRegex(result.stdout, r"(?m)^method +seeds +updates ")
        self.assertRegex(result.stdout, r"(?m)^\S+ +1 +31 ")


if __name__ == "__main__":
    main()
