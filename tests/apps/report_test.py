"""The report as a reader sees it, in headless Chromium: no errors, every curve there, numbers equal to metrics.csv, nothing wider than
the window, and a live page that follows its run."""
import csv
import re
import signal
import socket
import sys
from xml.etree import ElementTree

from harness import *

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import CHROMIUM, Browser

DIAGNOSED = ["q", "td_error", "below_pretrained", "kl", "action_distance", "disagreement"]
STORY = [(0, 0.5), (100, 0.25), (200, 0.4), (300, 0.75), (400, 0.625)]  # step, success; at the switch and after it


def rows_of_a_run(offset=0.0, diagnostics=True):
    """A run that falls and comes back; `offset` lifts its evaluations."""
    rows = []

    def add(phase, step, kind, **values):
        rows.append({"phase": phase, "step": step, "kind": kind, **values})

    for step in (100, 200, 300):
        add("pretrain", step, "train", critic_loss=1.0 / step, actor_loss=-0.5 * step, cql_alpha=1.5)
        add("pretrain", step, "eval", return_mean=step / 100, return_std=0.125, success_rate=step / 1000, episode_length=40)
    for step, success in STORY:
        phase = "warmup" if step <= 100 else "finetune"
        add(phase, step, "eval" if step else "switch", return_mean=10 * (success + offset), return_std=0.125, success_rate=success + offset, episode_length=30)
        if step:
            add(phase, step, "episode", **{"return": success, "success": 1, "length": 30})
            add(phase, step, "train", critic_loss=2.0 / step, actor_loss=0.25 * step, q_online=-3.0 * step)
        if diagnostics:
            of_sets = {f"{name}_{s}": (0.3 + step / 1000) * (i + 1) for name in DIAGNOSED for i, s in enumerate(("offline", "warmup", "online"))}
            of_nets = {f"{net}_{name}": 0.1 + step / 2000 for net in ("actor", "critic") for name in ("norm", "gradient_norm", "update_norm", "dormant")}
            rest = {f"{name}_{s}": 0.2 for name in ("saturation", "chatter") for s in ("warmup", "online")}
            add(phase, step, "diagnostics", not_terminal_offline=256, not_terminal_online=250, **of_sets, **of_nets, **rest, q_of_my_own=4.5)
    if diagnostics:
        add("finetune", 200, "monitor", q_diverging=1, q_before=-2.5, q_now=-80.25)
        add("finetune", 300, "monitor", rolled_back_to=100, value=0.5)
    return rows


class Report(Case):
    def write_run(self, name, rows, label="WSRL", env="Maze-v0", seed=0, **info):
        folder = self.folder / name
        folder.mkdir(parents=True)
        with open(folder / "metrics.csv", "w", newline="") as out:
            table = csv.writer(out)
            table.writerow(["phase", "step", "kind", "name", "value"])
            for row in rows:
                for key, value in row.items():
                    if key not in ("phase", "step", "kind"):
                        table.writerow([row["phase"], row["step"], row["kind"], key, value])
        self.append(name, rows)
        timing = [{"phase": p, "step": s, "seconds": s / 50, "steps_per_second": 50} for p in ("pretrain", "finetune") for s in (100, 200, 300)]
        (folder / "timing.jsonl").write_text("".join(json.dumps(t) + "\n" for t in timing))
        told = {"name": "n", "label": label, "method": "calql -> sac", "env": env, "seed": seed, "status": "done", "from": "",
                "command": f"warmstart train x.toml --out {name}", "seconds": {"pretrain": 6, "warmup": 1, "finetune": 5},
                "steps": {"pretrain": 300, "warmup": 100, "online": 400}, "warm_up_steps": 100, "peak_memory_mib": 321, "cpu": "a CPU"} | info
        (folder / "run.json").write_text(json.dumps(told))
        (folder / "recipe.toml").write_text(f"[run]\nseed = {seed}\n[warm_up]\nsteps = {told['warm_up_steps']}\n[agent]\ntau = 0.005\n")
        return folder

    def append(self, name, rows):
        with open(self.folder / name / "metrics.jsonl", "a") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)

    def test_refusals(self):
        self.refused(DATA, ["no such run folder", "nowhere"], "report", "--live", "nowhere")
        self.refused(DATA, ["no such run folder"], "report", "nowhere", "--film")
        self.write_run("run", rows_of_a_run())
        self.refused(USAGE, ["--live"], "report", "run", "--port", 1234)
        self.refused(USAGE, ["--out"], "report", "run", "--live", "--out", "x.html")
        first = self.start("report", "run", "--live", "--port", 0)
        port = first.stdout.readline().split()[0].rsplit(":", 1)[1].strip("/")
        self.refused(MACHINE, ["Address already in use", port, "--port"], "report", "run", "--live", "--port", port)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)

    def test_tasks_are_not_mixed(self):
        self.write_run("a", rows_of_a_run(), env="Maze-v0")
        self.write_run("b", rows_of_a_run(0.125), env="Hopper-v0")
        said = self.ok("report", "a", "b", "--out", "both.html").stdout
        self.assertIn("Maze-v0\nmethod", said)
        self.assertIn("Hopper-v0\nmethod", said)
        self.assertEqual([line.split()[5] for line in said.splitlines() if line.startswith("WSRL")], ["62.5%", "75.0%"])

    def test_the_command_on_the_page_makes_the_run_again(self):
        self.make_data()
        self.ok("train", self.recipe, "--out", "run", "--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20)
        page = (self.folder / "run" / "report.html").read_text()
        begin = page.index('<script id="data" type="application/json">') + 42
        run = json.loads(page[begin : page.index("</script>", begin)])["tasks"][0]["runs"][0]
        self.assertGreater(run["info"]["peak_memory_mib"], 1)
        subprocess.run(["bash", "-c", run["again"]], cwd=self.folder, check=True, capture_output=True, timeout=300)
        self.assert_same_run(self.folder / "run", self.folder / "run-again")


@unittest.skipUnless(CHROMIUM, "Chromium is not installed")
class InABrowser(Report):
    # the tests of the base class run there
    test_refusals = test_tasks_are_not_mixed = test_the_command_on_the_page_makes_the_run_again = None

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def open(self, path, width=1200):
        self.browser.size(width)
        self.browser.open(path if str(path).startswith("http") else f"file://{self.folder / path}")
        self.assertEqual(self.browser.errors, [])

    def texts(self, selector):
        return self.browser.value(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")

    def curves(self, plot, name=None):
        """[x, y] of the lines of a plot that carry a name in its legend."""
        pick = "true" if name is None else f"t.name === {json.dumps(name)}"
        return self.browser.value(f"(document.querySelector('[data-plot=\"{plot}\"]').data || []).filter((t) => t.name && {pick}).map((t) => [t.x, t.y])")

    def csv_values(self, folder, kind, name, online=True):
        """From metrics.csv, as any reader of tables would: {step: value}."""
        with open(self.folder / folder / "metrics.csv", newline="") as table:
            return {int(r["step"]): float(r["value"]) for r in csv.DictReader(table)
                    if r["kind"] in kind and r["name"] == name and (r["phase"] != "pretrain") == online}

    def test_numbers_are_those_of_the_csv(self):
        self.write_run("s0", rows_of_a_run(), seed=0)
        self.write_run("s1", rows_of_a_run(0.0625), seed=1)
        self.ok("report", "s0", "s1", "--out", "page.html")
        self.open("page.html")
        seeds = [self.csv_values(s, ("eval", "switch"), "success_rate") for s in ("s0", "s1")]
        mean = {step: (seeds[0][step] + seeds[1][step]) / 2 for step in seeds[0]}
        (curve,) = self.curves("eval-success_rate")
        self.assertEqual(dict(zip(*curve)), mean)
        before, after = mean[0], {k: v for k, v in mean.items() if k > 0}
        lowest = [min(v for k, v in s.items() if k > 0) for s in seeds]
        expected = {"before": before, "lowest": sum(lowest) / 2, "final": after[max(after)]}
        for key, value in expected.items():
            self.assertEqual(self.texts(f'.card [data-number="{key}"]'), [f"{round(100 * value, 1):g}%"], key)
        unlearning = [(s[0] - low) / s[0] for s, low in zip(seeds, lowest)]
        numbers = self.texts("#numbers tbody td")
        self.assertTrue(numbers[-3].startswith(f"{round(100 * sum(unlearning) / 2, 1):g}%"), numbers)
        self.assertEqual(numbers[-2], "0 of 2")
        self.assertTrue(numbers[-1].startswith("300"), numbers)  # the first evaluation that is back at 90%
        (loss,) = self.curves("online-critic_loss")
        self.assertEqual(dict(zip(*loss)), self.csv_values("s0", ("train",), "critic_loss"))
        (learned,) = self.curves("pretrain-success_rate")
        self.assertEqual(dict(zip(*learned)), self.csv_values("s0", ("eval",), "success_rate", online=False))
        # every evaluation, as logged
        self.browser.value("[...document.querySelectorAll('details')].find((d) => d.textContent.startsWith('Every evaluation')).open = true")
        self.assertTrue(self.browser.wait("document.querySelectorAll('#how details tbody tr').length >= 16"))
        table = self.texts("#how details:last-of-type tbody tr")
        self.assertIn("WSRL0finetune3007.50.1250.7530", table)

    def test_every_curve_is_there(self):
        self.write_run("run", rows_of_a_run())
        self.ok("report", "run")
        self.open("run/report.html")
        for name in DIAGNOSED:
            lines = self.curves(name)
            self.assertEqual(len(lines), 3, name)
            for line, where in zip(lines, ("offline", "warmup", "online")):
                self.assertEqual(dict(zip(*line)), self.csv_values("run", ("diagnostics",), f"{name}_{where}"), name)
        for name, count in {"norm": 2, "gradient_norm": 2, "update_norm": 2, "dormant": 2, "saturation": 2, "chatter": 2,
                            "eval-success_rate": 1, "eval-return_mean": 1, "episodes": 1, "speed-online": 1, "speed-pretrain": 1,
                            "pretrain-return_mean": 1, "online-actor_loss": 1, "pretrain-critic_loss": 1, "seconds": 3}.items():
            self.assertEqual(len(self.curves(name)), count, name)
        # a number that nobody explained is shown all the same
        self.browser.value("[...document.querySelectorAll('#diagnostics details')][0].open = true")
        self.assertTrue(self.browser.wait("(document.querySelector('[data-plot=\"diagnostics-more-q_of_my_own\"]') || {}).data"))
        self.assertEqual(self.texts("[data-rows]"), ["Transitions that are no true end of an episode, in the newest measurement: 256 offline, 250 online."])
        # the frozen policy's level and the warmup
        shapes = self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.shapes.map((s) => [s.type, s.x0, s.x1, s.y0])")
        self.assertIn(["rect", 0, 100, 0], shapes)
        self.assertIn(["line", 0, 1, 0.5], shapes)
        # the monitor: on the curve, above it, and with its evidence
        self.assertIn(["line", 200, 200, 0], shapes)
        self.assertIn("Q diverges downwards", self.texts("#notice")[0])
        warnings = self.texts("#warnings tbody tr")
        self.assertEqual(warnings, ["WSRL0200Q diverges downwardsq_before −2.5, q_now −80.25", "WSRL0300rolled back to step 100value 0.5"])
        self.assertEqual(self.texts("#cost-table tbody td"), ["WSRL", "6 s", "1 s", "5 s", "12 s", "50", "60", "321 MiB"])
        self.assertEqual(self.texts("pre.again"), ["warmstart train run/recipe.toml --out run-again"])
        self.assertEqual(self.browser.errors, [])

    def test_fits_every_window_and_both_colours(self):
        name = "a_method_whose_name_has_no_place_to_break_and_goes_on_and_on_and_on"
        self.write_run("a", rows_of_a_run(), label=name, env="A_Task_With_A_Name_That_Is_Much_Too_Long_For_A_Phone-v3")
        self.write_run("b", rows_of_a_run(0.125), env="A_Task_With_A_Name_That_Is_Much_Too_Long_For_A_Phone-v3", warm_up_steps=0)
        self.ok("report", "a", "b", "--out", "page.html")
        backgrounds = set()
        for scheme in ("light", "dark"):
            self.browser.colours(scheme)
            for width in (390, 820, 1400):
                self.open("page.html", width)
                self.assertEqual(self.browser.value("document.documentElement.scrollWidth"), width, scheme)
            backgrounds.add(self.browser.value("getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.font.color"),
                             self.browser.value("css('--ink')"))
        self.assertEqual(len(backgrounds), 2)
        # what differs comes first, and alone
        self.assertEqual([row[:13] for row in self.texts("#config tbody tr")], ["warm_up.steps"])
        self.assertEqual(self.browser.errors, [])

    def test_names_are_shown_as_they_are(self):
        self.write_run("a", rows_of_a_run(), label="K<b>2</b> & N>5", command="'/opt/my dir/warmstart' train 'a b.toml' --out a")
        self.write_run("b", rows_of_a_run(0.125), label="other")
        self.ok("report", "a", "b", "--out", "page.html")
        self.open("page.html")
        self.assertIn("K<b>2</b> & N>5", self.texts('[data-plot="eval-success_rate"] .legendtext'))
        self.assertEqual(self.texts("pre.again")[0], "'/opt/my dir/warmstart' train a/recipe.toml --out a-again")

    def test_verdict_on_negative_returns(self):
        rows = [{"phase": "finetune", "step": step, "kind": "eval" if step else "switch", "return_mean": value, "success_rate": 0, "episode_length": 9}
                for step, value in ((0, -100), (100, -150), (200, -95))]
        self.write_run("run", rows)
        self.ok("report", "run")
        self.open("run/report.html")
        self.assertIn("Dropped 50, 50% of the level before the switch: recovered by step 200", self.texts(".card")[0])

    def test_a_drop_is_told_in_points_and_as_a_part_of_the_level(self):
        """97.5% to 77.5%: 20 points, 20.5% of the level; one word for both would be wrong."""
        rows = [{"phase": "finetune", "step": step, "kind": "eval" if step else "switch", "return_mean": value, "success_rate": value, "episode_length": 9}
                for step, value in ((0, 0.975), (100, 0.775), (200, 0.975))]
        self.write_run("run", rows, warm_up_steps=0)
        self.ok("report", "run")
        self.open("run/report.html")
        card = self.texts(".card")[0]
        self.assertIn("Dropped 20 points, 20.5% of the level before the switch: recovered by step 200", card)
        self.assertIn("One seed: the spread is unknown", card)
        # the return is the rate: one plot; and no band without a warmup
        self.assertEqual(self.texts("#online figure h3"), ["Success rate"])
        self.assertEqual(self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.shapes.filter((s) => s.type === 'rect').length"), 0)

    def test_no_update_is_no_good_news(self):
        self.write_run("idle", rows_of_a_run(), label="idle", updates=0)
        self.write_run("old", rows_of_a_run(), label="old")
        self.write_run("learns", rows_of_a_run(), label="learns", updates=1200, status="failed")
        said = self.ok("report", "idle", "old", "learns", "--out", "page.html").stdout
        self.assertIn("no update: idle, seed 0 (idle)", said)
        self.assertIn("1 (1 failed)", said)
        self.assertIn("failed: learns, seed 0 (learns)", said)
        self.assertIn("one seed", said)
        self.open("page.html")
        idle, old, learns = self.texts(".card")
        self.assertIn("No update was made", idle)
        self.assertIn("0 updates", idle)
        self.assertNotIn("No drop", idle)
        self.assertEqual(self.texts(".card .good"), ["recovered by step 300"] * 2)
        self.assertIn("updates unknown", old)
        self.assertIn("1,200 updates", learns)
        self.assertIn("no update", self.texts("#numbers tbody tr")[0])
        self.assertIn("No update was made in fine-tuning: idle, seed 0", self.texts('[data-notice="no-update"]')[0])
        self.assertIn("may be chance", self.texts('[data-notice="one-seed"]')[0])
        self.assertIn("Failed: learns, seed 0", self.texts('[data-notice="failed"]')[0])

    def test_the_control_period(self):
        self.write_run("run", rows_of_a_run(), control={"period_seconds": 0.05, "late": 6, "steps": 400, "worst_gap_seconds": 0.2125})
        self.write_run("quiet", rows_of_a_run(), label="no period")
        self.ok("report", "run", "quiet", "--out", "page.html")
        self.open("page.html")
        self.assertEqual(self.texts("[data-control]"), ["WSRL, seed 0: control period 50 ms; 6 of 400 environment steps (1.5%) came late, "
                                                       "the longest gap between two was 213 ms."])

    def test_plots_can_be_saved(self):
        """On a page that is a file: as SVG and PNG on white, whatever the colours of the page, and the numbers as CSV."""
        self.write_run("run", rows_of_a_run(), label="K<b>2</b> & N>5")
        self.ok("report", "run")
        folder = self.folder / "saved"
        folder.mkdir()
        self.browser.downloads_into(folder)
        self.browser.colours("dark")
        self.addCleanup(self.browser.colours, "light")
        self.open("run/report.html")
        ink = self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.font.color")
        for kind in ("SVG", "PNG", "CSV"):
            self.browser.value(f"document.querySelector('[data-plot=\"eval-success_rate\"]').closest('figure').querySelector('[data-export=\"{kind}\"]').click()")
            path = folder / f"eval-success-rate.{kind.lower()}"
            self.wait_until(lambda: path.exists() and path.stat().st_size > 0)
        text = (folder / "eval-success-rate.svg").read_text()
        self.assertIn("environment steps since the switch", "".join(ElementTree.fromstring(text).itertext()))
        self.assertNotIn(ink, text)
        self.assertTrue((folder / "eval-success-rate.png").read_bytes().startswith(b"\x89PNG"))
        with open(folder / "eval-success-rate.csv", newline="") as table:
            rows = list(csv.DictReader(table))
        self.assertEqual({(r["run"], r["method"], r["seed"], r["metric"]) for r in rows}, {("run", "K<b>2</b> & N>5", "0", "success_rate")})
        self.assertEqual([(r["phase"], int(r["step"]), float(r["value"])) for r in rows], [("warmup" if s <= 100 else "finetune", s, v) for s, v in STORY])
        # the page itself is as it was
        self.assertEqual(self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.font.color"), ink)
        # every plot has numbers, as tables with as many cells in each row
        for name, lines in self.browser.value("[...drawn.values()].filter((d) => d.rows).map((d) => [d.dataset.plot, d.rows()])"):
            self.assertGreater(len(lines), 1, name)
            self.assertEqual({len(line) for line in lines}, {len(lines[0])}, name)
        self.assertEqual(self.browser.errors, [])

    def test_diagnostics_are_folded_on_a_phone(self):
        self.write_run("run", rows_of_a_run())
        self.ok("report", "run")
        self.open("run/report.html", 390)
        self.assertEqual(self.browser.value("document.querySelectorAll('#diagnostics [data-plot]').length"), 0)
        self.browser.value("document.querySelector('#open-diagnostics').click()")
        self.assertTrue(self.browser.wait("(document.querySelector('#diagnostics [data-plot=\"q\"]') || {}).data"))
        self.assertEqual(self.browser.value("document.documentElement.scrollWidth"), 390)
        self.assertEqual(self.browser.errors, [])

    def test_the_band_is_for_runs_with_a_warmup(self):
        self.write_run("a", rows_of_a_run(), label="with")
        self.write_run("b", rows_of_a_run(), label="without", warm_up_steps=0)
        self.ok("report", "a", "b", "--out", "page.html")
        self.open("page.html")
        bands = self.browser.value("document.querySelector('[data-plot=\"eval-success_rate\"]').layout.shapes.filter((s) => s.type === 'rect').map((s) => [s.x1, s.y1])")
        self.assertEqual(len(bands), 1)
        self.assertEqual(bands[0][0], 100)
        self.assertLess(bands[0][1], 0.05, "a strip, not the whole height")
        self.assertIn("the warmup of each method that has one (with)", self.texts("#online figcaption")[0])

    def test_one_task_at_a_time(self):
        self.write_run("a", rows_of_a_run(), env="Maze-v0")
        self.write_run("b", rows_of_a_run(0.125), env="Hopper-v0")
        self.ok("report", "a", "b", "--out", "page.html")
        self.open("page.html")
        self.assertIn("2 different tasks: Maze-v0, Hopper-v0", self.texts("#chooser")[0])
        self.assertEqual(self.texts('.card [data-number="final"]'), ["62.5%"])
        self.browser.choose("task", 1)
        self.assertEqual(self.texts('.card [data-number="final"]'), ["75%"])
        self.assertEqual(self.browser.errors, [])

    def test_a_study(self):
        """The page of a study is that of its runs with one part more, so its summary is put into such a page here."""
        def arm(task, name, mean, **more):
            measures = {"final": {"mean": mean, "iqm": mean + 0.0625, "low": mean - 0.125, "high": mean + 0.125},
                        "steps_to_threshold": {"mean": None, "iqm": None, "low": None, "high": None, "reached": 0}}
            return {"task": task, "arm": name, "set": {"warm_up.steps": "0"}, "seeds": 3, "failed": 0, "measures": measures} | more

        study = {"name": "warm-up", "question": "How long?", "claim": "5000 is enough.", "tasks": ["A", "B"], "seeds": [0, 1, 2], "metric": "success_rate",
                 "threshold": 0.8, "thresholds": {"B": 0.25}, "interval": 0.95, "arms": [arm("A", "K = 0", 0.25), arm("A", "K = 5000", 0.75, failed=1), arm("B", "K = 0", 0.5)],
                 "failures": [{"task": "A", "arm": "K = 5000", "seed": 2, "reason": "killed by signal 9"}], "machine": {"cores": 2}}
        self.write_run("run", rows_of_a_run())
        self.ok("report", "run")
        page = (self.folder / "run" / "report.html").read_text()
        (self.folder / "study.html").write_text(re.sub(r'"study":null', lambda _: '"study":' + json.dumps(study), page, count=1))
        self.open("study.html")
        for part in ("How long?", "5000 is enough.", "killed by signal 9", "95% bootstrap"):
            self.assertIn(part, self.texts("#study")[0])
        self.assertEqual(self.texts('[data-study-table="A"] tbody tr'), ["K = 0325%31.3%12.5% – 37.5%warm_up.steps=0", "K = 500031 failed75%81.3%62.5% – 87.5%warm_up.steps=0"])
        means = self.browser.value("document.querySelector('[data-plot=\"forest-A\"]').data.at(-1).x")
        self.assertEqual(means, [0.25, 0.75])
        self.assertEqual(self.browser.value("document.querySelector('[data-plot=\"forest-B\"]').data.at(-1).x"), [0.5])
        lines = [self.browser.value(f"document.querySelector('[data-plot=\"forest-{task}\"]').layout.shapes[0].x0") for task in "AB"]
        self.assertEqual(lines, [0.8, 0.25])
        self.open("study.html", 390)
        self.assertEqual(self.browser.value("document.documentElement.scrollWidth"), 390)
        self.browser.choose("measure", "steps_to_threshold")
        self.assertIn("0 of 3", self.texts('[data-study-table="A"] tbody tr')[0])
        self.assertIn("no arm has this number", self.texts("#study")[0])
        self.assertEqual(self.browser.errors, [])

    def test_films(self):
        self.make_data()
        self.ok("train", self.recipe, "--out", "run", "--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20)
        self.ok("report", "run", "--film", "--out", "page.html")
        self.open("page.html")
        self.assertEqual([name.split("-tiny, ")[1] for name in self.texts("#films h3")], ["pre-trained", "final"])
        self.assertTrue(self.browser.wait("[...document.querySelectorAll('#films img')].every((i) => i.complete)"))
        self.assertEqual(self.browser.value("[...document.querySelectorAll('#films img')].map((i) => [i.naturalWidth, i.naturalHeight])"), [[240, 240]] * 2)
        self.assertIn("40 steps, return", self.texts("#films figcaption")[1])
        # without a graphics library, and without its files, the page says why there is no film
        blind = os.environ | {"__EGL_VENDOR_LIBRARY_DIRS": str(self.folder)}
        (self.folder / "run" / "pretrained.safetensors").unlink()
        said = self.ok("report", "run", "--film", "--out", "blind.html", env=blind).stderr
        self.assertIn("libegl1", said)
        self.open("blind.html")
        self.assertEqual(self.texts("#films img"), [])
        self.assertIn("libegl1", self.texts("#films")[0])
        self.assertIn("pretrained.safetensors", self.texts("#films")[0])

    def test_live(self):
        rows = rows_of_a_run()
        self.write_run("run", rows, status="running")
        server = self.start("report", "run", "--live", "--port", 0)
        address = server.stdout.readline().split()[0]
        self.open(address)
        self.assertTrue(self.browser.wait("document.getElementById('live').textContent.includes('Live')"))
        self.assertIn("1 run not finished", self.texts("#live")[0])
        self.assertEqual(self.texts('.card [data-number="final"]'), ["62.5%"])
        plot = "document.querySelector('[data-plot=\"eval-success_rate\"]')"
        self.browser.value(f"Plotly.relayout({plot}, {{'xaxis.range': [50, 350]}}).then(() => 0)")
        self.browser.value("[...document.querySelectorAll('details')].find((d) => d.textContent.startsWith('Recipe')).open = true")
        self.browser.value("window.scrollTo(0, 1500)")
        self.append("run", [{"phase": "finetune", "step": 500, "kind": "eval", "return_mean": 0.875, "success_rate": 0.875, "episode_length": 20}])
        self.assertTrue(self.browser.wait(f"{plot}.data.at(-2).x.includes(500)"))
        self.assertEqual(self.texts('.card [data-number="final"]'), ["87.5%"])
        # nothing moves under the reader's eyes
        self.assertEqual(self.browser.value("window.scrollY"), 1500)
        self.assertEqual(self.browser.value(f"{plot}._fullLayout.xaxis.range"), [50, 350])
        self.assertTrue(self.browser.value("[...document.querySelectorAll('details')].find((d) => d.textContent.startsWith('Recipe')).open"))
        self.assertEqual(self.browser.errors, [])
        # who chooses with the keyboard stays where he was, and only what is new is read aloud
        self.browser.value("byId('open-recipes').focus({preventScroll: true})")
        self.browser.value("window.calls = 0, new MutationObserver(() => ++window.calls).observe(byId('live'), {childList: true})")
        looked = self.texts("#looked")
        self.append("run", [{"phase": "finetune", "step": 600, "kind": "eval", "return_mean": 0.875, "success_rate": 0.875, "episode_length": 20}])
        self.assertTrue(self.browser.wait(f"{plot}.data.at(-2).x.includes(600)"))
        self.assertTrue(self.browser.wait(f"byId('looked').textContent !== {json.dumps(looked[0])}"))
        self.assertEqual(self.browser.value("document.activeElement.id"), "open-recipes")
        self.assertEqual(self.browser.value("window.calls"), 0)
        # only this machine's own name is answered
        with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1].strip("/")))) as link:
            link.sendall(b"GET /data.json HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n")
            self.assertIn(b"403", link.recv(100))
        # a run that cannot be read is said so, and shown again once it can be
        good = (self.folder / "run" / "run.json").read_text()
        (self.folder / "run" / "run.json").write_text("{")
        self.assertTrue(self.browser.wait("document.getElementById('live').textContent.includes('malformed JSON')"))
        (self.folder / "run" / "run.json").write_text(good.replace("running", "done"))
        self.assertTrue(self.browser.wait("document.getElementById('live').textContent.includes('All runs are done')"))
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
        self.assertEqual(server.returncode, DONE)
        self.assertTrue(self.browser.wait("document.getElementById('live').textContent.includes('does not answer')"))


if __name__ == "__main__":
    main()
