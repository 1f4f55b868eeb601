"""A tiny study through a real Slurm of one node, which this test starts and stops. Skipped where that is not possible: it needs root and
Debian's slurm-wlm and munge (scripts/slurm_one_node.sh install)."""
from harness import *

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/slurm_one_node.sh"
PROGRAMS = ["sbatch", "squeue", "scancel", "slurmctld", "slurmd", "munged"]
MISSING = [p for p in PROGRAMS if not shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")]
STUDY = """
recipe = "tiny.toml"
seeds = [0, 1]
[[arm]]
name = "WSRL"
[[arm]]
name = "no warm-up"
set = { warm_up.steps = 0, finetune.min_buffer = 16 }
[[arm]]
name = "no data"
set = { data.path = "gone.hdf5", data.collect = false }
"""


@unittest.skipIf(os.geteuid() != 0, "only root can start Slurm's daemons")
@unittest.skipIf(MISSING, "not installed: " + ", ".join(MISSING))
class Slurm(Case):
    def setUp(self):
        super().setUp()
        self.slurm = self.folder / "slurm-daemons"
        started = subprocess.run([SCRIPT, "start", self.slurm], capture_output=True, text=True)
        self.addCleanup(subprocess.run, [SCRIPT, "stop", self.slurm], check=True)
        if started.returncode:
            self.skipTest(f"Slurm did not start here: {started.stderr}")
        self.environment = {**os.environ, "SLURM_CONF": str(self.slurm / "slurm.conf")}
        self.file = self.folder / "s.toml"
        self.file.write_text(STUDY)
        self.out = self.folder / "runs/studies/s"

    def tool(self, *arguments):
        return subprocess.run([*map(str, arguments)], capture_output=True, text=True, env=self.environment, check=True).stdout

    def wait_for_the_queue(self):
        self.wait_until(lambda: not self.tool("squeue", "--noheader"), seconds=240)

    def test_the_grid_as_arrays(self):
        said = self.ok("study", self.file, "--launcher", "slurm", env=self.environment).stdout
        # datasets that need nothing: one array; the pre-trainings of each; the runs of each pre-training
        self.assertIn("12 jobs submitted in 7 arrays", said)
        again = self.ok("study", self.file, "--launcher", "slurm", env=self.environment).stdout
        self.assertIn("0 jobs submitted", again, "what is queued is not submitted twice")
        self.assertIn("in Slurm's queue", self.ok("study", "status", self.file, env=self.environment).stdout)
        self.wait_for_the_queue()

        status = self.ok("study", "status", self.file, env=self.environment).stdout
        self.assertRegex(status, "failed       dataset gone-[0-9a-f]{8}.pack")
        self.assertIn("7 done", status)
        self.assertIn("4 blocked", status)
        self.ok("study", "report", self.file)
        by_slurm = (self.out / "curves.csv").read_bytes()
        # by hand, without Slurm: the same numbers
        self.refused(DATA, ["gone.hdf5"], "study", self.file, "--out", self.folder / "local", "--quiet")
        self.assertEqual((self.folder / "local/curves.csv").read_bytes(), by_slurm)
        self.assertGreater(by_slurm.count(b"\n"), 10)

        # the cause repaired, the same command submits what is left
        shutil.copy(self.data, self.folder / "gone.hdf5")
        self.assertIn("5 jobs submitted in 4 arrays", self.ok("study", self.file, "--launcher", "slurm", env=self.environment).stdout)
        self.wait_for_the_queue()
        self.assertIn("12 done", self.ok("study", "status", self.file).stdout)

    def test_a_cancelled_job_saves_and_goes_on(self):
        self.file.write_text(STUDY.replace("[[arm]]", "[set]\nfinetune.steps = 3000\neval.every = 0\n[[arm]]", 1))
        self.ok("study", self.file, "--launcher", "slurm", "--seeds", 0, "--only", "WSRL", env=self.environment)
        run = self.out / "runs" / ENV / "WSRL/seed0"
        self.assertTrue(self.wait_until(lambda: phase(run) == "finetune"))
        self.tool("scancel", "--user", "root")
        self.wait_for_the_queue()
        self.wait_until(lambda: json.loads((run / "run.json").read_text())["status"] != "running", seconds=60)
        self.assertEqual(json.loads((run / "run.json").read_text())["status"], "interrupted")
        self.assertFalse((run / "STOP").exists())
        self.ok("study", self.file, "--seeds", 0, "--only", "WSRL", "--quiet")
        self.ok("train", self.write_recipe("long.toml", finetune={"steps": 3000}, eval={"every": 0}), "--out", self.folder / "alone", "--no-report")
        one, other = (read_safetensors(f / "final.safetensors")[1] for f in (run, self.folder / "alone"))
        self.assertEqual(one, other)


if __name__ == "__main__":
    main()
