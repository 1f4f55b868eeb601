"""The bench verbs: what they print, refuse and conclude. Nothing here looks at how long something took."""
import sys

from harness import *

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASE = "wsrl-locomotion"
STEP_KEYS = ["case", "threads", "precision", "ms_per_step", "gflop_needed", "gflops", "fma_peak_gflops"]  # others' scripts read these


class Bench(Case):
    def read(self, *arguments):
        return json.loads(self.ok("bench", *arguments, "--json").stdout)

    def one_step(self):
        return self.read("step", "--case", CASE, "--threads", 1, "--rounds", 2)

    def test_step(self):
        out = self.one_step()
        self.assertEqual(list(out)[: len(STEP_KEYS)], STEP_KEYS)
        self.assertEqual((out["case"], out["threads"], out["precision"], out["rounds"]), (CASE, 1, "fp32", 2))
        self.assertAlmostEqual(out["gflops"], out["gflop_needed"] / out["ms_per_step"] * 1e3, places=3)
        self.assertAlmostEqual(out["share_of_peak"], out["gflops"] / out["fma_peak_gflops"], places=6)
        self.assertLessEqual(out["fma_peak_gflops"], out["fma_peak_max_gflops"])
        for median, spread in (("ms_per_step", "ms_spread"), ("fma_peak_gflops", "fma_peak_spread")):
            low, high = out[spread]
            self.assertTrue(low <= out[median] <= high, (median, out))
        for chosen in ("offline", "online"):
            self.assertIn(chosen, self.ok("bench", "step", "--recipe", self.recipe, "--phase", chosen, "--rounds", 1).stdout)
        self.refused(USAGE, ["wsrl-antmaze"], "bench", "step", "--case", "wsrl-antmaz")
        self.refused(USAGE, ["--phase"], "bench", "step", "--recipe", self.recipe)
        self.refused(USAGE, ["--case"], "bench", "step")

    def test_precision(self):
        step = ["bench", "step", "--case", CASE, "--threads", 1, "--rounds", 1, "--precision", "bf16", "--json"]
        here = self.ok(*step)
        precision = json.loads(here.stdout)["precision"]
        self.assertEqual("no bf16 here" in here.stderr, precision == "fp32", here.stderr)
        emulate = {"env": {**os.environ, "WARMSTART_BF16": "emulate"}}
        out = json.loads(self.ok(*step, **emulate).stdout)
        self.assertEqual(out["precision"], "bf16-emulated")
        self.refused(USAGE, ["fp16", "bf16"], "bench", "step", "--case", CASE, "--precision", "fp16")
        self.refused(USAGE, ["--compare", "--precision"], "bench", "--compare", "old.json", "--precision", "fp32")
        (self.folder / "old.json").write_text(json.dumps([dict(out, share_of_peak=0.001, share_spread=[0.001, 0.001])]))
        (row,) = json.loads(self.ok("bench", "--compare", "old.json", "--rounds", 1, "--json", **emulate).stdout)
        self.assertEqual(row["precision"], "bf16-emulated")
        self.refused(USAGE, [CASE, "bf16-emulated"], "bench", "--compare", "old.json")

    def test_list(self):
        cases = {c["case"]: c for c in self.read("list")}
        self.assertEqual(len(cases), 9)
        antmaze = cases["calql-antmaze"]
        self.assertEqual((antmaze["obs"], antmaze["action"], antmaze["members"], antmaze["batch"], antmaze["utd"]), (29, 8, 10, 256, 1))
        self.assertEqual((antmaze["critic_hidden"], antmaze["actor_hidden"], antmaze["std_head"]), ([256] * 4, [256] * 2, "uniform"))
        self.assertIs(antmaze["settings"]["cql.autotune_alpha"], True)
        self.assertIsNone(antmaze["settings"]["agent.target_entropy"], "nan is null")
        self.assertNotIn("cql.alpha", cases["wsrl-adroit"]["settings"])
        text = self.ok("bench", "list").stdout
        for name in cases:
            self.assertIn(name, text)

    def test_compare(self):
        old = self.one_step()

        def compare(code, row, *more):
            (self.folder / "old.json").write_text(json.dumps([row]))
            result = self.call("bench", "--compare", "old.json", "--rounds", 1, *more)
            self.assertEqual(result.returncode, code, result.stderr)
            return result

        # an earlier program that used a hundredth of the peak, and one beyond reach, whatever slows the peak alone (a sanitizer does)
        poor = dict(old, share_of_peak=0.01, share_spread=[0.01, 0.01])
        full = dict(old, share_of_peak=100, share_spread=[100, 100])
        self.assertIn("slower?", compare(DONE, poor).stdout)
        (row,) = json.loads(compare(DIVERGED, full, "--json").stdout)
        self.assertEqual((row["case"], row["threads"], row["runs"], row["slower"]), (CASE, 1, 3, True))
        result = compare(DIVERGED, full)
        self.assertIn("SLOWER", result.stdout)
        self.check_error(result.returncode, result.stderr, DIVERGED, ["slower than before", CASE, "old.json"])
        # within both spreads it is not called slower, however low the median
        self.assertIn("no", compare(DONE, dict(full, share_spread=[0.0, 200.0])).stdout)

        remedy = "warmstart bench --json > FILE"
        older = {key: old[key] for key in STEP_KEYS}
        for content, part in ((json.dumps([older]), "older warmstart"), (json.dumps(old), "not an output"), ("[", "not an output"),
                              ("[7]", "older"), (json.dumps([dict(old, ms_per_step="3")]), "ms_per_step"), (json.dumps([dict(old, ms_per_step=0)]), "cannot be")):
            (self.folder / "bad.json").write_text(content)
            self.refused(DATA, ["bad.json", remedy], "bench", "--compare", "bad.json")
        (self.folder / "bad.json").write_text(json.dumps([dict(old, case="wsrl-nothing")]))
        self.refused(USAGE, ["wsrl-nothing"], "bench", "--compare", "bad.json")
        self.refused(DATA, ["missing.json"], "bench", "--compare", "missing.json")

    def test_parts(self):
        act = self.read("act", "--calls", 100)
        self.assertEqual((act["obs"], act["action"], act["actor_hidden"], act["std_head"], act["calls"]), (45, 24, [512, 512], "exp", 100))
        for kind in ("deterministic", "sampling"):
            self.assertTrue(0 < act[kind]["p50_us"] <= act[kind]["p99_us"])
        # Runge-Kutta, a forward pass of the task's own, and plain steps
        for env in ("Hopper-v4", "PointMaze_UMaze-v3", "HalfCheetah-v5"):
            out = self.read("env", "--env", env, "--rounds", 2, "--steps", 50)
            self.assertAlmostEqual(out["ratio"], out["us_per_step"] / out["simulator_us_per_step"], places=6)
        self.refused(USAGE, ["Hopper-v4"], "bench", "env", "--env", "Hoper-v4")
        self.make_data()
        for chosen in (["--case", CASE], ["--recipe", self.recipe]):
            out = self.read("start", *chosen, "--rounds", 1, "--threads", 1)
            self.assertGreater(out["seconds"], 0)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["data.hdf5", "tiny.toml"], "it leaves nothing behind")
        self.refused(USAGE, ["--case", "--recipe"], "bench", "start")
        memory = self.read("memory", "--case", CASE, "--transitions", 5000)
        self.assertEqual((memory["transitions"], memory["obs"], memory["action"]), (5000, 17, 6))
        self.assertTrue(0 < memory["buffer_bytes"] < memory["peak_rss_bytes"])


class Page(Case):
    def make(self, *arguments):
        return subprocess.run([sys.executable, ROOT / "bench/performance.py", *arguments], cwd=self.folder, capture_output=True, text=True)

    def test_page(self):
        results, page = self.folder / "results", self.folder / "page.md"
        results.mkdir()
        self.assertEqual(self.make(results, page).returncode, 0)
        self.assertIn("No step has been measured yet", page.read_text())

        page.write_text(page.read_text().replace("(profile", "Kept words. (profile"))
        for name, arguments in {"list": ["list"], "act": ["act", "--calls", 10], "memory": ["memory", "--transitions", 10, "--case", CASE]}.items():
            (results / (name + ".json")).write_text(self.ok("bench", *arguments, "--json").stdout)
        step = json.loads(self.ok("bench", "step", "--case", CASE, "--rounds", 1, "--json").stdout)
        (results / "steps.json").write_text(json.dumps([step]))
        made = self.make(results, page)
        self.assertEqual(made.returncode, 0, made.stderr)
        text = page.read_text()
        for part in ("Kept words.", f"| {CASE} |", "2446", "acting, sampling", "peak resident memory"):
            self.assertIn(part, text)
        self.make(results, page)
        self.assertEqual(page.read_text(), text, "made again from the same results")

        page.write_text(text.replace("<!-- by hand: end -->", ""))
        damaged = self.make(results, page)
        self.assertNotEqual(damaged.returncode, 0)
        self.assertIn("markers", damaged.stderr)
        self.assertIn("Kept words.", page.read_text())


if __name__ == "__main__":
    main()
