"""A run killed at any moment and resumed ends with the same bytes as one that was left alone."""
import random
import shutil
import signal
import time

from harness import *


class KillAndResume(Case):
    KILLS = 9

    def resumed_run(self, call, name, seed, kills, most=9):
        """Kills the run after a random number of saves (at most `most`) and a random moment more; then lets it end."""
        out, rng, done, phases = self.folder / name, random.Random(seed), 0, set()
        checkpoint = out / "checkpoint.safetensors"

        def stamp():
            try:
                return checkpoint.stat().st_ino, checkpoint.stat().st_mtime_ns
            except FileNotFoundError:
                return None

        while done < kills:
            process = self.start(*call, "--out", out, "--resume", "--quiet", "--threads", rng.choice([1, 2]))
            # the first kill may well come before the first save
            for _ in range(rng.randint(0 if done == 0 else 1, most)):
                before = stamp()
                if not self.wait_until(lambda: stamp() != before, process):
                    break
            time.sleep(rng.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            _, stderr = process.communicate()
            if process.returncode != -signal.SIGKILL:  # we were too slow for it: go closer
                self.assertEqual(process.returncode, DONE, stderr)
                self.assertGreater(most, 1, "this machine is too busy to kill a run in time")
                shutil.rmtree(out)
                return self.resumed_run(call, name, seed, kills, most // 2)
            done += 1
            phases.add(phase(out))
        self.ok(*call, "--out", out, "--resume", "--quiet", "--threads", 2)
        return out, phases

    def check(self, seed, **sections):
        self.make_data()
        recipe = self.write_recipe(**sections)
        whole = self.folder / "whole"
        self.ok("train", recipe, "--out", whole, "--quiet", "--threads", 1)
        killed, phases = self.resumed_run(["train", recipe], "killed", seed, self.KILLS)
        self.assert_same_run(whole, killed)
        return phases

    def test_without_retention(self):
        phases = self.check(1)
        self.assertGreaterEqual(len(phases), 2, f"kills met {phases} alone; take other moments")

    def test_mixture_and_a_ring_that_overwrites(self):
        self.check(2, retention={"mode": "mixed", "ratio": 0.25}, run={**TINY["run"], "replay_capacity": 90, "checkpoint_every": 7})

    def test_append_of_offline_data(self):
        self.check(3, retention={"mode": "append"}, finetune={**TINY["finetune"], "initialise": "policy"})

    def test_limits_on_actions(self):
        self.check(6, safety={"action_high": [0.5, 0.75], "max_action_change": 0.05, "smoothing": 0.5})

    def test_bf16(self):
        os.environ["WARMSTART_BF16"] = "emulate"
        self.addCleanup(os.environ.pop, "WARMSTART_BF16")
        self.check(5, network={"critic_hidden": [16, 16], "actor_hidden": [16, 16]}, run={**TINY["run"], "precision": "bf16"})

    def test_fine_tuning_from_a_file_without_the_dataset(self):
        self.make_data()
        self.ok("pretrain", self.recipe, "--out", "offline", "--quiet", "--pretrain.steps", 20)
        self.data.unlink()
        call = ["finetune", self.recipe, "--from", self.folder / "offline" / "pretrained.safetensors", "--pretrain.steps", 20]
        self.ok(*call, "--out", self.folder / "whole", "--quiet")
        killed, _ = self.resumed_run(call, "killed", 4, 4)
        self.assert_same_run(self.folder / "whole", killed, [f for f in FILES if f != "pretrained.safetensors"])
        self.assertFalse(self.data.exists())


class Determinism(Case):
    def test_threads_do_not_matter(self):
        self.make_data()
        for threads in (1, 2):
            self.ok("train", self.recipe, "--out", f"threads{threads}", "--quiet", "--threads", threads)
        self.assert_same_run(self.folder / "threads1", self.folder / "threads2")

    def test_seeds_do(self):
        self.make_data()
        self.ok("train", self.recipe, "--out", "runs", "--quiet", "--seeds", 2, "--pretrain.steps", 20, "--finetune.steps", 20)
        a, b = (read_safetensors(self.folder / "runs" / f"seed{i}" / "final.safetensors")[1] for i in (0, 1))
        self.assertNotEqual(a, b)


if __name__ == "__main__":
    main()
