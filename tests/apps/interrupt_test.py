"""Ctrl-C, --resume, --overwrite, and two processes on one folder."""
import signal

from harness import *


class Interrupt(Case):
    def setUp(self):
        super().setUp()
        self.make_data()
        self.out = self.folder / "run"
        self.long = ["train", self.recipe, "--out", self.out, "--finetune.steps", 1000000]

    def interrupted(self, *arguments, at="finetune", code=signal.SIGINT):
        process = self.start(*arguments)
        self.assertTrue(self.wait_until(lambda: phase(self.out) == at, process), "the run ended early")
        process.send_signal(code)
        _, stderr = process.communicate(timeout=60)
        return process.returncode, stderr

    def test_saves_and_says_how_to_go_on(self):
        code, stderr = self.interrupted("train", self.recipe, "--out", self.out, "--quiet", at="pretrain")
        self.check_error(code, stderr, INTERRUPTED, ["interrupted and saved", "--resume", "step"])
        self.assertEqual(json.loads((self.out / "run.json").read_text())["status"], "interrupted")
        self.ok("train", self.recipe, "--out", self.out, "--resume")
        self.ok("train", self.recipe, "--out", self.folder / "whole")
        self.assert_same_run(self.folder / "whole", self.out)

        before = (self.out / "final.safetensors").read_bytes()
        again = self.ok("train", self.recipe, "--out", self.out, "--resume")
        self.assertIn("nothing to do", again.stderr)
        # seconds of a phase go on over saves and the interruption
        for name in ("pretrain", "finetune"):
            timing = map(json.loads, (self.out / "timing.jsonl").read_text().splitlines())
            seconds = [r["seconds"] for r in timing if r["phase"] == name]
            self.assertEqual(seconds, sorted(seconds))
        self.assertEqual((self.out / "final.safetensors").read_bytes(), before)

    def test_terminate_signal_saves_too(self):
        code, stderr = self.interrupted(*self.long, at="warmup", code=signal.SIGTERM)
        self.check_error(code, stderr, INTERRUPTED, ["interrupted and saved", "--resume"])

    def test_what_is_not_saved_ends_at_once(self):
        for call in (["collect", "--env", ENV, "--steps", 3000000, "--out", "big.hdf5"],
                     ["train", self.write_recipe("big.toml", data={"path": str(self.folder / "big.hdf5")}, collect={"steps": 3000000})],
                     ["study", self.write_study()]):
            process = self.start(*call)
            pause = time.monotonic() + 1
            while time.monotonic() < pause:
                self.assertIsNone(process.poll(), call)
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
            self.check_error(process.returncode, stderr, INTERRUPTED, ["interrupted"])
            self.assertEqual([p.name for p in self.folder.glob("big.hdf5*") if p.suffix != ".lock"], [])

    def write_study(self):
        path = self.folder / "s.toml"
        path.write_text('recipe = "big.toml"\n[grid]\nfinetune.utd = [1, 2]\n')
        return path

    def test_never_damages_networks_of_real_size(self):
        """Generated matrix products keep values below the stack pointer: a handler on that stack overwrote them in a third of the tries"""
        recipe = self.write_recipe(
            "wide.toml",
            env={"id": "HalfCheetah-v4", "max_episode_steps": 0, "reward_scale": 1, "reward_bias": 0},
            network={"critic_hidden": [256, 256], "actor_hidden": [256, 256], "num_qs": 2},
            pretrain={"agent": "sac", "steps": 0},
            warm_up={"steps": 0},
            finetune={"steps": 1000000, "batch": 256, "utd": 1, "min_buffer": 1},
            eval={"every": 0, "episodes": 2},
            run={"log_every": 20, "checkpoint_every": 1000000, "checkpoint_seconds": 1000},
        )
        for attempt in range(12):
            process = self.start("train", recipe, "--out", self.out, "--resume", "--threads", 1, "--quiet")
            rows = self.out / "timing.jsonl"
            size = rows.stat().st_size if rows.exists() else 0
            self.assertTrue(self.wait_until(lambda: rows.exists() and rows.stat().st_size > size, process), "no step was made")
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
            self.check_error(process.returncode, stderr, INTERRUPTED, ["interrupted and saved", "--resume"])

    def test_resume_of_nothing_starts(self):
        self.ok("train", self.recipe, "--out", self.out, "--resume", "--pretrain.steps", 5, "--finetune.steps", 5)
        self.assertTrue((self.out / "final.safetensors").exists())

    def test_existing_folder(self):
        tiny = ["train", self.recipe, "--out", self.out, "--pretrain.steps", 5, "--finetune.steps", 5]
        self.ok(*tiny)
        before = (self.out / "final.safetensors").read_bytes()
        self.refused(USAGE, [self.out, "--resume", "--overwrite"], *tiny)
        self.assertEqual((self.out / "final.safetensors").read_bytes(), before)
        self.ok(*tiny, "--overwrite", "--seed", 3)
        self.assertNotEqual((self.out / "final.safetensors").read_bytes(), before)
        self.refused(USAGE, ["recipe changed", "agent.tau"], *tiny, "--resume", "--seed", 3, "--agent.tau", 0.01)

    def test_two_processes_on_one_folder(self):
        first = self.start(*self.long)
        self.assertTrue(self.wait_until(lambda: phase(self.out) is not None, first))
        self.refused(USAGE, ["another process", self.out], *self.long, "--resume")
        self.refused(USAGE, [self.out], *self.long, "--overwrite")
        self.refused(USAGE, [self.out], *self.long)
        self.assertIsNone(first.poll(), "the first process must not notice")
        first.send_signal(signal.SIGINT)
        _, stderr = first.communicate(timeout=60)
        self.check_error(first.returncode, stderr, INTERRUPTED, ["--resume"])


if __name__ == "__main__":
    main()
