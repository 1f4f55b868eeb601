"""A real study, tiny: shared pre-training, killed and completed, a job that fails, two processes, refusals."""
import csv
import shutil
import signal
from xml.etree import ElementTree

from harness import *

CLOCK = {"seconds", "pretrain_seconds", "steps_per_second"}
STUDY = """
recipe = "tiny.toml"
question = "does it run?"
threshold = 0.5
seeds = [0, 1]

[[arm]]
name = "WSRL"

[[arm]]
name = "no warm-up"
set = { warm_up.steps = 0, finetune.min_buffer = 16 }

[[arm]]
name = "fresh"
set = { pretrain.steps = 0, warm_up.steps = 0 }
"""


class Study(Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "s.toml"
        self.file.write_text(STUDY)
        self.out = self.folder / "runs/studies/s"

    def table(self, folder):
        with (folder / "results.csv").open() as f:
            return [{k: v for k, v in row.items() if k not in CLOCK} for row in csv.DictReader(f)]

    def logs(self, folder):
        return {str(p.relative_to(folder / "jobs")): p.read_text() for p in (folder / "jobs").rglob("*.log")}

    def test_runs_and_says_what_came_out(self):
        dry = self.ok("study", self.file, "--dry-run").stdout
        self.assertIn("1 datasets, 2 pre-trainings, 6 runs", dry)
        self.assertFalse(self.out.exists())
        self.assertFalse(self.data.exists())

        said = self.ok("study", self.file, "--jobs", 2)
        self.assertIn("[9/9]", said.stderr)
        self.assertIn("| WSRL | 2 |", said.stdout)
        for name in ("results.csv", "curves.csv", "summary.json", "table.md", "study.toml", "report.html", "plan.json"):
            self.assertTrue((self.out / name).exists(), name)
        rows = self.table(self.out)
        self.assertEqual([(r["arm"], r["seed"], r["status"]) for r in rows], [(a, s, "done") for a in ("WSRL", "no warm-up", "fresh") for s in "01"])
        self.assertEqual(sum("== " in text for text in self.logs(self.out).values()), 9)

        # a run of the study is the run that `train` makes of the same recipe, though it read a pack and started from a file
        self.ok("train", self.recipe, "--seed", 1, "--out", self.folder / "alone", "--no-report")
        self.assertFalse((self.folder / "alone/report.html").exists())
        run = self.out / "runs" / ENV / "WSRL/seed1"
        self.assertEqual(read_safetensors(run / "final.safetensors")[1], read_safetensors(self.folder / "alone/final.safetensors")[1])
        self.assertEqual(rows[1]["run"], str(run.relative_to(self.out)))

        # the numbers are those of the run's own file
        evals = [r for r in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if r["kind"] == "eval" and r["phase"] != "pretrain"]
        self.assertEqual(float(rows[1]["lowest"]), min(r["success_rate"] for r in evals))
        summary = json.loads((self.out / "summary.json").read_text())
        wsrl = [float(r["final"]) for r in rows if r["arm"] == "WSRL"]
        self.assertAlmostEqual(summary["arms"][0]["measures"]["final"]["mean"], sum(wsrl) / 2)

        # again: nothing is repeated; another seed and another arm are
        before = self.logs(self.out)
        self.ok("study", self.file, "--quiet")
        self.assertEqual(self.logs(self.out), before)
        self.file.write_text(STUDY + '[[arm]]\nname = "K=50"\nset = { warm_up.steps = 50 }\n')
        self.ok("study", self.file, "--quiet", "--seeds", 2, "--only", "K=50")
        new = self.logs(self.out).keys() - before.keys()
        self.assertEqual({n.split("/")[0] for n in new}, {"start", "run"}, "the dataset is there")
        self.assertEqual(len(new), 2)
        status = self.ok("study", "status", self.file).stdout
        self.assertIn("waiting", status)
        self.assertIn("no process works on it", status)
        self.ok("study", "report", self.out, "--figures", "paper")
        paper = self.folder / "paper"
        with (paper / "arms-final.csv").open() as f:
            finals = [(r["method"], r["seed"], r["metric"], float(r["value"])) for r in csv.DictReader(f)]
        expected = [(r["arm"], r["seed"], "final", float(r["final"])) for r in self.table(self.out) if r["status"] == "done"]
        self.assertEqual(finals, expected)
        texts = [t.text for t in ElementTree.parse(paper / "arms-final.svg").getroot().iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("no warm-up", texts)
        self.assertIn("return, at the end" if summary["metric"] == "return_mean" else "success rate, at the end (%)", texts)
        self.assertTrue((paper / "eval-success-rate.csv").exists() or (paper / "eval-return-mean.csv").exists())
        self.assertIn("no warm-up & 2 &", (paper / "table.tex").read_text())

        # the resolved copy is a study file too
        self.assertIn("6 runs", self.ok("study", self.out / "study.toml", "--dry-run", "--seeds", "0,1", "--out", "x", "--only", "WSRL", "fresh", "K=50").stdout)

        # its page may show what the policies do; a damaged run is named and the others have their results
        self.ok("study", "report", self.out, "--film")
        self.assertIn("data:image/gif", (self.out / "report.html").read_text())
        metrics = run / "metrics.jsonl"
        metrics.write_text(metrics.read_text().replace('"phase"', "phase", 1))
        self.assertIn(str(run), self.ok("study", "report", self.out).stdout)
        row = self.table(self.out)[1]
        self.assertEqual((row["status"], row["final"]), ("failed", ""))
        self.assertIn("metrics.jsonl", row["reason"])
        shutil.rmtree(run)
        self.ok("study", "--seeds", "0,1", self.file, "--quiet")
        self.assertEqual(self.table(self.out)[1], rows[1])

        # killed after its last checkpoint and before it said that it was done
        info = run / "run.json"
        info.write_text(info.read_text().replace('"done"', '"running"'))
        (run / "final.safetensors.tmp4711").write_text("half")
        self.assertIn("missing or damaged", self.ok("study", "status", self.file).stdout)
        self.ok("study", self.file, "--quiet", "--seeds", "0,1")
        self.assertEqual(self.table(self.out)[1], rows[1])
        self.assertEqual(list(run.glob("*.tmp*")), [])

    def test_killed_it_goes_on(self):
        self.ok("study", self.file, "--out", self.folder / "whole", "--quiet")
        study = self.start("study", self.file, "--jobs", 2)
        self.assertTrue(self.wait_until(lambda: len(list(self.out.glob("runs/*/*/seed0/checkpoint.safetensors"))) >= 2, study), "it ended early")
        study.send_signal(signal.SIGKILL)
        study.communicate(timeout=60)
        self.assertFalse((self.out / "results.csv").exists())
        (self.out / "plan.json.tmp4711").write_text("half")
        self.ok("study", self.file, "--jobs", 2)
        self.assertEqual(self.table(self.out), self.table(self.folder / "whole"))
        self.assertEqual((self.out / "curves.csv").read_bytes(), (self.folder / "whole/curves.csv").read_bytes())
        self.assertEqual(list(self.out.glob("*.tmp*")), [])

    def test_status_after_a_kill_tells_of_the_last_attempt(self):
        self.file.write_text(STUDY.replace("[[arm]]", "[set]\nfinetune.steps = 3000\neval.every = 0\n[[arm]]", 1))
        only = ["--seeds", 0, "--only", "fresh"]
        self.ok("study", self.file, *only, "--quiet")
        run = self.out / "runs" / ENV / "fresh/seed0"
        shutil.rmtree(run)  # as one does with a damaged run
        study = self.start("study", self.file, *only)
        self.assertTrue(self.wait_until(lambda: phase(run) == "finetune", study))
        (child,) = pathlib.Path(f"/proc/{study.pid}/task/{study.pid}/children").read_text().split()
        study.send_signal(signal.SIGKILL)
        os.kill(int(child), signal.SIGKILL)
        study.communicate(timeout=60)
        status = self.ok("study", "status", self.file).stdout
        self.assertNotIn("damaged", status)
        self.assertIn("1 interrupted", status)
        self.ok("study", self.file, *only, "--quiet")

    def test_interrupted_it_saves_and_refuses_a_second(self):
        self.make_data()
        self.file.write_text(STUDY.replace("[[arm]]", "[set]\nfinetune.steps = 1000000\n[[arm]]", 1))
        study = self.start("study", self.file, "--jobs", 2, "--seeds", 0)
        runs = lambda: list(self.out.glob("runs/*/*/seed0/checkpoint.safetensors"))
        self.assertTrue(self.wait_until(lambda: len(runs()) == 2, study))
        self.refused(USAGE, ["another process", self.out.relative_to(self.folder)], "study", self.file)
        self.assertIn(f"process {study.pid} works on it", self.ok("study", "status", self.file).stdout)
        study.send_signal(signal.SIGINT)
        _, stderr = study.communicate(timeout=60)
        self.check_error(study.returncode, stderr, INTERRUPTED, ["interrupted", "the same command again"])
        for run in runs():
            self.assertEqual(json.loads((run.parent / "run.json").read_text())["status"], "interrupted")
        self.assertIn("interrupted", self.ok("study", "status", self.file).stdout)
        self.refused(USAGE, ["finetune.steps", "was 1000000", "--out"], "study", self.write_study(STUDY))

    def write_study(self, text):
        self.file.write_text(text)
        return self.file

    def test_a_job_that_fails_stops_no_other(self):
        self.write_study(STUDY + '[[arm]]\nname = "no data"\nset = { data.path = "gone.hdf5", data.collect = false }\n')
        result = self.refused(DATA, ["a job failed", "4 not done", "gone.hdf5", "study status"], "study", self.file, "--quiet")
        self.assertIn("failed, exit code 3", result.stderr)
        rows = {(r["arm"], r["seed"]): r for r in self.table(self.out)}
        self.assertEqual({r["status"] for (arm, _), r in rows.items() if arm != "no data"}, {"done"})
        self.assertEqual(rows["no data", "1"]["status"], "blocked")
        self.assertIn("gone.hdf5", rows["no data", "1"]["reason"])
        self.assertRegex(rows["no data", "1"]["reason"], "data/gone-[0-9a-f]{8} failed")
        status = self.ok("study", "status", self.file).stdout
        self.assertRegex(status, "failed       dataset gone-[0-9a-f]{8}.pack")
        self.assertIn("log: ", status)
        failures = json.loads((self.out / "summary.json").read_text())["failures"]
        self.assertEqual([(f["arm"], f["seed"]) for f in failures], [("no data", 0), ("no data", 1)])
        # the cause repaired, the same command completes it
        shutil.copy(self.data, self.folder / "gone.hdf5")
        self.ok("study", self.file, "--quiet")
        rows = {(r["arm"], r["seed"]): r for r in self.table(self.out)}
        self.assertEqual({r["status"] for r in rows.values()}, {"done"})
        same = {k: v for k, v in rows["WSRL", "0"].items() if k not in ("arm", "run")}
        self.assertEqual({k: v for k, v in rows["no data", "0"].items() if k not in ("arm", "run")}, same, "the same data by another name")

    def test_a_job_that_is_killed_stops_no_other(self):
        self.write_study(STUDY.replace("[[arm]]", "[set]\nfinetune.steps = 2000\neval.every = 0\n[[arm]]", 1))
        study = self.start("study", self.file, "--jobs", 1, "--seeds", 0)
        run = self.out / "runs" / ENV / "WSRL/seed0"
        self.assertTrue(self.wait_until(lambda: phase(run) == "finetune", study))
        (child,) = pathlib.Path(f"/proc/{study.pid}/task/{study.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        _, stderr = study.communicate(timeout=120)
        self.check_error(study.returncode, stderr, MACHINE, ["a job failed", "killed by signal 9", "WSRL/seed0"])
        rows = self.table(self.out)
        self.assertEqual([r["status"] for r in rows], ["failed", "done", "done"])
        self.assertIn("killed by signal 9", rows[0]["reason"])
        self.ok("study", self.file, "--seeds", 0, "--quiet")
        self.assertEqual({r["status"] for r in self.table(self.out)}, {"done"})

    def test_the_file_stop(self):
        self.make_data()
        self.write_study(STUDY.replace("[[arm]]", "[set]\nfinetune.steps = 1000000\n[[arm]]", 1))
        study = self.start("study", self.file, "--only", "fresh", "--seeds", 0)
        self.assertTrue(self.wait_until(lambda: phase(self.out / "runs" / ENV / "fresh/seed0") is not None, study))
        (self.out / "STOP").touch()
        _, stderr = study.communicate(timeout=60)
        self.check_error(study.returncode, stderr, INTERRUPTED, ["stopped with 1 job left", "the same command again"])
        self.assertFalse((self.out / "STOP").exists())

    def test_refusals(self):
        refused = lambda parts, text, *more: self.refused(USAGE, parts, "study", self.write_study(text), *more)
        refused(["unknown key warm_up.stesp", "warm_up.steps", "s.toml"], 'recipe = "tiny.toml"\n[grid]\nwarm_up.stesp = [1]\n')
        refused(["the grid is empty", "s.toml"], 'recipe = "tiny.toml"\n[grid]\n')
        refused(["recipe not found", "tny.toml"], 'recipe = "tny.toml"\n[grid]\nfinetune.utd = [1]\n')
        refused(["no arm of the name WSLR", "WSRL"], STUDY, "--only", "WSLR")
        refused(["seed is given twice"], STUDY, "--seeds", "1,1")
        self.refused(USAGE, ["study file not found", "gone.toml"], "study", "gone.toml")
        self.refused(DATA, ["no study in this folder"], "study", "status", self.folder)
        self.assertFalse((self.folder / "runs").exists(), "nothing was begun")
        (self.folder / "other").mkdir()
        (self.folder / "other/report.html").write_text("precious")
        refused(["something else than a study", "report.html"], STUDY, "--out", self.folder / "other")
        refused(["something else than a study"], STUDY, "--out", ".")
        self.write_recipe("short.toml", run={**TINY["run"], "max_steps": 5})
        refused(["stops its runs early", "run.max_steps", "short.toml"], STUDY.replace("tiny.toml", "short.toml"))
        self.assertEqual((self.folder / "other/report.html").read_text(), "precious")


if __name__ == "__main__":
    main()
