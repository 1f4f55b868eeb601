"""Disks that are full and folders that cannot be written: exit code 5, and what was saved stays usable."""
import resource
import signal

from harness import *


def small_disk(limit):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


class FullDisk(Case):
    def setUp(self):
        super().setUp()
        self.make_data()
        self.out = self.folder / "run"
        self.train = ["train", self.recipe, "--out", self.out, "--quiet", "--resume", "--threads", 1]

    def stopped(self, at):
        process = self.start(*self.train)
        self.assertTrue(self.wait_until(lambda: phase(self.out) == at, process))
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, INTERRUPTED)

    def test_earlier_checkpoint_stays_and_resumes(self):
        self.ok("train", self.recipe, "--out", self.folder / "whole", "--quiet")
        self.stopped("pretrain")
        checkpoint = self.out / "checkpoint.safetensors"
        saved = checkpoint.read_bytes()
        self.refused(MACHINE, [self.out], *self.train, preexec_fn=small_disk(len(saved) // 2))  # a later checkpoint may be a little smaller
        self.assertEqual(checkpoint.read_bytes(), saved)
        self.assertEqual([p.name for p in self.out.iterdir() if "tmp" in p.name], [], "no half-written file is left")
        self.stopped("finetune")
        saved = checkpoint.read_bytes()
        self.refused(MACHINE, [self.out], *self.train, preexec_fn=small_disk(2000))  # metrics and buffer are longer already
        self.assertEqual(checkpoint.read_bytes(), saved)
        self.ok(*self.train)
        self.assert_same_run(self.folder / "whole", self.out)

    def test_from_the_start(self):
        self.refused(MACHINE, [self.out], *self.train, preexec_fn=small_disk(100))
        self.ok(*self.train, "--pretrain.steps", 5, "--finetune.steps", 5)

    def test_dataset(self):
        self.refused(MACHINE, ["new.hdf5"], "collect", "--env", ENV, "--steps", 400, "--out", "new.hdf5", preexec_fn=small_disk(1000))
        self.assertFalse((self.folder / "new.hdf5").exists())


class BlockedFolder(Case):
    def test_below_a_file_and_where_nobody_may(self):
        self.make_data()
        for out in (self.recipe / "run", "/proc/warmstart/run"):
            with self.subTest(out=out):
                self.refused(MACHINE, [out], "train", self.recipe, "--out", out, "--quiet")
        self.refused(MACHINE, [self.recipe], "collect", "--env", ENV, "--steps", 10, "--out", self.recipe / "data.hdf5")


if __name__ == "__main__":
    main()
