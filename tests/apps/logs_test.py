"""What a run logs: CSV, JSONL and TensorBoard at once or not, and no row twice or missing after a kill."""
import signal

from harness import *

EVENTS = "events.out.tfevents.0000000000.warmstart"
CHECK = pathlib.Path(__file__).resolve().parent.parent / "io" / "tensorboard_check.py"


class Logs(Case):
    def setUp(self):
        super().setUp()
        self.make_data()
        self.out = self.folder / "run"

    def checked(self, folder):
        return subprocess.run([PYTHON, CHECK, folder], capture_output=True, text=True)

    def numbers(self, folder):
        result = self.checked(folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return int(result.stdout.split()[0])

    def test_tensorboard_reads_what_metrics_say(self):
        self.ok("train", self.recipe, "--out", self.out, "--quiet")
        rows = (self.out / "metrics.csv").read_text().splitlines()
        evaluations = [r for r in rows if r.split(",")[2] in ("eval", "switch")]  # these twice: apart, and as one curve
        self.assertEqual(self.numbers(self.out), len(rows) - 1 + len(evaluations))
        flip_byte(self.out / EVENTS)
        self.assertNotEqual(self.checked(self.out).returncode, 0, "a flipped byte must show")

    def test_killed_and_resumed(self):
        self.ok("train", self.recipe, "--out", self.folder / "whole", "--quiet")
        for at in ("pretrain", "finetune"):
            process = self.start("train", self.recipe, "--out", self.out, "--quiet", "--resume")
            if self.wait_until(lambda: phase(self.out) == at, process):
                process.send_signal(signal.SIGKILL)
            process.communicate()
            with open(self.out / EVENTS, "ab") as f:
                f.write(b"\x18torn")
        self.ok("train", self.recipe, "--out", self.out, "--quiet", "--resume")
        self.assertEqual(self.numbers(self.out), self.numbers(self.folder / "whole"))

    def test_each_can_be_left_out(self):
        short = ["train", self.recipe, "--quiet", "--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20]
        files = {"metrics.csv", EVENTS}
        for key, name in (("csv", "metrics.csv"), ("tensorboard", EVENTS)):
            out = self.folder / key
            call = [*short, f"--log.{key}", "false", "--out", out]
            self.ok(*call, "--run.max_steps", 30)
            self.ok(*call, "--resume")
            self.assertEqual({f for f in files if (out / f).exists()}, files - {name})
            self.assertTrue((out / "metrics.jsonl").exists(), "reports are made from it")
        self.numbers(self.folder / "csv")
        self.refused(USAGE, ["log.jsonl", "did you mean"], *short, "--log.jsonl", "false", "--out", self.out)

    def test_event_file_that_cannot_be_written(self):
        self.out.mkdir()
        (self.out / EVENTS).mkdir()
        (self.out / EVENTS / "x").touch()
        self.refused(USAGE, ["holds a run"], "train", self.recipe, "--out", self.out, "--quiet")
        self.refused(MACHINE, [self.out / EVENTS], "train", self.recipe, "--out", self.out, "--quiet", "--resume")


if __name__ == "__main__":
    main()
