"""Datasets that are wrong in one way each, given to a run as a user would."""
from harness import *


class Datasets(Case):
    _made = None

    def setUp(self):
        super().setUp()
        if Datasets._made is None:
            self.make_data()
            keep = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-bad-"))
            unittest.addModuleCleanup(shutil.rmtree, keep, ignore_errors=True)
            subprocess.run([PYTHON, pathlib.Path(__file__).with_name("make_bad_data.py"), self.data, keep], check=True, timeout=120)
            Datasets._made = keep

    def data_file(self, name):
        return Datasets._made / f"{name}.hdf5"

    def train(self, name):
        return ["pretrain", self.recipe, "--data", self.data_file(name), "--out", self.folder / "run", "--pretrain.steps", 5, "--eval.episodes", 1]

    def test_refused(self):
        for name, parts in {
            "absent": [],
            "truncated": [],
            "text": ["text, which begins with"],
            "nothing": ["empty (0 bytes)"],
            "no_rewards": ["rewards"],
            "no_flags": ["terminals"],
            "wide_observations": ["observations", "9"],
            "wide_actions": ["actions", "5"],
            "lengths_differ": ["rewards"],
            "text_rewards": ["rewards"],
            "nan_reward": ["rewards", "7"],
            "inf_observation": ["observations", "7"],
            "nan_next_observation": ["next_observations", "7"],
            "nan_action": ["actions", "7"],
            "loud_actions": ["action entries", "lie beyond -1 .. 1", "data.action_low"],
            "empty": [],
            "one_step_timeouts": [],
        }.items():
            with self.subTest(data=name):
                self.refused(DATA, [self.data_file(name), *parts], *self.train(name))
                self.assertFalse((self.folder / "run").exists(), "refused before anything is written")

    def test_few_actions_out_of_range_are_clipped_and_counted(self):
        result = self.ok(*self.train("overshot_actions"))
        self.assertRegex(result.stderr, r"\d+ action entries clipped")
        self.assertIn("warning: 3 action entries (0.38%) lie beyond -1 .. 1", result.stderr)

    def test_one_step_episodes(self):
        result = self.ok(*self.train("one_step_apart"))
        self.assertIn("400 transitions, 400 episodes", result.stderr)
        # next observations show that the record went on behind every true end
        episodes = json.loads(self.ok("data", "info", self.data_file("good"), "--json").stdout)["episodes"]["count"]
        self.assertLess(episodes, 40)
        result = self.ok(*self.train("one_step_episodes"), "--overwrite")
        self.assertIn(f"400 transitions, {episodes} episodes", result.stderr)

    def test_verify(self):
        self.ok("data", "verify", self.data_file("good"), "--env", ENV)
        self.refused(DATA, [self.data_file("nan_reward")], "data", "verify", self.data_file("nan_reward"), "--env", ENV)
        self.refused(DATA, [self.data_file("wide_actions")], "data", "verify", self.data_file("wide_actions"), "--env", ENV)


if __name__ == "__main__":
    main()
