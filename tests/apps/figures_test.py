"""Figures and tables for a paper, read back by other programs: XML, CSV, PDF and PNG, LaTeX."""
import csv
import re
import xml.etree.ElementTree as ET

from harness import *

SVG = "{http://www.w3.org/2000/svg}"
HEAD = ["run", "method", "seed", "phase", "step", "metric", "value"]


class Figures(Case):
    def write_run(self, name, label, seed, env="Maze-v0", lift=0.0, **info):
        folder = self.folder / name
        folder.mkdir(parents=True)
        rows = [{"phase": "pretrain", "step": 1000 * k, "kind": "eval", "return_mean": 10 * k, "success_rate": k / 10} for k in (1, 2, 3)]
        for step, success in ((0, 0.5), (100, 0.5), (200, 0.25), (300, 0.75), (400, 0.625)):
            phase = "warmup" if step <= 100 else "finetune"
            rows.append({"phase": phase, "step": step, "kind": "eval" if step else "switch", "return_mean": 100 * success, "success_rate": success + lift})
            rows.append({"phase": phase, "step": step, "kind": "diagnostics", "q_offline": -step, "q_online": -2 * step, "my_own": 1 + step})
            if step > 100:
                rows.append({"phase": phase, "step": step, "kind": "train", "critic_loss": 4.0 / step})
            for k in range(3):
                rows.append({"phase": phase, "step": step + k + 1, "kind": "episode", "return": success, "success": 1, "length": 30})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        told = {"label": label, "env": env, "seed": seed, "status": "done", "seconds": {"pretrain": 6, "warmup": 1, "finetune": 5}, "warm_up_steps": 100}
        (folder / "run.json").write_text(json.dumps(told | info))
        return folder

    def rows(self, path):
        with open(path, newline="") as table:
            return list(csv.reader(table))

    def three_runs(self):
        self.write_run("a0", "K<b>_2 & 5%", 0)
        self.write_run("a1", "K<b>_2 & 5%", 1, lift=0.125)
        self.write_run("b0", "other, plain", 0)
        return "a0", "a1", "b0"

    def test_svg_and_csv(self):
        said = self.ok("report", *self.three_runs(), "--out", "page.html", "--figures", "paper").stdout
        out = self.folder / "paper"
        names = sorted(p.stem for p in out.glob("*.svg"))
        self.assertIn(f"wrote {len(names)} figures", said)
        for name in ("eval-success-rate", "eval-return-mean", "pretrain-eval-success-rate", "episodes", "diagnostics-q-offline", "diagnostics-my-own",
                     "train-critic-loss", "seconds"):
            self.assertIn(name, names)
        captions = (out / "captions.md").read_text()
        for name in names:
            root = ET.parse(out / f"{name}.svg").getroot()
            self.assertEqual(root.get("width"), "234pt", name)  # 3.25 inches: a column
            texts = [t.text for t in root.iter(f"{SVG}text")]
            self.assertTrue(texts, "text stays text")
            self.assertGreaterEqual(min(float(t.get("font-size")) for t in root.iter(f"{SVG}text")), 7)
            _, _, width, height = map(float, root.get("viewBox").split())
            for t in root.iter(f"{SVG}text"):
                self.assertTrue(0 <= float(t.get("x")) <= width and 0 <= float(t.get("y")) <= height, (name, t.text))
            table = self.rows(out / f"{name}.csv")
            self.assertEqual(table[0], HEAD, name)
            self.assertGreater(len(table), 1, name)
            self.assertIn(f"`{name}`", captions)
        texts = [t.text for t in ET.parse(out / "eval-success-rate.svg").getroot().iter(f"{SVG}text")]
        for part in ("K<b>_2 & 5%", "other, plain", "success rate (%)", "environment steps since the switch", "warmup", "0", "25", "50", "75", "100"):
            self.assertIn(part, texts)
        # every number of the plot, from the metrics by another reader
        expected = set()
        for run, label, seed in (("a0", "K<b>_2 & 5%", "0"), ("a1", "K<b>_2 & 5%", "1"), ("b0", "other, plain", "0")):
            for line in (self.folder / run / "metrics.jsonl").read_text().splitlines():
                row = json.loads(line)
                if row["kind"] in ("eval", "switch") and row["phase"] != "pretrain":
                    expected.add((run, label, seed, row["phase"], row["step"], row["success_rate"]))
        found = {(r[0], r[1], r[2], r[3], int(r[4]), float(r[6])) for r in self.rows(out / "eval-success-rate.csv")[1:]}
        self.assertEqual(found, expected)

    def test_one_run_has_its_sets_in_one_plot(self):
        self.write_run("a0", "WSRL", 0)
        self.ok("report", "a0", "--figures", "paper")
        texts = [t.text for t in ET.parse(self.folder / "paper/diagnostics-q.svg").getroot().iter(f"{SVG}text")]
        self.assertIn("offline", texts)
        self.assertIn("online", texts)
        self.assertEqual({r[5] for r in self.rows(self.folder / "paper/diagnostics-q.csv")[1:]}, {"q_offline", "q_online"})
        self.assertIn("One seed", (self.folder / "paper/captions.md").read_text())

    def test_tasks_have_folders(self):
        self.write_run("a", "WSRL", 0, env="Maze-v0")
        self.write_run("b", "WSRL", 0, env="Hopper v0")
        self.ok("report", "a", "b", "--out", "page.html", "--figures", "paper")
        for task in ("maze-v0", "hopper-v0"):
            self.assertTrue((self.folder / "paper" / task / "eval-success-rate.svg").exists())
        self.assertEqual((self.folder / "paper/table.tex").read_text().count("\\begin{tabular}"), 2)

    def test_pdf_and_png(self):
        runs = self.three_runs()
        call = ("report", *runs, "--out", "page.html", "--figures", "paper", "--figure-format", "pdf,png")
        (self.folder / "none").mkdir()
        self.refused(MACHINE, ["rsvg-convert", "librsvg2-bin", "--figure-format svg"], *call, env=os.environ | {"PATH": str(self.folder / "none")})
        self.assertFalse((self.folder / "page.html").exists(), "told before anything is written")
        if not shutil.which("rsvg-convert"):
            self.skipTest("rsvg-convert is not installed")
        self.ok(*call)
        pdf = (self.folder / "paper/eval-success-rate.pdf").read_bytes()
        self.assertTrue(pdf.startswith(b"%PDF-"))
        boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([^\]]*)\]", pdf)}
        self.assertEqual([box[2] for box in boxes], [234], "3.25 inches")
        png = (self.folder / "paper/eval-success-rate.png").read_bytes()
        width = int.from_bytes(png[16:20], "big")
        self.assertAlmostEqual(width, 3.25 * 300, delta=1)
        self.assertEqual(list((self.folder / "paper").glob("*.svg")), [])
        # a program that fails is told, and leaves nothing half
        (self.folder / "none/rsvg-convert").write_text("#!/bin/sh\nexit 1\n")
        (self.folder / "none/rsvg-convert").chmod(0o755)
        broken = ("report", *runs, "--out", "page.html", "--figures", "broken", "--figure-format", "pdf")
        self.refused(MACHINE, ["rsvg-convert failed"], *broken, env=os.environ | {"PATH": f"{self.folder / 'none'}:{os.environ['PATH']}"})
        self.assertEqual(list((self.folder / "broken").glob("*.pdf*")), [])

    def test_options_need_a_folder_and_known_values(self):
        self.write_run("a0", "WSRL", 0)
        self.refused(USAGE, ["--figures"], "report", "a0", "--figure-band", "std")
        self.refused(USAGE, ["eps"], "report", "a0", "--figures", "paper", "--figure-format", "eps")
        self.refused(USAGE, ["--figures"], "report", "a0", "--live", "--figures", "paper")

    def test_latex_takes_the_table(self):
        self.ok("report", *self.three_runs(), "--out", "page.html", "--figures", "paper", "--figure-band", "std")
        table = (self.folder / "paper/table.tex").read_text()
        # statistics.stdev([50, 62.5]) and of the two last evaluations
        self.assertIn("K\\textless{}b\\textgreater{}\\_2 \\& 5\\% & 2 & 56.2 $\\pm$ 8.8 & 31.2 $\\pm$ 8.8 & 68.8 $\\pm$ 8.8", table)
        self.assertIn("standard deviation", table)
        if not shutil.which("pdflatex") or subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).returncode:
            self.skipTest("pdflatex with booktabs is not installed")
        (self.folder / "paper/main.tex").write_text("\\documentclass[twocolumn]{article}\n\\usepackage{booktabs}\n\\begin{document}\nText.\n\\input{table.tex}\n\\end{document}\n")
        latex = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"], cwd=self.folder / "paper", capture_output=True, text=True)
        self.assertEqual(latex.returncode, 0, latex.stdout[-2000:])
        self.assertNotIn("Overfull", latex.stdout)


if __name__ == "__main__":
    main()
