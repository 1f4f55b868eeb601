"""A plug-in without save and load is a machine: one environment at a time, the limits at all times, resets where they are due."""
import re

from harness import *

PLUGINS = pathlib.Path(os.environ["WARMSTART_PLUGINS"])
READ = """import sys, json, h5py
f = h5py.File(sys.argv[1])
print(json.dumps({k: f[k][:].ravel().tolist() for k in ('actions', 'terminals', 'timeouts')}))"""


class Machine(Case):
    def setUp(self):
        super().setUp()
        self.log, self.out = self.folder / "log.txt", self.folder / "run"
        self.env = os.environ | {"WARMSTART_TEST_LOG": str(self.log)}

    def use(self, name, **sections):
        shutil.copy(PLUGINS / f"{name}.so", self.folder / "mine.so")
        sections["env"] = {"plugin": "./mine.so", "max_episode_steps": 0, "reward_bias": 0, "reward_scale": 1} | sections.get("env", {})
        sections.setdefault("eval", {})
        sections["eval"] = {"every": 25, "pretrain_every": 0, "episodes": 2} | sections["eval"]
        sections["warm_up"] = {"steps": 40} | sections.get("warm_up", {})
        sections["pretrain"] = {"steps": 5} | sections.get("pretrain", {})
        sections["finetune"] = {"steps": 100, "utd": 1} | sections.get("finetune", {})
        return self.write_recipe(data={"sparse_reward": False, "collect": False}, safety={"max_action_change": 0.1}, **sections)

    def data_of(self, name):
        """Recorded in the environment that `name` is, by a copy that nobody looks at."""
        self.ok("collect", "--env-plugin", PLUGINS / f"{name}.so", "--steps", 300, "--max-episode-steps", 30, "--out", self.data)

    def calls(self):
        return [(what, float(number)) for what, number in (line.split() for line in self.log.read_text().splitlines())]

    def check_calls(self, calls, environments=1):
        """One environment at a time, no jump of an action, and nothing but a reset begins an episode."""
        alive, last = 0, None
        for what, number in calls:
            if what == "create":
                alive += 1
                self.assertEqual(alive, 1, "a second environment of one machine")
                last = None
            elif what == "destroy":
                alive -= 1
            elif what == "reset":
                last = 0.0
            else:
                self.assertIsNotNone(last, "a step before the first reset")
                self.assertLessEqual(abs(number - last), 1 + 1e-5, "0.1 of a range of 20 is 1")
                last = number
        self.assertEqual(alive, 0, "the machine was not stopped")
        self.assertEqual(sum(what == "create" for what, _ in calls), environments)

    def episodes(self, calls):
        """Lengths of all episodes, in order."""
        lengths = []
        for what, _ in calls:
            if what == "reset":
                lengths.append(0)
            elif what == "step":
                lengths[-1] += 1
        return lengths

    def evaluations(self):
        rows = [json.loads(line) for line in (self.out / "metrics.jsonl").read_text().splitlines()]
        return [(row["phase"], row["step"]) for row in rows if "return_mean" in row]

    def ends(self, file):
        read = json.loads(subprocess.run([PYTHON, "-c", READ, file], capture_output=True, text=True, check=True).stdout)
        self.assertEqual(sum(read["terminals"]), 0)
        return [i + 1 for i, end in enumerate(read["timeouts"]) if end]

    def test_a_run_moves_one_machine(self):
        self.data_of("machine")
        recipe = self.use("machine")
        run = self.ok("train", recipe, "--out", self.out, env=self.env)
        calls = self.calls()
        self.check_calls(calls)
        # an evaluation that is due in an episode waits for its end, and until the next is due at most; the last steps are cut as well
        self.assertEqual(self.evaluations(), [("pretrain", 5), ("warmup", 0), ("warmup", 41), ("finetune", 71), ("finetune", 100),
                                              ("finetune", 130), ("finetune", 141)])
        self.assertEqual(self.episodes(calls), [30] * 4 + [30, 11] + [30] * 2 + [30] + [30] * 2 + [29] + [30] * 2 + [30] + [30] * 2 + [11] + [30] * 2)
        self.assertIn("step 100: the episode under way ends here", run.stderr)
        # what was cut is stored as cut
        self.ok("data", "convert", self.out, self.folder / "replay.hdf5")
        self.assertEqual(self.ends(self.folder / "replay.hdf5"), [30, 41, 71, 100, 130, 141])

    def test_a_waiting_evaluation_is_made_on_resuming(self):
        self.data_of("machine")
        train = ["train", self.use("machine"), "--out", self.out]
        self.ok(*train, "--run.max_steps", 60, env=self.env)
        before = self.calls()
        self.check_calls(before)
        self.assertEqual(self.evaluations()[3:], [])
        self.ok(*train, "--resume", env=self.env)
        self.check_calls(self.calls()[len(before):])
        self.assertEqual(self.evaluations()[3:], [("finetune", 60), ("finetune", 90), ("finetune", 120), ("finetune", 141)])

    def test_a_run_that_collects_has_the_machine_to_itself(self):
        recipe = self.use("machine", collect={"policy": "random", "steps": 60})
        self.ok("train", recipe, "--out", self.out, "--data.collect", "true", "--finetune.steps", 10, env=self.env)
        calls = self.calls()
        self.check_calls(calls, environments=sum(what == "create" for what, _ in calls))

    def test_pictures_move_nothing(self):
        self.data_of("machine")
        self.ok("train", self.use("machine"), "--out", self.out, "--finetune.steps", 10, env=self.env)
        self.log.unlink()
        final = self.out / "final.safetensors"
        self.refused(USAGE, ["cannot be drawn"], "eval", final, "--video", "x.gif", env=self.env)
        self.refused(USAGE, ["cannot be drawn"], "render", "--checkpoint", final, "--out", "x.gif", env=self.env)
        self.assertFalse(self.log.exists())
        self.ok("eval", final, "--episodes", 3, env=self.env)
        self.check_calls(self.calls())

    def test_data_are_collected_within_limits(self):
        plugin = ["--env-plugin", PLUGINS / "machine.so", "--steps", 100, "--out", self.data]
        free = self.ok("collect", *plugin, env=self.env)
        self.assertIn("by policy random", free.stdout)
        self.assertIn("nothing limits its actions", free.stderr)
        self.assertGreater(max(abs(a) for what, a in self.calls() if what == "step"), 5)
        self.log.unlink()
        self.assertNotIn("limits", self.ok("collect", *plugin, "--safety.max_action_change", 0.1, env=self.env).stderr)
        self.check_calls(self.calls())

    def test_doctor_is_gentle_with_a_machine(self):
        found = self.ok("doctor", "--env-plugin", PLUGINS / "machine.so", env=self.env)
        self.assertIn("tried gently", found.stdout)
        calls = self.calls()
        steps = [a for what, a in calls if what == "step"]
        self.assertEqual((len(steps), sum(what == "create" for what, _ in calls)), (50, 1))
        self.assertLessEqual(max(map(abs, steps)), 2.5 + 1e-5, "a quarter of the range")
        self.assertLessEqual(max(abs(b - a) for a, b in zip(steps[:29], steps[1:30])), 0.5 + 1e-5)
        self.log.unlink()
        self.ok("doctor", "--env-plugin", PLUGINS / "machine.so", "--steps", 20, "--safety.action_low", -0.5, "--safety.action_high", 0.1, env=self.env)
        steps = [a for what, a in self.calls() if what == "step"]
        self.assertEqual(len(steps), 20)
        self.assertEqual((min(steps) >= -5 - 1e-5, max(steps) <= 1 + 1e-5, min(steps) < -2), (True, True, True), steps)
        self.log.unlink()
        seen = json.loads(self.ok("doctor", "--recipe", self.use("machine"), "--json", env=self.env).stdout)
        self.assertEqual((seen["gentle"], seen["can_save"], seen["max_episode_steps"], seen["passed"]), (True, False, 30, True))
        self.check_calls(self.calls())
        self.assertEqual(self.ok("doctor", "--env-plugin", PLUGINS / "machine.so", "--thorough").stdout.count("ok "), 8)
        gentle = self.ok("doctor", "--env-plugin", PLUGINS / "plugin_env.so", "--gentle").stdout
        self.assertEqual(gentle.count("ok "), 5, gentle)

    def test_no_episode_ends(self):
        self.assertIn("NO EPISODE ENDED in 5000 steps, the time limit is 2000000000", self.ok("doctor", "--env-plugin", PLUGINS / "never_ends.so").stdout)
        self.data_of("never_ends")
        recipe = self.use("never_ends", eval={"max_steps": 50})
        run = self.ok("train", recipe, "--out", self.out, "--finetune.steps", 30)
        self.assertIn("2 of 2 evaluation episodes had not ended after 50 steps and were cut", run.stderr)
        rows = [json.loads(line) for line in (self.out / "metrics.jsonl").read_text().splitlines()]
        rows = [row for row in rows if "return_mean" in row]
        self.assertEqual({(row["episode_length"], row["episodes_cut"]) for row in rows}, {(50, 2)})
        final = self.out / "final.safetensors"
        self.assertEqual(json.loads(self.ok("eval", final, "--episodes", 1, "--json").stdout)["episode_length"], 50)
        self.ok("train", self.use("never_ends"), "--out", self.out, "--finetune.steps", 0, "--warm_up.steps", 0, "--eval.episodes", 1, "--overwrite")
        longest = self.ok("eval", self.out / "pretrained.safetensors", "--episodes", 1, "--json")
        self.assertEqual(json.loads(longest.stdout)["episode_length"], 10000)
        self.assertIn("had not ended after 10000 steps", longest.stderr)

    def test_resets_have_a_time_of_their_own(self):
        slow = PLUGINS / "machine_slow_reset.so"
        late = self.refused(MACHINE, [], "doctor", "--env-plugin", slow, "--timeout", 0.5, "--steps", 5)
        self.assertRegex(late.stdout, "reset: the plug-in does not answer.*only its own watchdog stops it now.*env.plugin_reset_timeout")
        self.ok("doctor", "--env-plugin", slow, "--timeout", 0.5, "--reset-timeout", 20, "--steps", 5)

    def test_bad_resets_and_goodbyes(self):
        self.assertIn("obs[1] is nan", self.refused(MACHINE, [], "doctor", "--env-plugin", PLUGINS / "machine_nan_reset.so").stdout)
        told = self.ok("doctor", "--env-plugin", PLUGINS / "machine_crash_destroy.so").stderr
        self.assertRegex(told, "warning: destroy: the plug-in crashed.*only its own watchdog stops it now")

    def test_late_steps_are_counted_and_told(self):
        self.data_of("machine")
        told = self.ok("train", self.use("machine_rushed"), "--out", self.out).stderr
        self.assertRegex(told, r"warning: [\d.]+% of the steps came later than the task's control period of 1e-07 s")
        control = json.loads((self.out / "run.json").read_text())["control"]
        # every step but the first of six episodes
        self.assertEqual((control["steps"], control["late"], control["period_seconds"]), (141 - 6, 141 - 6, 1e-7))
        self.assertGreaterEqual(control["worst_gap_seconds"], control["mean_gap_seconds"])
        self.assertIn("later than", control["warning"])
        self.data_of("machine")
        self.ok("train", self.use("machine"), "--out", self.folder / "no_period")
        self.assertNotIn("control", json.loads((self.folder / "no_period" / "run.json").read_text()))


if __name__ == "__main__":
    main()
